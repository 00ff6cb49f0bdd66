"""The one way from what is asked to how it is edited: the skill, the guidance of that skill, and the fill."""

from collections.abc import Mapping
from dataclasses import dataclass

from veggie_pl.batch import Skill
from veggie_pl.data.instructions.pointing import named_fills
from veggie_pl.data.instructions.several import named_objects
from veggie_pl.data.instructions.skills import find_skill
from veggie_pl.data.instructions.sought import Pointing
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.masks.colors import COLORS


@dataclass(frozen=True)
class Request:
    """An instruction as it is understood.

    Args:
        instruction: What to do.
        skill: What it asks for; None where no rule knows.
        guidance: The model's own scales for this skill.
        fills: The colours that it names as the fill: one, or none, or several of which none can be chosen.
        objects: Where it names several things with a fill each, one request for each of them.
    """

    instruction: str
    skill: Skill | None
    guidance: Guidance
    fills: tuple[str, ...] = ()
    objects: tuple[Pointing, ...] = ()

    @property
    def painted(self) -> tuple[Pointing, ...]:
        """What is filled, each with the request that asks for it alone.

        Raises:
            UseError: If no fill can be chosen.
        """
        return self.objects or (Pointing(self.instruction, self.fill),)

    @property
    def fill(self) -> str:
        """The colour from which a mask is read.

        Raises:
            UseError: If there is not exactly one; the message says why, and names the choices.
        """
        if len(self.fills) == 1:
            return self.fills[0]
        why = f"names no fill colour; the choices are {', '.join(COLORS)}"
        if self.fills:
            why = f"names {' and '.join(self.fills)}, and not which of them is the fill: name one"
        elif self.skill is not None and not self.skill.is_painted:
            why = f"asks for {self.skill}, which fills nothing; ask to highlight, label or mark"
        raise UseError(
            f"a mask is read from the fill, but {self.instruction!r} {why}, as in 'highlight the square with red masks'"
        )


def find_request(
    instruction: str, guidance: Mapping[str, Guidance], skill: Skill | None = None, fill: str = ""
) -> Request:
    """Understand an instruction: by the labels of its data set where it has them, else by its words.

    Args:
        instruction: English.
        guidance: Scales by skill, and "default" for what no rule knows.
        skill: The data set's own label.
        fill: The data set's own label, a key of ``masks.colors.COLORS``.
    """
    skill = find_skill(instruction) if skill is None else skill
    fills: tuple[str, ...] = (fill,) if fill else ()
    if not fills and (skill is None or skill.is_painted):
        fills = named_fills(instruction)
    objects = named_objects(instruction) if skill is Skill.GROUNDING and len(fills) > 1 else ()
    return Request(instruction, skill, guidance["default" if skill is None else skill], fills, objects)
