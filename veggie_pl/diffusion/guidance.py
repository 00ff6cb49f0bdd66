"""Classifier-free guidance over two conditions: the source video and the task tokens."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.objective import Objective
from veggie_pl.errors import UseError

Noise = Float[Tensor, "_b f c h w"]  # the network is asked for several branches at a time
Tokens = Float[Tensor, "_b q_f q d"]


@dataclass(frozen=True)
class Guidance:
    """Two scales; 1 and 1 is no guidance and costs one evaluation of the network instead of two or three.

    Args:
        task: How hard to follow the instruction, the paper's g_T.
        source: How close to stay to the source, the paper's g_V.
    """

    task: float = 1.0
    source: float = 1.0


def two_scale_guidance(
    eps_none: Noise, eps_video: Noise, eps_full: Noise, video_scale: float, task_scale: float
) -> Noise:
    r"""Combine three predictions into one.

    .. math:: \tilde e = e_\varnothing + g_V (e_V - e_\varnothing) + g_T (e_{V,T} - e_V)

    InstructPix2Pix (arXiv:2211.09800v2) Eq. 3, with image -> source video, text -> task tokens.

    Args:
        eps_none: Prediction with both conditions dropped.
        eps_video: Prediction with the source video only.
        eps_full: Prediction with the source video and the task tokens.
        video_scale: :math:`g_V`. Above 1 stays closer to the source; 1 is off.
        task_scale: :math:`g_T`. Above 1 follows the instruction harder; 1 is off.
    """
    return eps_none + video_scale * (eps_video - eps_none) + task_scale * (eps_full - eps_video)


def guided(
    predict: Callable[[Noise, Noise, Num[Tensor, " _b"], Tokens], Noise],
    guidance: Guidance,
    noisy: Noise,
    source: Noise,
    timestep: Num[Tensor, " _b"],
    tokens: Tokens,
    null: Tokens,
) -> Noise:
    """Evaluate the branches that the scales need, and only those, in one pass of the network.

    Args:
        predict: ``predict(noisy, source, timestep, tokens)``, the network.
        guidance: The scales.
        noisy: Noisy latents.
        source: Source latents; dropped, they are zeros.
        timestep: Of each sample.
        tokens: Task tokens.
        null: What stands for them where they are dropped.
    """
    conditions = [(source, tokens)]
    if guidance != Guidance():
        conditions.append((source, null))
    if guidance.source != 1:  # otherwise the unconditional branch cancels
        conditions.append((torch.zeros_like(source), null))
    count = len(conditions)
    sources, told = (torch.cat(parts) for parts in zip(*conditions, strict=True))
    predicted = predict(noisy.repeat(count, 1, 1, 1, 1), sources, timestep.repeat(count), told).float()
    full, *others = predicted.chunk(count)
    if not others:
        return full
    if len(others) == 1:
        return others[0] + guidance.task * (full - others[0])
    video, none = others
    return two_scale_guidance(none, video, full, guidance.source, guidance.task)


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
