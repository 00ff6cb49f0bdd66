"""The model's own mask steers its edit: it is asked where, and what lies elsewhere stays as it was."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from veggie_pl.batch import Clips, Mask, Masks, Skill
from veggie_pl.data.instructions.sought import LOCAL, pointing_at, sought_phrase
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.masks.soften import mix_region
from veggie_pl.masks.steer import steer, widened
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

    The thing is looked for in the source, and latents far from it are the noised source's at every step. One that is
    added is looked for in its edit. What stays of an edit tells ``steer``; the rest is the source to the last
    bit. Requests that change everything or point at something, and those whose words no rule knows, are plain edits. So
    is one whose thing the model does not find, or finds where the edit changes nothing, and the log says so.

    Args:
        model: Edits, and answers where.
        skill: What is asked for; None where no rule knows.
        source: In [-1, 1].
        instruction: One per clip.
        guidance: Of the edit; the question has that of grounding.
        seeds: One key per clip.
        how: Further arguments of ``VeggieModel.edit``.
    """

    def edit(rows: list[int], **more: Any) -> Clips:
        own = {**how, **more}
        if how.get("references") is not None:
            own["references"] = how["references"][rows]
        return model.edit(
            source[rows], [instruction[row] for row in rows], guidance, [seeds[row] for row in rows], **own
        )

    everyone = list(range(len(source)))
    if skill not in LOCAL:
        return edit(everyone)
    phrases = [sought_phrase(words, skill) for words in instruction]
    asked = [row for row in everyone if phrases[row]]
    why = {row: "no rule knows what it is about" for row in everyone if not phrases[row]}
    edited = edit(everyone) if skill is Skill.ADDITION else source.clone()
    quiet = {**how, "on_step": None}  # steps of the edit count
    if how.get("references") is not None:
        quiet["references"] = how["references"][asked]
    masks: dict[int, Mask] = {}
    if asked:
        keys = [(*seeds[row], "where") for row in asked]
        found = _find(model, edited[asked], [phrases[row] for row in asked], keys, quiet)
        masks = dict(zip(asked, found, strict=True))
    if skill is not Skill.ADDITION and (seen := [row for row in asked if bool(masks[row].any())]):
        regions = torch.stack([(widened(masks[row]) > 0).float() for row in seen])
        edited[seen] = edit(seen, region=regions).to(edited)
    for row in asked:
        region, why_not = steer(masks[row], edited[row].float(), source[row].float())
        if why_not:
            why[row] = f"the {phrases[row]}: {why_not}"
        else:
            edited[row] = mix_region(edited[row], source[row], region.to(edited))
    for row, reason in sorted(why.items()):
        log.info("%r, %s, so all of the picture may change", instruction[row], reason)
    if why and skill is not Skill.ADDITION:
        free = sorted(why)
        edited[free] = edit(free, **({} if len(free) == len(source) else {"on_step": None})).to(edited)
    return edited


def _find(model: Edits, clips: Clips, phrases: list[str], keys: Seeds, how: dict[str, Any]) -> Masks:
    """Ask where things are and decode the answers."""
    asked = [pointing_at(phrase) for phrase in phrases]
    words = [one.instruction for one in asked]
    painted = model.edit(clips, words, model.guidance[Skill.GROUNDING], keys, **how)
    answers = zip(painted.float(), clips.float(), asked, strict=True)
    return torch.stack([unpaint(answer, clip, one.fill) for answer, clip, one in answers])
