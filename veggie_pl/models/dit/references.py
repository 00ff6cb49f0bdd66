"""Reference pictures as clean latent frames behind the clip, as UniVideo (arXiv:2510.08377) shows them."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Latents = Float[Tensor, "b f c h w"]
Told = Float[Tensor, "b lf lq d"]
References = Literal["mllm", "latents"]


def behind(
    references: Float[Tensor, "b_r r c h w"],
    noisy: Latents,
    source: Latents,
    told: Told,
    clean: Bool[Tensor, "b f"] | None,
) -> tuple[Float[Tensor, "b f2 c h w"], Float[Tensor, "b f2 c h w"], Float[Tensor, "b f2 lq d"], Bool[Tensor, "b f2"]]:
    """Append pictures to a clip along time: without noise, at timestep 0, with no source of their own.

    Args:
        references: Of as many clips as there are samples, or of fewer whose branches under guidance they are.
        noisy: Noisy latents.
        source: Source latents; a picture's are zeros.
        told: Task tokens of each latent frame; a picture has those of the first one.
        clean: Frames of the clip that are without noise.

    Returns:
        Noisy and source latents, task tokens and which frames are clean, of clip and pictures.
    """
    pictures = references.repeat(len(noisy) // len(references), 1, 1, 1, 1).to(noisy)
    batch, count = pictures.shape[:2]
    if clean is None:
        clean = torch.zeros(noisy.shape[:2], dtype=torch.bool, device=noisy.device)
    return (
        torch.cat([noisy, pictures], 1),
        torch.cat([source, torch.zeros_like(pictures)], 1),
        torch.cat([told, told[:, :1].expand(-1, count, -1, -1)], 1),
        torch.cat([clean, clean.new_ones(batch, count)], 1),
    )
