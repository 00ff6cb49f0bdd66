"""What is checked of a module's settings before it is built, and told of before it edits."""

import logging
from typing import Any
from weakref import WeakSet

from veggie_pl.batch import Skill
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.objective import Objective
from veggie_pl.errors import UseError

log = logging.getLogger(__name__)
_told: WeakSet[Any] = WeakSet()  # image models


def per_skill(given: dict[str, Any], default: Any, what: str) -> dict[str, Any]:
    """A value for every skill and for "default"; what is not named takes the default.

    Raises:
        UseError: If a name is no skill; the message names the choices.
    """
    choices = [*Skill, "default"]
    if unknown := [name for name in given if name not in choices]:
        raise UseError(f"{what} names {unknown}; the choices are {[str(name) for name in choices]}")
    return {name: given.get(name, given.get("default", default)) for name in choices}


def check_guidance(scales: dict[str, Guidance], objective: Objective) -> dict[str, Guidance]:
    """Look whether the model was trained on what guidance would show it.

    Raises:
        UseError: If a scale needs predictions without a condition that was never dropped in training.
    """
    for name, guidance in scales.items():
        for scale, rate in (("task", "drop_task"), ("source", "drop_both")):
            value = getattr(guidance, scale)
            if value != 1 and objective.drop_rates[rate] == 0:
                raise UseError(
                    f"guidance for {name}: {scale} scale {value:g} cannot work, this model was trained with "
                    f"{rate}: 0 and never saw what guidance would show it; leave the {scale} scale at 1"
                )
    return scales


def check_widths(mllm: Any, queries: Any, aligner: Any, viddm: Any, vae: Any) -> None:
    """Look whether the parts of a module fit each other.

    Raises:
        UseError: If they do not; the message names all widths that differ.
    """
    wanted = {
        "queries.width": (queries.config.width, mllm.width, "the MLLM's hidden width"),
        "aligner.width_in": (aligner.config.width_in, mllm.width, "the MLLM's hidden width"),
        "aligner.width_out": (aligner.config.width_out, viddm.width, "the diffusion model's cross-attention width"),
        "viddm in_channels": (viddm.unet.config.in_channels, 2 * vae.channels, "twice the codec's channels"),
    }
    if viddm.pool_task:
        wide = queries.config.num_queries * viddm.width
        what = "queries times the cross-attention width"
        wanted["viddm time_cond_proj_dim"] = (viddm.unet.config.time_cond_proj_dim, wide, what)
    wrong = [f"{name} is {has}, but {what} is {needs}" for name, (has, needs, what) in wanted.items() if has != needs]
    if wrong:
        raise UseError("parts that do not fit: " + "; ".join(wrong))


def tell_image_model(module: Any, num_frames: int) -> None:
    """Log one line, once a ``VeggieModule``, if it has no temporal layers and there are several frames to edit."""
    if num_frames > 1 and not module.viddm.is_video and module not in _told:
        _told.add(module)
        log.info(
            "%s is an image model, without temporal layers: it paints each of the %d frames on its own",
            module.name or "this",
            num_frames,
        )
