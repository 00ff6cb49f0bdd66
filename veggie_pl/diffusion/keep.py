"""Sampling that leaves a part of the latents as they are (Blended Latent Diffusion, arXiv:2206.02779)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Num
from torch import Tensor

from veggie_pl.diffusion.process import Process
from veggie_pl.diffusion.sampler import Constrain, Latents


def keep_outside(process: Process, known: Latents, noise: Latents, cells: Bool[Tensor, "b f h w"]) -> Constrain:
    """Make what puts the known latents, noised as the others are, outside of a region after each step.

    Args:
        process: Of the model.
        known: What is to stay, in the scale of targets.
        noise: What sampling starts from.
        cells: Where sampling is free.
    """

    def constrain(latents: Latents, timestep: Num[Tensor, ""]) -> Latents:
        noised = process.mix(known, noise, timestep.expand(len(known)))
        stay = torch.where(timestep > 0, noised, known)  # at the end without the trace of noise that timestep 0 has
        return torch.where(cells[:, :, None], latents, stay.to(latents))

    return constrain


def cells_of(region: Float[Tensor, "b f h w"], shape: tuple[int, int, int]) -> Bool[Tensor, "b lf lh lw"]:
    """Find the latent cells that a region touches at all.

    Args:
        region: By pixel, more than 0 where it is.
        shape: Frames, height and width of the latents. A codec that compresses time has fewer frames: a cell is then
            touched in all of them if it is in one.
    """
    touched = (region > 0).float()
    if region.shape[1] != shape[0]:
        touched = touched.amax(1, keepdim=True).expand(-1, shape[0], -1, -1)
    return F.adaptive_max_pool2d(touched, shape[1:]) > 0
