"""The model's own mask steers its edit: it is asked where, and what lies elsewhere stays as it was."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from veggie_pl.batch import Clips, Masks, Skill
from veggie_pl.data.instructions.sought import LOCAL, pointing_at, sought_phrase
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.masks.soften import mix_region
from veggie_pl.masks.steer import steer
from veggie_pl.masks.unpaint import unpaint

log = logging.getLogger(__name__)

Keep = Literal["nothing", "background"]
Seeds = Sequence[tuple[int | str, ...]]


@runtime_checkable
class Edits(Protocol):
    """What is needed of a model; see ``VeggieModel``."""

    guidance: dict[Any, Guidance]

    def edit(
        self, source: Clips, instruction: list[str], guidance: Guidance, seeds: Seeds, *args: Any, **how: Any
    ) -> Clips:
        """Edit clips."""
        ...


def edit_keeping(
    model: Edits,
    skill: Skill | None,
    source: Clips,
    instruction: list[str],
    guidance: Guidance,
    seeds: Seeds,
    **how: Any,
) -> Clips:
    """Edit clips of one skill, and leave alone what the model does not find the request to be about.

    Args:
        model: Edits, and answers where.
        skill: What is asked for; None where no rule knows.
        source: In [-1, 1].
        instruction: One per clip.
        guidance: Of the edit; the question has that of grounding.
        seeds: One key per clip.
        how: Further arguments of ``VeggieModel.edit``.
    """
    edited = model.edit(source, instruction, guidance, seeds, **how)
    return keep_background(model, skill, source, edited, instruction, seeds, **how)


def keep_background(
    model: Edits, skill: Skill | None, source: Clips, edited: Clips, instruction: list[str], seeds: Seeds, **how: Any
) -> Clips:
    """Put the source back where an edit is not about: pixel by pixel, to the last bit.

    The thing is looked for in the source, one that was added in the edit. What stays of the edit tells ``steer``.
    Requests that change everything or point at something, and those whose words no rule knows, are plain edits. So is
    one whose thing the model does not find, or finds where the edit is not, and the log says so.

    Args:
        model: Answers where.
        skill: What was asked for; None where no rule knows.
        source: In [-1, 1].
        edited: What the model made of it.
        instruction: One per clip.
        seeds: One key per clip.
        how: Further arguments of ``VeggieModel.edit``, for the question.
    """
    phrases = [sought_phrase(words, skill) for words in instruction]
    asked = [row for row, phrase in enumerate(phrases) if phrase]
    if skill not in LOCAL:
        return edited
    for row in sorted({*range(len(source))} - {*asked}):
        log.info("%r: no rule knows what it is about, so all of the picture may change", instruction[row])
    if not asked:
        return edited
    quiet = {**how, "on_step": None}  # steps of the edit count
    if how.get("references") is not None:
        quiet["references"] = how["references"][asked]
    shown = edited if skill is Skill.ADDITION else source
    found = _find(model, shown[asked], [phrases[row] for row in asked], [seeds[row] for row in asked], quiet)
    kept = edited.clone()
    for row, mask in zip(asked, found, strict=True):
        region, why = steer(mask, edited[row].float(), source[row].float())
        if why:
            log.info("%r, the %s: %s, so all of the picture may change", instruction[row], phrases[row], why)
        else:
            kept[row] = mix_region(edited[row], source[row], region.to(edited))
    return kept


def _find(model: Edits, clips: Clips, phrases: list[str], seeds: Seeds, how: dict[str, Any]) -> Masks:
    """Ask where things are and decode the answers."""
    asked = [pointing_at(phrase) for phrase in phrases]
    keys = [(*seed, "where") for seed in seeds]
    words = [one.instruction for one in asked]
    painted = model.edit(clips, words, model.guidance[Skill.GROUNDING], keys, **how)
    answers = zip(painted.float(), clips.float(), asked, strict=True)
    return torch.stack([unpaint(answer, clip, one.fill) for answer, clip, one in answers])
