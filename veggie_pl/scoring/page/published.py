"""Numbers that others have printed, each with its source: shown beside ours, in none of our means and ranks."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError

PUBLISHED = Path(__file__).with_name("published.json")


class PublishedRow(BaseModel):
    """One measure of one skill as a source prints it.

    Args:
        skill: One of the eight.
        measure: As the source calls it.
        unit: As the source gives it.
        source: A key of the file's sources; when it is read, what the source is in words.
        values: By method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    skill: Skill
    measure: str = Field(min_length=1)
    unit: str = ""
    source: str = Field(min_length=1)
    values: Mapping[str, FiniteFloat] = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: int = Field(alias="schema", ge=1, le=1)
    sources: Mapping[str, str]
    rows: tuple[PublishedRow, ...]


def read_published(path: Path = PUBLISHED) -> tuple[PublishedRow, ...]:
    """Read a file of published numbers; each row names its source in words.

    Raises:
        UseError: If it cannot be read, or a row is wrong or names a source that the file does not list.
    """
    try:
        content = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UseError(f"{path} is no file of published numbers: {_first(error)}") from error
    if unknown := sorted({row.source for row in content.rows} - set(content.sources)):
        named = ", ".join(content.sources)
        raise UseError(f"{path} names the sources {', '.join(unknown)}; those that it lists are {named}")
    return tuple(row.model_copy(update={"source": content.sources[row.source]}) for row in content.rows)


def _first(error: Exception) -> str:
    """Give one line for whatever is wrong."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
