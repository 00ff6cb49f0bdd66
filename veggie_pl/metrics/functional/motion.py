"""Measures of motion: whether neighbouring frames agree once the source's own motion is taken out of them."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from veggie_pl.metrics.functional.fidelity import PEAK

Flows = Float[Tensor, "p 2 h w"]  # of each pair of neighbours: how far a pixel goes in x and in y, in pixels

RATIO_CAP = 10.0  # from here on motion is broken; also what an output that is missing gets
LEVEL = 1 / 255  # of the range: one step of an 8-bit pixel; errors below it are not seen
_CHUNK = 2**22  # numbers at a time, so that long clips need no more memory than short ones
_CONSISTENT, _SLACK = 0.01, 0.5  # Sundaram, Brox, Keutzer, ECCV 2010, equation 5; pixels squared


def warp_errors(clips: Float[Tensor, "*lead f 3 h w"], forward: Flows, backward: Flows) -> Float[Tensor, "*lead p"]:
    """Compare each frame with the next one, brought back along the flow, over what both of them show.

    The warping error of Lai et al., ECCV 2018 (arXiv:1808.00449), section 4.1, by absolute instead of squared
    differences. Their flow is the output's; here it is one and the same for all clips, the source's, so that an output
    that stands still while the source moves is in error too.

    Args:
        clips: Pixels in [-1, 1]; all are warped by the same flows.
        forward: From each frame to the next.
        backward: From each next frame back.

    Returns:
        Mean absolute difference of each pair, as a part of the range, in [0, 1]; NaN where nothing is in both frames.
    """
    frames = clips.reshape(-1, *clips.shape[-4:]).transpose(0, 1)  # (f, k, 3, h, w)
    num, step = len(forward), max(1, _CHUNK // frames[0].numel())
    parts = [
        _errors(frames[start : start + step + 1], forward[start : start + step], backward[start : start + step])
        for start in range(0, num, step)
    ]
    errors = torch.cat(parts) if parts else frames.new_zeros(0, frames.shape[1], dtype=torch.float64)
    return errors.T.reshape(*clips.shape[:-4], num)


def _errors(frames: Float[Tensor, "f k 3 h w"], forward: Flows, backward: Flows) -> Float[Tensor, "p k"]:
    grid, seen = _visible(forward, backward)
    flat = frames.flatten(1, 2)
    warped = F.grid_sample(flat[1:], grid, padding_mode="border", align_corners=True)
    away = (flat[:-1] - warped).abs().view(frames[1:].shape).mean(2) / PEAK  # (p, k, h, w)
    total = torch.where(seen[:, None], away, 0.0).flatten(-2).double().sum(-1)
    return total / seen.flatten(-2).sum(-1, dtype=torch.float64)[:, None]


def warp_ratio(edited: Float[Tensor, "*lead p"], source: Float[Tensor, "*lead p"]) -> Float[Tensor, "*lead"]:
    r"""Relate the warp error of an output to its source's own: 1 moves as smoothly as the source, lower is better.

    .. math:: R = \min\left(\frac{\bar e_{out} + \epsilon}{\bar e_{src} + \epsilon}, 10\right)

    with the means over the pairs of a clip, and one 8-bit level for :math:`\epsilon`: where the source is still, an
    output that flickers by less than a level is as still.

    Args:
        edited: Of ``warp_errors``; pairs that are NaN are left out.
        source: The same of the source.

    Returns:
        In (0, ``RATIO_CAP``]; NaN for a single picture.
    """
    ratio = (edited.nanmean(-1) + LEVEL) / (source.nanmean(-1) + LEVEL)
    return ratio.clamp(max=RATIO_CAP)


def temporal_flickering(clips: Float[Tensor, "*lead f 3 h w"]) -> Float[Tensor, "*lead"]:
    r"""Compute VBench's temporal flickering in [0, 1]; higher is better.

    .. math:: \frac{255 - \overline{|x_i - x_{i+1}|}}{255}

    on 8-bit pixels, mean over the pairs of one video (``Vchitect/VBench``, ``temporal_flickering.py``). It is meant for
    videos that show nothing move, and a frozen output scores 1. NaN for a single picture.
    """
    levels = ((clips + 1) * 127.5).round().clamp(0, 255)
    away = (levels[..., 1:, :, :, :] - levels[..., :-1, :, :, :]).abs().flatten(-4).double()
    return (255 - away.mean(-1)) / 255


def _visible(forward: Flows, backward: Flows) -> tuple[Float[Tensor, "p h w 2"], Bool[Tensor, "p h w"]]:
    """Find where each pixel goes, in [-1, 1], and whether it is still in sight there and comes back where it was."""
    height, width = forward.shape[-2:]
    rows = torch.arange(height, dtype=forward.dtype, device=forward.device)
    columns = torch.arange(width, dtype=forward.dtype, device=forward.device)
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1) + forward.movedim(1, -1)
    ends = forward.new_tensor([max(width - 1, 1), max(height - 1, 1)])
    grid = 2 * places / ends - 1
    back = F.grid_sample(backward, grid, padding_mode="border", align_corners=True)
    length = forward.square().sum(1) + back.square().sum(1)
    returns = (forward + back).square().sum(1) <= _CONSISTENT * length + _SLACK
    return grid, returns & ((places >= 0) & (places <= ends)).all(-1)
