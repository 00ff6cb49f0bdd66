"""A data card: prose for people, and front matter that says how to prepare and word a data set."""

import difflib
from collections.abc import Hashable, Iterable
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.faults import text_fault
from veggie_pl.errors import UseError
from veggie_pl.file_names import matching
from veggie_pl.masks.colors import COLORS
from veggie_pl.prepare.bench_block import Bench
from veggie_pl.prepare.layouts import LAYOUTS, Layout

CARDS = Path(__file__).resolve().parents[2] / "data_cards"
Split = Literal["train", "val", "test"]
Text = Annotated[str, Field(min_length=1)]
REVERSIBLE = {Skill.REMOVAL: Skill.ADDITION, Skill.ADDITION: Skill.REMOVAL}  # what a pair shows when read backwards


class CardError(UseError):
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
        wordings: Templates with {phrase} or {question}, and {fill}, for examples without an instruction; empty: ours.
        reverse: Also read pairs backwards: a removal becomes an addition and the other way round.
        weight: Examples at paper size (thousands), which mix ``conf/data/paper.yaml``; 0 is not in the mixture.
        bench: How it is scored, if it is a bench; null where it is not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Text
    task: Literal["editing", "grounding", "reasoning", "all"]
    media: Literal["images", "clips", "both"]
    licence: Text
    url: Text
    splits: dict[Split, Annotated[int, Field(strict=True, ge=0)] | None] = Field(min_length=1)
    layout: SerializeAsAny[Layout] | None = None
    skill: Skill | None = None
    fills: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    reverse: StrictBool = False
    weight: float = Field(default=0.0, ge=0, strict=True, allow_inf_nan=False)
    bench: Bench | None = None

    @field_validator("layout", mode="before")
    @classmethod
    def _named_layout(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        settings = dict(value)
        kind = settings.pop("kind", None)
        if not isinstance(kind, str) or kind not in LAYOUTS:
            close = difflib.get_close_matches(str(kind), LAYOUTS, 3) or sorted(LAYOUTS)
            raise UseError(f"unknown kind {kind!r}; the choices are {', '.join(close)}")
        try:
            return LAYOUTS[kind].model_validate(settings)
        except ValidationError as error:
            raise UseError(
                "; ".join(_said(one, ["kind", *LAYOUTS[kind].model_fields]) for one in error.errors())
            ) from None

    @field_validator("fills")
    @classmethod
    def _known_fills(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in COLORS]:
            raise UseError(f"unknown fill colours {unknown}; the choices are {', '.join(COLORS)}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "Card":
        slot = {"grounding": {"phrase", "fill"}, "reasoning": {"question", "fill"}}.get(self.task, {"phrase"})
        if wrong := [template for template in self.wordings if _slots(template) != slot]:
            raise UseError(f"wordings of {self.task} need exactly the slots {sorted(slot)}, got {wrong[0]!r}")
        for template in self.wordings:
            if fault := text_fault(template.format(**dict.fromkeys(slot, "it"))):
                raise UseError(f"no model can be asked with wordings such as {template!r}: it {fault}")
        if self.reverse and self.skill not in (None, *REVERSIBLE):
            raise UseError(f"reverse works for {', '.join(REVERSIBLE)}, not for {self.skill}")
        if self.reverse and self.wordings:
            raise UseError("wordings of pairs would be wrong for pairs that are read backwards; leave one of them out")
        if (
            self.skill is not None
            and self.task != "all"
            and self.skill.is_painted != (self.task in ("grounding", "reasoning"))
        ):
            raise UseError(f"skill {self.skill} does not belong to task {self.task}")
        if self.bench is not None and self.bench.split not in self.splits:
            raise UseError(f"bench.split is {self.bench.split}, but the splits are {', '.join(self.splits)}")
        return self


def _slots(template: str) -> set[str] | None:
    """Names in braces; None if the template cannot be filled by names alone."""
    try:
        parsed = [(name, form, as_) for _, name, form, as_ in Formatter().parse(template) if name is not None]
    except ValueError:  # a single brace
        return None
    return None if any(form or as_ for _, form, as_ in parsed) else {name for name, _, _ in parsed}


def read_card(card: str | Path) -> Card:
    """The card in a file's front matter.

    Args:
        card: A file, or the name of a card in ``data_cards``, such as "mevis" or "bench/veg".

    Raises:
        CardError: If there is none, or it has wrong or unknown fields.
    """
    path = Path(card)
    if str(card) in (path.name, f"bench/{path.name}") and not path.suffix and not path.is_file():
        path = find_card(str(card))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CardError(f"{path}: cannot be read ({error})") from error
    head = text.split("---\n", 2)
    if len(head) < 3 or head[0].strip():
        raise CardError(f"{path}: a card starts with front matter between two lines of ---; see data_cards/TEMPLATE.md")
    try:
        found = yaml.load(head[1], _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2024-99-99
        raise CardError(f"{path}: the front matter is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise CardError(f"{path}: the front matter is a {type(found).__name__}, not fields with values")
    try:
        return Card.model_validate(found)
    except ValidationError as error:
        said = "; ".join(_said(one, Card.model_fields) for one in error.errors())
        raise CardError(f"{path}: {said}") from error


def find_card(name: str) -> Path:
    """The file of a card in ``data_cards``, by the card's name.

    Raises:
        CardError: If there is none; the message names those that come closest.
    """
    found = [path.relative_to(CARDS).with_suffix("") for path in (*matching(CARDS, "*.md"), *matching(CARDS, "*/*.md"))]
    names = [path.as_posix() for path in found if path.name != "TEMPLATE"]
    if name in names:
        return CARDS / f"{name}.md"
    close = difflib.get_close_matches(name, names, 3) or names
    raise CardError(f"no card {name!r}, neither as a file nor in data_cards; did you mean {' or '.join(close)}?")


class _Loader(yaml.SafeLoader):
    """Safe, and a field that is given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [name.value for name, _ in node.value if isinstance(name, yaml.ScalarNode)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise yaml.YAMLError(f"given twice: {', '.join(twice)}")
        return super().construct_mapping(node, deep)


def _said(error: Any, names: Iterable[str]) -> str:
    """One fault in one line, with the fields that come closest to an unknown one."""
    place = ".".join(str(part) for part in error["loc"]) or "card"
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        close = difflib.get_close_matches(place, names := list(names), 3)
        return f"unknown field {place}; " + (
            f"did you mean {' or '.join(close)}?" if close else f"the choices are {', '.join(names)}"
        )
    given = "" if isinstance(error["input"], dict) else f", got {error['input']!r:.60}"
    return f"{place}: {error['msg'].removeprefix('Value error, ')}" + (
        "" if "ctx" in error and "error" in error["ctx"] else given
    )
