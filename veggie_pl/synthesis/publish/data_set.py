"""Writes the new data set into a folder that appears whole or not at all."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veggie_pl.data.shards import make_index
from veggie_pl.data.table.shards import PartWriter, TableInfo, TablePart, write_info
from veggie_pl.prepare.report import PrepareReport
from veggie_pl.synthesis.budget import SynthesisError, write_left_out
from veggie_pl.synthesis.item import PAIR
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.publish.card import card_text, fit_config
from veggie_pl.synthesis.publish.rows import Direction, PairRow, rows_of
from veggie_pl.synthesis.publish.shards import ShardWriter
from veggie_pl.synthesis.stills import Stills
from veggie_pl.synthesis.store import Store, StoreError, name_of

SHARD_BYTES = 256 * 2**20
PART_ROWS = 100_000


@dataclass(frozen=True)
class Plan:
    """What the data set is to be.

    Args:
        name: Small letters, digits and underscores.
        folder: Where it will lie, in the end.
        directions: Ways in which pairs are read.
        facts: For ``provenance.json``: plain JSON.
        shard_bytes: Of a tar, before the next one is begun.
    """

    name: str
    folder: Path
    directions: tuple[Direction, ...]
    facts: Mapping[str, Any]
    shard_bytes: int = SHARD_BYTES


def publish(
    plan: Plan,
    building: Path,
    outcomes: Sequence[Outcome],
    stills: Stills,
    store: Store,
    tell: Callable[[int], None] = lambda done: None,
) -> TableInfo:
    """Write card, shards, table and provenance.

    Args:
        plan: What it is to be.
        building: Empty folder to write into; it is moved when it is whole.
        outcomes: Of all items, in the order of rows.
        stills: The table of pictures.
        store: Where the encoded clips are.
        tell: Hears how many pairs are written.

    Raises:
        StoreError: If a clip is not in the store any more.
        SynthesisError: If no pair can be read in any of the directions.
        OSError: If it cannot be written.
    """
    source = stills.records.table.info
    kept = [one for one in outcomes if one.state == "kept"]
    counts: Counter[str] = Counter()
    shards = ShardWriter(building, source.split, plan.shard_bytes)
    parts = _Parts(building / source.split)
    with (building / "provenance.jsonl").open("w", encoding="utf-8") as provenance:
        for done, outcome in enumerate(kept, 1):
            example = stills.example(outcome.number)
            rows = [*rows_of(example, plan.name, source.split, plan.directions, stills.moved)]
            written = shards.add(rows, _clips(store, outcome)) if rows else []
            for row, stored in zip(rows, written, strict=True):
                parts.write(stored, outcome.shape)
                counts[str(row.example.skill)] += 1
                provenance.write(json.dumps(_provenance(outcome, row, source.licence)) + "\n")
            tell(done)
    shards.close()
    if not counts:
        raise SynthesisError(f"none of {len(kept)} pairs that are kept can be read in the directions {plan.directions}")
    made = dict(sorted(counts.items()))
    ends = Counter(one.state for one in outcomes)
    facts = {**plan.facts, "ends": {"items": len(outcomes), **{s: ends[s] for s in ("kept", "rejected", "failed")}}}
    report = _report(outcomes, counts.total())
    info = TableInfo(
        card=plan.name,
        split=source.split,
        media="clips",
        root=str(plan.folder.resolve()),
        licence=source.licence,
        made_from=name_of(facts),
        counts=made,
        parts=tuple(parts.close()),
        report=report.model_dump(),
    )
    write_info(building / source.split, info)
    make_index([str(building / name) for name in shards.names], building / f"{source.split}.json")
    (building / "provenance.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    (building / "card.md").write_text(card_text(plan.name, facts, made), encoding="utf-8")
    frames, height, width = Counter(one.shape for one in kept).most_common(1)[0][0]
    text = fit_config(plan.name, str(plan.folder / source.split), frames, (height, width))
    (building / "fit.yaml").write_text(text, encoding="utf-8")
    write_left_out(building / "left_out.jsonl", [one for one in outcomes if one.state != "kept"])
    return info


def _clips(store: Store, outcome: Outcome) -> tuple[bytes, bytes]:
    found = [store.read("pair", outcome.pair, file) for file in PAIR]
    first, second = found
    if first is None or second is None:
        store.forget("pair", outcome.pair)
        raise StoreError(
            f"the clips of {outcome.key} in {store.folder} are damaged: run the same command again, they are made anew"
        )
    return first, second


def _provenance(outcome: Outcome, row: PairRow, licence: str) -> dict[str, Any]:
    plain = outcome.plain()
    return {
        "key": row.example.key,
        "direction": row.direction,
        "from": outcome.key,
        "row": outcome.number,
        "licence": licence,
        "values": plain["values"],
        **{name: value for name, value in plain["facts"].items() if name != "outputs"},
    }


def _report(outcomes: Sequence[Outcome], rows: int) -> PrepareReport:
    report = PrepareReport()
    for one in outcomes:
        if one.state != "kept":
            reason = f"{one.step}: {one.reason}" if one.state == "failed" else f"rejected: {', '.join(one.rejected)}"
            report.skip(one.key, reason)
    report.kept = rows
    return report


class _Parts:
    """Rows of a table, as many to a file as tables have."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.parts: list[TablePart] = []
        self._writer: PartWriter | None = None

    def write(self, row: Any, shape: tuple[int, int, int]) -> None:
        if self._writer is None:
            self._writer = PartWriter(self.folder / f"rows-{len(self.parts):05d}.arrow").__enter__()
        self._writer.write(row, *shape)
        if self._writer.counts.total() >= PART_ROWS:
            self._end()

    def close(self) -> list[TablePart]:
        self._end()
        return self.parts

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            assert self._writer.part is not None
            self.parts.append(self._writer.part)
            self._writer = None
