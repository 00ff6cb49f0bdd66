"""The data card of a synthesized data set, and the config that trains on it."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

_TEXT = """---
{front}---
# {title}

## What it is

Pairs of clips lifted from pairs of pictures by `python -m veggie_pl synthesize`: a picture is set in motion, the edited
one is carried along, measures drop bad pairs. {real}Made from `{card}`, split `{split}`, {items} rows: {kept} pairs
were kept, {rejected} rejected, {failed} failed (`left_out.jsonl` says why; `report.html` shows them).

## Licence

{licence}: that of the pictures of `{card}`. The terms of the models that made the clips may add to it:

{steps}

## Layout

```
{split}-00000.tar ...   00000000.source.mp4, 00000000.target.mp4, 00000000.json with key, skill, words
{split}.json            index of the shards, for ShardRecords
{split}/                the same as a prepared table, for TableRecords; the clips stay in the shards
provenance.json         table, steps with parameters and hashes, versions, seed
provenance.jsonl        per example: prompts, raw replies of models, seeds, measures
fit.yaml                python -m veggie_pl fit --config conf/stage2.yaml --config .../fit.yaml
```

## Splits and counts

{rows} examples in `{split}`: {counts}.

## Instructions

Those of `{card}`; examples that are read backwards are worded from the phrase by our templates.

## Known faults

What the filter did not see. `provenance.jsonl` has every measure, to filter again.
"""
# What conf/backbone/nano.yaml is made for. Its attention over the pixels of larger clips takes all memory there is.
NANO_SIDE, NANO_FRAMES = 32, 8
_FIT = """\
# Read after a stage's config: python -m veggie_pl fit --config conf/stage2.yaml --config fit.yaml
# The clips have {num_frames} frames of {height} x {width}. They are read as {frames} of {side} x {side}: what the
# nano model, the default, is made for. A larger one takes more: size: [{height}, {width}], num_frames: {num_frames}.
"""
_REAL = "The target of each is a real video, its source is made. "


def card_text(name: str, facts: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Write the card.

    Args:
        name: Of the data set.
        facts: As ``provenance.json`` has them.
        counts: Rows by skill.
    """
    source, split = facts["source"], facts["source"]["split"]
    title = f"{name}, lifted from {source['card']}"
    front = {
        "name": name,
        "title": title,
        "task": "editing",
        "media": "clips",
        "licence": source["licence"] or "not told by the table of pictures",
        "url": f"made by python -m veggie_pl synthesize from {source['card']}",
        "splits": {split: sum(counts.values())},
        "layout": {
            "kind": "webdataset",
            "columns": {field: f"json.{field}" for field in ("key", "caption", "source_caption", "checklist")},
        },
    }
    return _TEXT.format(
        front=yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=10_000),
        title=title,
        real=_REAL if facts["settings"]["moved"] == "target" else "",
        card=source["card"],
        split=split,
        licence=front["licence"],
        steps="\n".join(f"- {step}: `{json.dumps(words)}`" for step, words in facts["steps"].items()),
        rows=sum(counts.values()),
        counts=", ".join(f"{count} {skill}" for skill, count in counts.items()),
        **facts["ends"],
    )


def fit_config(name: str, table: str, num_frames: int, size: tuple[int, int]) -> str:
    """Write the config of a stream over the table, as the model that a stage has by default can be fed with it.

    Args:
        name: Of the data set.
        table: Folder of the table.
        num_frames: Of a clip.
        size: Height and width of a clip, in pixels.
    """
    frames = min(num_frames, NANO_FRAMES)
    records = {
        "class_path": "veggie_pl.data.table.TableRecords",
        "init_args": {"table": table, "num_frames": frames, "size": NANO_SIDE},
    }
    stream = {"class_path": "veggie_pl.data.streams.EditingStream", "init_args": {"records": records}}
    text = yaml.safe_dump({"data": {"streams": {name: {"stream": stream}}}}, sort_keys=False)
    return _FIT.format(num_frames=num_frames, height=size[0], width=size[1], side=NANO_SIDE, frames=frames) + text
