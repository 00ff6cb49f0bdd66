"""A bench: a card says what is asked and how it is scored, a prepared table holds it, one stream a skill reads it."""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from veggie_pl.batch import Sample, Skill
from veggie_pl.data.benchmark import Benchmark, Measures
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream, RequestStream, Stream
from veggie_pl.data.table.of_skill import SkillRecords
from veggie_pl.data.table.quarantine import read_quarantine
from veggie_pl.data.table.shards import INFO, TableInfo, read_info
from veggie_pl.errors import UseError
from veggie_pl.prepare.bench_block import Bench
from veggie_pl.prepare.card import Card, CardError, read_card
from veggie_pl.prepare.report import PrepareReport

log = logging.getLogger(__name__)
EMPTY = "no instruction"  # why ``prepare`` leaves out a row that nobody has filled in
NAMED = 5  # examples of a fault that are named


class BenchCard(Card):
    """A card with a ``bench:`` block, whose fields are also read from here."""

    bench: Bench

    @property
    def naming(self) -> str:
        """What outputs are called: "key" or "index"."""
        return self.bench.naming

    @property
    def per_skill(self) -> int | None:
        """The first so many examples of each skill; None takes all."""
        return self.bench.per_skill

    def table(self, prepared: str | Path) -> Path:
        """Folder of the bench's table."""
        return Path(prepared) / self.name / self.bench.split


@dataclass(frozen=True)
class LeftOut:
    """What a bench does not hold of what its files list.

    Args:
        skipped: Examples that ``prepare`` made no row of, by reason.
        bad: Rows that ``check`` found to be bad, by key.
        empty: Some of the rows that nobody has filled in yet, by key; they are among the skipped.
    """

    skipped: dict[str, int] = field(default_factory=dict)
    bad: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Examples in all."""
        return sum(self.skipped.values()) + len(self.bad)

    def __str__(self) -> str:
        said = [f"{count} {reason}" for reason, count in sorted(self.skipped.items(), key=lambda one: -one[1])]
        if self.empty:
            said[:0] = [f"fill in the instruction of {', '.join(self.empty)}"]
        if self.bad:
            said.append(f"{len(self.bad)} found bad by check, such as {', '.join(self.bad[:NAMED])}")
        return "; ".join(said)


class CardBenchmark(Benchmark):
    """What a bench card names, for ``score`` and for ``test`` (``conf/bench/``).

    Args:
        card: File of a bench card, or the name of one of ours, such as "veg".
        prepared: Folder of the prepared tables.
        root: Folder of the media, if they lie elsewhere than when they were prepared.
        per_skill: The first so many examples of each skill; None is the card's number.
        measures: What edits are scored by; None is the table of the eight skills as far as it needs no expert.

    Raises:
        UseError: If there is no such bench, it is not prepared, or its table holds nothing that is scored.
    """

    def __init__(
        self,
        card: str,
        prepared: str = "prepared",
        root: str | None = None,
        per_skill: int | None = None,
        measures: Measures | None = None,
    ) -> None:
        self.card, self.measures = read_bench(card), measures
        self.left_out = LeftOut()
        limit = self.card.per_skill if per_skill is None else per_skill
        if self.card.layout is None:
            self._streams = _shapes(self.card, limit)
            return
        folder = self.card.table(prepared)
        if not (folder / INFO).is_file():
            raise UseError(
                f"the bench {self.card.name} is not prepared: there is no {folder}. "
                f"`python -m veggie_pl prepare {card_argument(card)} --root FOLDER -o {prepared}` makes it; "
                f"FOLDER is that of {self.card.title} ({self.card.url})"
            )
        info = read_info(folder)
        self.left_out = left_out(folder, info)
        self._streams = _of_table(self.card, folder, info, root, limit)
        if not self._streams:
            said = f"; left out: {self.left_out}" if self.left_out.count else ""
            raise UseError(f"{folder}: holds nothing that the bench {self.card.name} scores{said}")
        counts = ", ".join(f"{len(stream)} {name}" for name, stream in self._streams.items())
        log.info("bench %s: %s", self.card.name, counts)
        if self.left_out.count:
            log.warning("bench %s leaves out %d: %s", self.card.name, self.left_out.count, self.left_out)

    def streams(self) -> dict[str, Stream]:
        """One stream per skill that has examples, by the skill's name."""
        return self._streams


def read_bench(card: str | Path) -> BenchCard:
    """The bench card in a file's front matter.

    Args:
        card: A file, or the name of a card in ``data_cards/bench``, such as "veg" or "bench/veg".

    Raises:
        CardError: If there is none, it has wrong fields, or it is no bench.
    """
    found = read_card(card_argument(card))
    if found.bench is None:
        raise CardError(f"{found.name} is no bench: its card has no bench: block, see data_cards/bench/TEMPLATE.md")
    return BenchCard.model_construct(**dict(found))


def open_bench(
    card: str | Path, prepared: str | Path = "prepared", root: str | None = None, per_skill: int | None = None
) -> CardBenchmark:
    """Open a bench: one stream per skill over its prepared table; see ``CardBenchmark``."""
    return CardBenchmark(str(card), str(prepared), root, per_skill)


def fingerprint(stream: Stream, index: int) -> str:
    """Name what an example holds and how it is read; nothing is decoded where its records can tell.

    It changes with what is asked, with the files behind it (their size and time) and with how frames are picked, sized
    and worded, and not with other examples.
    """
    own = getattr(stream.records, "fingerprint", None)
    content = _pixels(stream[index]) if own is None else own(index)
    how = f"{type(stream).__name__} {stream.held_out_wordings} {content}"
    return hashlib.blake2b(how.encode(errors="backslashreplace"), digest_size=16).hexdigest()


def card_argument(card: str | Path) -> str:
    """What names a bench card for ``read_card``: a plain name is one in ``data_cards/bench``."""
    path = Path(card)
    is_name = path.name == str(card) and not path.suffix and not path.is_file()
    return f"bench/{card}" if is_name else str(card)


def left_out(folder: Path, info: TableInfo) -> LeftOut:
    """Count what a table does not hold, or holds and ``check`` found to be bad."""
    report = PrepareReport.model_validate(info.report) if info.report else PrepareReport()
    skipped = {kind: reason.count for kind, reason in report.reasons.items()}
    empty = [example.partition(": ")[0] for example in report.reasons[EMPTY].examples] if EMPTY in skipped else []
    return LeftOut(skipped, tuple(fault.key for fault in read_quarantine(folder)), tuple(empty))


def _shapes(card: BenchCard, limit: int | None) -> dict[str, Stream]:
    """Make the streams of Moving Shapes, the one bench without files."""
    bench = card.bench
    if card.name != "shapes" or bench.size is None or bench.size[0] != bench.size[1]:
        raise UseError(f"{card.name}: only Moving Shapes needs no layout, and its bench.size is a square")
    names = [str(skill) for skill in bench.skills] or None
    shapes = ShapesBenchmark(bench.split, 0, names, bench.frames, bench.size[0], length=limit)
    return shapes.streams()


def _of_table(card: BenchCard, folder: Path, info: TableInfo, root: str | None, limit: int | None) -> dict[str, Stream]:
    streams: dict[str, Stream] = {}
    bench = card.bench
    how = {"sampling": bench.sampling, "fps": bench.fps, "stride": bench.stride, "root": root, "limit": limit}
    for skill in bench.skills or Skill:
        if info.counts.get(skill):
            records = SkillRecords(str(folder), skill, bench.frames, bench.size, **how)  # type: ignore[arg-type]
            if len(records):
                # What is asked must be new to a model of ours; a card's own words come first.
                streams[str(skill)] = _kind(card, skill, records)(records, held_out_wordings=not info.wordings)
    return streams


def _kind(card: BenchCard, skill: Skill, records: SkillRecords) -> type[Stream]:
    """Choose the kind of stream; an editing skill has targets if all its examples do."""
    if skill.is_painted:
        return GroundingStream if skill == Skill.GROUNDING else ReasoningStream
    assert card.layout is not None
    if card.layout.needs_targets:
        return EditingStream
    have = sum(bool(records.table.row(number).target) for number in range(len(records)))
    if 0 < have < len(records):
        log.warning(
            "bench %s: %d of %d examples of %s have a target, and none is used", card.name, have, len(records), skill
        )
    return EditingStream if have == len(records) else RequestStream


def _pixels(sample: Sample) -> str:
    """Hash a decoded sample."""
    digest = hashlib.blake2b(repr(sample.example).encode(errors="backslashreplace"), digest_size=16)
    for clip in (sample.source, sample.target, sample.mask):
        if clip is not None:
            digest.update(repr(tuple(clip.shape)).encode() + clip.contiguous().numpy().tobytes())
    return digest.hexdigest()
