"""What a data set's official files are turned into: rows of one uniform table."""

from dataclasses import dataclass
from typing import Any, get_type_hints

from datasets import Features, List, Value

from veggie_pl.batch import Box, Example, Skill
from veggie_pl.masks.rle import Rle
from veggie_pl.video.media import Media


@dataclass(frozen=True)
class Row:
    """One example of a data set, not yet decoded.

    Args:
        example: Its facts.
        source: One video or image, or one image per frame.
        target: Editing: the edited clip, in the same form; empty otherwise.
        mask: One per frame of the source, or a single one for an image. Editing: the changed region; may be empty.
    """

    example: Example
    source: tuple[Media, ...]
    target: tuple[Media, ...] = ()
    mask: tuple[Rle, ...] = ()

    @property
    def key(self) -> str:
        """Names the example, as that of ``Skipped`` does."""
        return self.example.key


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
_CLIPS = {"source": List(_MEDIA), "target": List(_MEDIA), "mask": List(_MASK)}
# Of the source, from the header: what buckets are made of; 0 where it was not looked at.
_HEADER = {"frames": Value("int32"), "height": Value("int32"), "width": Value("int32")}
_DRAWN = ("stream", "row")  # facts of a run, not of the data set
_STORED = {
    str: Value("string"),
    str | None: Value("string"),
    Skill: Value("string"),
    float: Value("float64"),
    Box | None: List(Value("float64")),
    tuple[str, ...]: List(Value("string")),
}
_FACTS = {name: _STORED[kind] for name, kind in get_type_hints(Example).items() if name not in _DRAWN}
_NEEDED = {name: value for name, value in _FACTS.items() if name not in Example._field_defaults}
FEATURES = Features({**_NEEDED, **_CLIPS, **_FACTS, **_HEADER})


def to_columns(row: Row, frames: int = 0, height: int = 0, width: int = 0) -> dict[str, Any]:
    """A row as the table stores it."""
    return {
        **{name: _plain(getattr(row.example, name)) for name in _FACTS},
        "source": [vars(media) for media in row.source],
        "target": [vars(media) for media in row.target],
        "mask": [vars(rle) for rle in row.mask],
        "frames": frames,
        "height": height,
        "width": width,
    }


def from_columns(columns: dict[str, Any]) -> Row:
    """The row that was stored; a fact that the table is older than has its default."""
    facts = {name: columns[name] for name in _FACTS if name in columns}
    facts |= {name: tuple(value) for name, value in facts.items() if isinstance(value, list)}
    return Row(
        Example(**{**facts, "skill": Skill(facts["skill"])}),
        source=tuple(Media(**media) for media in columns["source"]),
        target=tuple(Media(**media) for media in columns["target"]),
        mask=tuple(Rle(**rle) for rle in columns["mask"]),
    )


def _plain(value: Any) -> Any:
    """A fact as Arrow takes it."""
    return str(value) if isinstance(value, Skill) else list(value) if isinstance(value, tuple) else value
