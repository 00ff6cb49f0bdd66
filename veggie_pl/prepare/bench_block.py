"""The block of a card that makes its data set a bench: what is edited and scored of each clip."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError

Side = Annotated[int, Field(strict=True, ge=1)]


class Bench(BaseModel):
    """``bench:`` in the front matter of a card.

    Args:
        split: Which of the card's splits is scored.
        frames: Frames of each clip that are edited and scored.
        size: Height and width in pixels at which clips are edited and scored; null keeps each source's own.
        sampling: Which frames: ``uniform`` over the clip, ``fps`` at a rate, or ``consecutive`` from a start drawn by
            the example's key.
        fps: Frames per second, for ``fps``.
        stride: Frames from one to the next, for ``consecutive``.
        skills: What is scored, of the eight; empty takes all that the table has.
        per_skill: The first so many examples of each skill; null takes all.
        naming: What outputs are called: by the example's key, or SKILL/NUMBER.
        status: Whether somebody's public code or files were read that lie as the card's layout says.
        sources: Where that was read, such as "owner/repo@commit:path".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    split: Literal["train", "val", "test"] = "test"
    frames: Annotated[StrictInt, Field(ge=1)]
    size: tuple[Side, Side] | None = None
    sampling: Literal["uniform", "fps", "consecutive"] = "uniform"
    fps: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 8.0
    stride: Annotated[StrictInt, Field(ge=1)] = 1
    skills: tuple[Skill, ...] = ()
    per_skill: Annotated[StrictInt, Field(ge=1)] | None = None
    naming: Literal["key", "index"] = "key"
    status: Literal["confirmed", "unconfirmed"]
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_where(self) -> "Bench":
        if self.status == "confirmed" and not self.sources:
            raise UseError("a confirmed layout names the sources that it was read in")
        return self
