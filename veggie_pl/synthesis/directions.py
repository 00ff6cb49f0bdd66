"""Ways to read a pair: as its table has it, or backwards where the edit can be undone by another one."""

from veggie_pl.batch import Example, Skill, is_blank
from veggie_pl.data.instructions.faults import text_fault
from veggie_pl.data.instructions.templates import word
from veggie_pl.prepare.card import REVERSIBLE
from veggie_pl.seeding import numpy_rng

WORDED = (Skill.ADDITION, Skill.REMOVAL)  # whose instruction can be worded from a phrase


def reversed_example(example: Example) -> Example | None:
    """Word an example for its pair read backwards: an addition becomes a removal, and the other way round.

    Returns:
        None where there is no such instruction: another skill, or no phrase that names the thing.
    """
    skill = REVERSIBLE.get(example.skill)
    if skill is None or is_blank(example.phrase) or text_fault(example.phrase) is not None:
        return None
    key = f"{example.key}/reversed"
    instruction = word(skill, numpy_rng("wording", key), phrase=example.phrase)
    return _swapped(example)._replace(key=key, skill=skill, instruction=instruction, place=None)


def undone(example: Example) -> Example:
    """Describe the way back from the edited picture, whether or not there are good words for it; the key stays."""
    found = reversed_example(example) or _swapped(example)._replace(instruction=f"Undo this: {example.instruction}")
    return found._replace(key=example.key)


def _swapped(example: Example) -> Example:
    return example._replace(caption=example.source_caption, source_caption=example.caption, checklist=())
