"""Classifier-free guidance over two conditions: the source video and the task tokens."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Noise = Float[Tensor, "b f c h w"]


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


def guided(predict: Callable[[bool, bool], Noise], guidance: Guidance) -> Noise:
    """Evaluate only the branches that the scales need.

    Args:
        predict: ``predict(drop_task, drop_source)``, the network with conditions dropped.
        guidance: The scales.
    """
    full = predict(False, False)
    if guidance.task == 1 and guidance.source == 1:
        return full
    video = predict(True, False)
    if guidance.source == 1:  # the unconditional branch cancels
        return video + guidance.task * (full - video)
    return two_scale_guidance(predict(True, True), video, full, guidance.source, guidance.task)
