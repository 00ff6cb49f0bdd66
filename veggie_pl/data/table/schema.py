"""What a data set's official files are turned into: rows of one uniform table."""

from dataclasses import dataclass
from typing import Any

from datasets import Features, List, Value

from veggie_pl.batch import Box, Skill
from veggie_pl.masks.rle import Rle
from veggie_pl.video.media import Media


@dataclass(frozen=True)
class Row:
    """One example of a data set, not yet decoded.

    Args:
        key: Names it for ever; unique in its table, e.g. "mevis/train/0a2b/3".
        skill: What is asked.
        source: One video or image, or one image per frame.
        target: Editing: the edited clip, in the same form; empty otherwise.
        mask: One per frame of the source, or a single one for an image. Editing: the changed region; may be empty.
        instruction: None: the stream words it from the phrase.
        phrase: What the request is about: an object's name, or the question.
        fill: Name of the fill colour; empty lets the stream choose.
        place: Addition: box in which the centre of the new thing must lie.
        start: First second of the source video that counts.
        stop: Last second; 0 is the end.
    """

    key: str
    skill: Skill
    source: tuple[Media, ...]
    target: tuple[Media, ...] = ()
    mask: tuple[Rle, ...] = ()
    instruction: str | None = None
    phrase: str = ""
    fill: str = ""
    place: Box | None = None
    start: float = 0.0
    stop: float = 0.0


@dataclass(frozen=True)
class Skipped:
    """An example that cannot become a row, and why; it is counted in the report of ``prepare``."""

    key: str
    reason: str


_MEDIA = {
    "path": Value("string"),
    "offset": Value("int64"),
    "size": Value("int64"),
    "data": Value("binary"),
    "name": Value("string"),
}
_MASK = {"height": Value("int32"), "width": Value("int32"), "counts": Value("string")}
FEATURES = Features(
    {
        "key": Value("string"),
        "skill": Value("string"),
        "source": List(_MEDIA),
        "target": List(_MEDIA),
        "mask": List(_MASK),
        "instruction": Value("string"),
        "phrase": Value("string"),
        "fill": Value("string"),
        "place": List(Value("float64")),
        "start": Value("float64"),
        "stop": Value("float64"),
        # of the source, from the header: what buckets are made of; 0 where it was not looked at
        "frames": Value("int32"),
        "height": Value("int32"),
        "width": Value("int32"),
    }
)


def to_columns(row: Row, frames: int = 0, height: int = 0, width: int = 0) -> dict[str, Any]:
    """A row as the table stores it."""
    return {
        "key": row.key,
        "skill": str(row.skill),
        "source": [vars(media) for media in row.source],
        "target": [vars(media) for media in row.target],
        "mask": [vars(rle) for rle in row.mask],
        "instruction": row.instruction,
        "phrase": row.phrase,
        "fill": row.fill,
        "place": None if row.place is None else list(row.place),
        "start": row.start,
        "stop": row.stop,
        "frames": frames,
        "height": height,
        "width": width,
    }


def from_columns(columns: dict[str, Any]) -> Row:
    """The row that was stored."""
    place = columns["place"]
    return Row(
        key=columns["key"],
        skill=Skill(columns["skill"]),
        source=tuple(Media(**media) for media in columns["source"]),
        target=tuple(Media(**media) for media in columns["target"]),
        mask=tuple(Rle(**rle) for rle in columns["mask"]),
        instruction=columns["instruction"],
        phrase=columns["phrase"],
        fill=columns["fill"],
        place=None if place is None else (place[0], place[1], place[2], place[3]),
        start=columns["start"],
        stop=columns["stop"],
    )
