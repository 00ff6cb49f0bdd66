"""A data card: prose for people, and front matter that says how to prepare and word a data set."""

import difflib
from pathlib import Path
from string import Formatter
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from veggie_pl.batch import Skill
from veggie_pl.data.layouts import LAYOUTS, Layout
from veggie_pl.data.painting import COLORS

Split = Literal["train", "val", "test"]
REVERSIBLE = {Skill.REMOVAL: Skill.ADDITION, Skill.ADDITION: Skill.REMOVAL}  # what a pair shows when read backwards


class CardError(ValueError):
    """A card that cannot be used; the message names the card, the field and the choices."""


class Card(BaseModel):
    """Front matter of ``data_cards/*.md``.

    Args:
        name: As streams, tables and reports call it: small letters, digits and underscores.
        title: Full name.
        task: Which stream takes it: editing, grounding or reasoning ("all": made by a program, with all of them).
        media: Whether examples are images or clips.
        licence: SPDX identifier, or the name of its terms.
        url: Where to get it.
        splits: Records expected per split after ``prepare``; null where nobody has counted, absent where there is none.
        layout: ``kind`` is a name of ``LAYOUTS``, the rest its settings; null if nothing needs preparing.
        skill: Editing: the skill of all examples, or null if the layout tells each one's.
        fills: Fill colours to choose from; empty allows all.
        wordings: Templates with {phrase} or {question}, and {fill}, for examples without an instruction; empty: our own.
        reverse: Also read pairs backwards: a removal becomes an addition and the other way round.
        weight: Examples at paper size (thousands), which mix ``conf/data/paper.yaml``; 0 is not in the mixture.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    task: Literal["editing", "grounding", "reasoning", "all"]
    media: Literal["images", "clips", "both"]
    licence: str
    url: str
    splits: dict[Split, int | None]
    layout: Layout | None = None
    skill: Skill | None = None
    fills: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    reverse: bool = False
    weight: float = Field(default=0.0, ge=0)

    @field_validator("layout", mode="before")
    @classmethod
    def _named_layout(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        settings = dict(value)
        kind = settings.pop("kind", None)
        if kind not in LAYOUTS:
            raise ValueError(f"unknown layout {kind!r}; the choices are {', '.join(sorted(LAYOUTS))}")
        return LAYOUTS[kind](**settings)

    @field_validator("fills")
    @classmethod
    def _known_fills(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in COLORS]:
            raise ValueError(f"unknown fill colours {unknown}; the choices are {', '.join(COLORS)}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Card":
        slot = {"grounding": {"phrase", "fill"}, "reasoning": {"question", "fill"}}.get(self.task, {"phrase"})
        for template in self.wordings:
            used = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
            if used != slot:
                raise ValueError(f"wordings of {self.task} need exactly the slots {sorted(slot)}, got {template!r}")
        if self.reverse and self.skill not in (None, *REVERSIBLE):
            raise ValueError(f"reverse works for {', '.join(REVERSIBLE)}, not for {self.skill}")
        if self.skill is not None and self.skill.is_painted != (self.task in ("grounding", "reasoning")):
            raise ValueError(f"skill {self.skill} does not belong to task {self.task}")
        return self


def read_card(path: str | Path) -> Card:
    """The card in a file's front matter.

    Raises:
        CardError: If there is none, or it has wrong or unknown fields.
    """
    path = Path(path)
    try:
        head = path.read_text(encoding="utf-8").split("---\n", 2)
    except (OSError, UnicodeDecodeError) as error:
        raise CardError(f"{path}: cannot be read ({error})") from error
    if len(head) < 3 or head[0].strip():
        raise CardError(f"{path}: a card starts with front matter between two lines of ---; see data_cards/TEMPLATE.md")
    try:
        found = yaml.safe_load(head[1])
    except yaml.YAMLError as error:
        raise CardError(f"{path}: the front matter is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise CardError(f"{path}: the front matter is a {type(found).__name__}, not fields with values")
    try:
        return Card(**found)
    except ValidationError as error:
        raise CardError(f"{path}: {'; '.join(_said(found, one) for one in error.errors())}") from error
    except TypeError as error:
        raise CardError(f"{path}: {error}") from error


def _said(found: dict[str, Any], error: Any) -> str:
    """One fault in one line, with the fields that come closest to an unknown one."""
    place = ".".join(str(part) for part in error["loc"]) or "card"
    if error["type"] == "extra_forbidden":
        unknown, names = str(error["loc"][-1]), list(Card.model_fields)
        if isinstance(found.get("layout"), dict) and unknown in found["layout"]:
            names = ["kind", *LAYOUTS[found["layout"]["kind"]].model_fields]
        close = difflib.get_close_matches(unknown, names, 3)
        return f"unknown field {place}; " + (
            f"did you mean {' or '.join(close)}?" if close else f"the choices are {', '.join(names)}"
        )
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
