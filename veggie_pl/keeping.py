"""The model's own mask steers its edit: it is first asked where, and what lies elsewhere stays as it was."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from veggie_pl.batch import Clips, Masks, Skill
from veggie_pl.data.instructions.sought import LOCAL, pointing_at, sought_phrase
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.masks.soften import soften
from veggie_pl.masks.unpaint import unpaint

log = logging.getLogger(__name__)

Keep = Literal["nothing", "background"]
Seeds = Sequence[tuple[int | str, ...]]
MARGIN, FEATHER = 0.07, 0.05  # of the shorter side: what a mask is widened by, and the width of its edge


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

    The thing is looked for in the source; of an addition in a first edit, which shows what is to come. Requests that
    change everything or point at something, and those whose words no rule knows, are plain edits. So is one of which
    the model finds nothing, and the log says so.

    Args:
        model: Edits, and answers where.
        skill: What is asked for; None where no rule knows.
        source: In [-1, 1].
        instruction: One per clip.
        guidance: Of the edit; the question has that of grounding.
        seeds: One key per clip.
        how: Further arguments of ``VeggieModel.edit``.
    """
    phrases = [sought_phrase(words, skill) for words in instruction]
    asked = [row for row, phrase in enumerate(phrases) if phrase]
    if not asked or skill not in LOCAL:
        return model.edit(source, instruction, guidance, seeds, **how)
    first = model.edit(source, instruction, guidance, seeds, **how) if skill is Skill.ADDITION else source
    quiet = {**how, "on_step": None}  # steps of the edit count
    found = _find(model, first[asked], [phrases[row] for row in asked], [seeds[row] for row in asked], quiet)
    shorter = min(source.shape[-2:])
    regions = soften(found, round(MARGIN * shorter), round(FEATHER * shorter))
    edited = first.clone()
    steered = [row for row, mask in zip(asked, found, strict=True) if bool(mask.any())]
    free = [row for row in range(len(source)) if row not in steered]
    for row in free:
        why = f"no {phrases[row]} was found" if phrases[row] else "no rule knows what it is about"
        log.info("%r: %s, so all of the picture may change", instruction[row], why)
    for rows in (steered, free if first is source else []):
        if not rows:
            continue
        own: dict[str, Any] = {"region": regions[[asked.index(row) for row in rows]]} if rows is steered else {}
        if how.get("references") is not None:
            own["references"] = how["references"][rows]
        words, keys = [instruction[row] for row in rows], [seeds[row] for row in rows]
        edited[rows] = model.edit(source[rows], words, guidance, keys, **{**how, **own}).to(edited)
    return edited


def _find(model: Edits, clips: Clips, phrases: list[str], seeds: Seeds, how: dict[str, Any]) -> Masks:
    """Ask where things are and decode the answers."""
    asked = [pointing_at(phrase) for phrase in phrases]
    keys = [(*seed, "where") for seed in seeds]
    words = [one.instruction for one in asked]
    painted = model.edit(clips, words, model.guidance[Skill.GROUNDING], keys, **how)
    answers = zip(painted.float(), clips.float(), asked, strict=True)
    return torch.stack([unpaint(answer, clip, one.fill) for answer, clip, one in answers])
