"""One sampling run over a clip that is longer than the network takes (MultiDiffusion, arXiv:2302.08113, along time)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.sampler import Latents, Prediction
from veggie_pl.errors import UseError


def over_windows(parts: Sequence[tuple[range, Prediction]]) -> Prediction:
    """Join predictions of windows to one of the whole clip: where windows overlap, the earlier fades into the later.

    Args:
        parts: The latent frames of each window and its prediction, in order; every frame is in one of them.

    Raises:
        UseError: If frames are left out; the message names the first.
    """
    num_frames = max(window.stop for window, _ in parts)
    if left := sorted(set(range(num_frames)).difference(*(window for window, _ in parts))):
        raise UseError(f"no window has frame {left[0]} of {num_frames}")
    weights = _weights([window for window, _ in parts], num_frames)

    def predict(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        joined = None
        for (window, of_window), weight in zip(parts, weights, strict=True):
            frames = slice(window.start, window.stop)
            own = of_window(noisy[:, frames], timestep)
            if joined is None:
                joined = own.new_zeros(noisy.shape)
            joined[:, frames] += weight.to(own)[None, :, None, None, None] * own
        assert joined is not None
        return joined

    return predict


def _weights(windows: list[range], num_frames: int) -> list[Float[Tensor, " f"]]:
    """Give each window's weight on its frames, which sum to 1 for every frame: a triangle, scaled."""
    raised = []
    for window in windows:
        from_start = torch.arange(1, len(window) + 1, dtype=torch.float64)
        raised.append(torch.minimum(from_start, from_start.flip(0)))
    total = torch.zeros(num_frames, dtype=torch.float64)
    for window, weight in zip(windows, raised, strict=True):
        total[window.start : window.stop] += weight
    return [weight / total[window.start : window.stop] for window, weight in zip(windows, raised, strict=True)]
