"""From what a layout reads to the rows of a table: checked, with the header's facts, and pairs also backwards."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.faults import words_fault
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.prepare.card import REVERSIBLE, Card
from veggie_pl.video.header import Header, read_header
from veggie_pl.video.media import Media, MediaError

WORDED = (Skill.ADDITION, Skill.REMOVAL)  # whose instruction can be worded from a phrase
PAINTED = {"grounding": Skill.GROUNDING, "reasoning": Skill.REASONING}


def examples(card: Card, root: Path, split: str, entry: Any) -> Iterator[tuple[Row, Header] | Skipped]:
    """Rows of one entry with their headers, and what is skipped; a fault of the entry's files is one too."""
    assert card.layout is not None
    found = card.layout.rows(root, split, entry)
    while True:
        try:
            one = next(found)
        except StopIteration:
            return
        # Annotations that are damaged break layouts in ways that nobody has thought of: the example is skipped, the
        # reason counted, and preparing goes on. A full disk is no fault of the example; this code writes nothing.
        except (ValueError, LookupError, TypeError, AttributeError, OSError, RuntimeError) as error:
            yield Skipped(f"{entry}"[:100], f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
            return
        if isinstance(one, Skipped):
            yield one
            continue
        row = _named(card, split, one)
        yield (checked := _checked(card, root, row))
        if card.reverse and not isinstance(checked, Skipped):
            backwards = _reversed(row)
            yield backwards if isinstance(backwards, Skipped) else _checked(card, root, backwards)


def _named(card: Card, split: str, row: Row) -> Row:
    """With the data set's name before its key, and the skill that the card says."""
    example = row.example
    key = example.key
    if not key.startswith(f"{card.name}/"):
        key = f"{card.name}/{key}" if key.startswith(f"{split}/") else f"{card.name}/{split}/{key}"
    skill = card.skill or PAINTED.get(card.task, example.skill)
    return replace(row, example=example._replace(key=key, skill=skill))


def _checked(card: Card, root: Path, row: Row) -> tuple[Row, Header] | Skipped:
    key = row.example.key
    if (fault := _fault(card, row)) is not None:
        return Skipped(key, fault)
    try:
        header = _header(row.source, root)
        if row.target:
            _header(row.target, root)
    except MediaError as error:
        return Skipped(key, str(error))
    if not row.source[0].data and len(row.source) == 1 and header.frames > 1 and len(row.mask) == 1:
        return Skipped(key, f"one mask for a clip of {header.frames} frames")
    return row, header


def _fault(card: Card, row: Row) -> str | None:
    """What a row lacks."""
    example = row.example
    if not example.key.strip():
        return "no key"
    if not row.source:
        return "no source"
    if example.skill.is_painted:
        if not row.mask:
            return "no mask"
        if not any(rle.counts for rle in row.mask):
            return "its mask is empty in all frames"
        if len(row.source) > 1 and len(row.source) != len(row.mask):
            return f"{len(row.source)} frames, but {len(row.mask)} masks"
        if not example.instruction and not example.phrase:
            return "neither instruction nor phrase"
    else:
        if card.task in PAINTED:
            return f"skill {example.skill} in a card of {card.task}"
        if not row.target and (card.layout is None or card.layout.needs_targets):
            return "no target"
        if row.target and len(row.target) != len(row.source):
            return f"{len(row.source)} source files, but {len(row.target)} target files"
        if not example.instruction and not (example.phrase and example.skill in WORDED):
            return "no instruction"
    return words_fault(example)


def _reversed(row: Row) -> Row | Skipped:
    """The pair read backwards, worded anew from its phrase."""
    example = row.example
    key = f"{example.key}/reversed"
    if example.skill not in REVERSIBLE:
        return Skipped(key, f"{example.skill} cannot be read backwards")
    if not example.phrase:
        return Skipped(key, "no phrase to word the pair backwards from")
    backwards = example._replace(key=key, skill=REVERSIBLE[example.skill], instruction=None, place=None)
    return replace(row, example=backwards, source=row.target, target=row.source)


def _header(media: tuple[Media, ...], root: Path) -> Header:
    """Remembered for files: many expressions are about one video."""
    return read_header(media, root) if any(one.data is not None for one in media) else header_of_files(media, root)


@lru_cache(maxsize=4096)
def header_of_files(media: tuple[Media, ...], root: Path) -> Header:
    """Remembered until a part is done, as files may change between calls."""
    return read_header(media, root)
