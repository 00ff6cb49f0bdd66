"""A bench of one's own: a list with a row per video, to be filled in, and a card beside it."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.file_names import is_hidden, natural_key
from veggie_pl.files import write_text
from veggie_pl.prepare.layouts.examples import FieldName
from veggie_pl.video.clip import ClipError, ClipFile
from veggie_pl.video.formats import IMAGES, VIDEOS

CARD = "card.md"
TO_FILL: tuple[FieldName, ...] = ("skill", "instruction", "phrase", "caption", "source_caption", "checklist")
FRAMES = 16  # of each clip that are scored, until somebody changes the card
_FRONT = """---
name: {name}
title: {title}
task: all                   # editing, grounding or reasoning
media: clips
licence: write down whose clips these are
url: {url}
splits: {{test: {count}}}
layout: {{kind: list, files: {files}, media: {media}, targets: false}}
bench:                      # all fields: data_cards/bench/TEMPLATE.md
  frames: {frames}                # of each clip, picked evenly
  size: [{height}, {width}]          # height and width of {most} of {count} videos; null: each video's own
  status: unconfirmed
---
# {title}

## What it is

{count} videos, one row each in `{manifest}`. Fill in every row: a row without an instruction is left out, and named
when the bench is opened. For several requests about one video copy its row, and give each a `key` of its own. Paths are
relative to the folder of the videos.

| Column | What |
|---|---|
| `skill` | {skills}; empty: by the words |
| `instruction` | what is asked; grounding and reasoning may have a `phrase` alone (the object, or the question) |
| `phrase` | addition and removal: the object that a detector looks for |
| `mask` | grounding and reasoning need it: a folder of pictures, one per frame; edits: the region that may change |
| `caption`, `source_caption` | what the edited clip and the source show |
| `checklist` | yes-or-no questions about the edited clip, worded so that yes is right |

`frames`, `height`, `width` and `fps` are the video's own, for you to read.

## Licence

Whose clips these are.

## Layout

The list beside this card, and the videos it names.

## What is scored

## Known faults

## Citation
"""


@dataclass(frozen=True)
class Started:
    """What was written.

    Args:
        manifest: The list.
        card: The card beside it.
        root: Folder that holds both the list and the videos: what ``prepare`` is told as root.
        count: Videos in the list.
        unreadable: Videos that are not in it, with the reason.
    """

    manifest: Path
    card: Path
    root: Path
    count: int
    unreadable: tuple[str, ...]


def start_manifest(
    folder: Path, manifest: Path, tell: Callable[[int, int], None] = lambda done, total: None
) -> Started:
    """Write a list with one row per video, and a card that makes it a bench; nothing is overwritten.

    Args:
        folder: Of videos, also in folders below; it is only read.
        manifest: The JSONL to write; its folder is made.
        tell: Hears how many of how many videos are looked at.

    Raises:
        UseError: If there is no such folder or no video that can be read, either file is there already, or no folder
            holds both the videos and the list.
    """
    card = manifest.with_name(CARD)
    if not folder.is_dir():
        raise UseError(f"no folder of videos at {folder}")
    if manifest.suffix != ".jsonl":
        raise UseError(f"{manifest}: a manifest is a .jsonl")
    if there := [str(path) for path in (manifest, card) if path.exists()]:
        raise UseError(f"{' and '.join(there)} is there already; nothing is overwritten: name another, or move it away")
    root = _root(folder, manifest)
    paths = list(_videos(folder))
    rows, bad = [], []
    for done, path in enumerate(paths, 1):
        try:
            rows.append(_row(path, folder))
        except ClipError as error:
            bad.append(" ".join(str(error).split()))
        tell(done, len(paths))
    if not rows:
        said = f"none of its {len(paths)} videos can be read, the first: {bad[0]}" if bad else "no videos in it"
        raise UseError(f"{folder}: {said}")
    manifest.parent.mkdir(parents=True, exist_ok=True)
    write_text(card, _card(rows, manifest, root, folder))
    write_text(manifest, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return Started(manifest, card, root, len(rows), tuple(bad))


def _videos(folder: Path) -> Iterator[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [Path(place, name) for name in names if not is_hidden(name)]
    animated = IMAGES & {".gif", ".webp"}
    yield from sorted(
        (path for path in found if path.suffix.lower() in VIDEOS | animated),
        key=lambda path: natural_key(path.relative_to(folder)),
    )


def _row(path: Path, folder: Path) -> dict[str, object]:
    """One row, whose request is still to be written."""
    info = ClipFile(path).info
    name = path.relative_to(folder)
    return {
        "key": name.with_suffix("").as_posix(),
        "source": name.as_posix(),
        **dict.fromkeys(TO_FILL, ""),
        "frames": info.num_frames,
        "height": info.height,
        "width": info.width,
        "fps": round(info.fps, 3),
    }


def _root(folder: Path, manifest: Path) -> Path:
    """Find the folder that holds both: media outside of it would not be read."""
    root = Path(os.path.commonpath([folder.resolve(), manifest.parent.resolve()]))
    if root == Path(root.anchor):
        raise UseError(
            f"{manifest} and {folder} have no folder in common that could be the data's root; "
            f"write the list beside the videos, such as {folder.parent / 'manifest.jsonl'}"
        )
    return root


def _card(rows: list[dict[str, object]], manifest: Path, root: Path, folder: Path) -> str:
    sizes = Counter((row["height"], row["width"]) for row in rows)
    (height, width), most = sizes.most_common(1)[0]
    shown = manifest.parent.resolve().name
    name = re.sub(r"[^a-z0-9]+", "_", shown.lower()).strip("_")
    media = folder.resolve().relative_to(root).as_posix()
    return _FRONT.format(
        name=name if name[:1].isalpha() else f"bench_{name}".rstrip("_"),
        title=json.dumps(shown),
        url=json.dumps(folder.name or str(folder)),
        files=json.dumps(manifest.resolve().relative_to(root).as_posix()),
        media=json.dumps("" if media == "." else media),
        manifest=manifest.name,
        count=len(rows),
        frames=FRAMES,
        height=height,
        width=width,
        most=most,
        skills=", ".join(Skill),
    )
