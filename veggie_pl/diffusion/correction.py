"""Long Video Sampling Correction (InsV2V, arXiv:2311.00213): a window is held to frames that are finished already."""

from collections.abc import Sequence
from math import ceil
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.sampler import Latents, Prediction

INSV2V = Guidance(task=7.5, source=1.8)  # its scales, in the form that ``two_scale_guidance`` has: InstructPix2Pix's
SHARE = 0.5  # of the steps, from the noisy end, in which it corrects
PredictionType = Literal["epsilon", "v_prediction", "sample"]


def levels(
    scheduler: Any, timestep: Num[Tensor, " b"], latents: Latents
) -> tuple[Float[Tensor, "b 1 1 1 1"], Float[Tensor, "b 1 1 1 1"]]:
    """Give what a mixture has of latents and of noise: the roots of the scheduler's ``alphas_cumprod`` and the rest."""
    kept = scheduler.alphas_cumprod.to(latents.device)[timestep.long()].to(latents.dtype).view(-1, 1, 1, 1, 1)
    return kept.sqrt(), (1 - kept).sqrt()


def noise_of(predicted: Latents, noisy: Latents, kept: Tensor, noise: Tensor, kind: PredictionType) -> Latents:
    """Give the noise that a prediction of any kind says is in noisy latents.

    Args:
        predicted: Of noise, of velocity or of the sample.
        noisy: What it was predicted from.
        kept: Share of the latents, see ``levels``.
        noise: Share of the noise.
        kind: What the network predicts.
    """
    if kind == "epsilon":
        return predicted
    if kind == "v_prediction":  # v = kept e - noise z (arXiv:2202.00512), and noisy = kept z + noise e
        return kept * predicted + noise * noisy
    return (noisy - kept * predicted) / noise


def moved_by(change: Latents, kept: Tensor, noise: Tensor, kind: PredictionType) -> Latents:
    """Give how a prediction changes where the noise that it says is there changes, in the same noisy latents."""
    if kind == "epsilon":
        return change
    # v = (e - noise * noisy) / kept and z = (noisy - noise e) / kept. From nothing but noise neither tells what noise
    # is there, and a change of it says nothing of them.
    ratio = torch.where(kept > 0, (1 if kind == "v_prediction" else -noise) / kept.clamp(min=1e-6), 0.0)
    return ratio * change


def solved(noisy: Latents, clean: Latents, kept: Tensor, noise: Tensor, kind: PredictionType) -> Latents:
    """Give the prediction that says that noisy latents are these clean ones and noise."""
    if kind == "sample":
        return clean
    equivalent = (noisy - kept * clean) / noise
    return equivalent if kind == "epsilon" else kept * equivalent - noise * clean


def corrected(
    predict: Prediction,
    scheduler: Any,
    references: Float[Tensor, "b r c h w"],
    timesteps: Sequence[int | float],
    share: float = SHARE,
) -> Prediction:
    r"""Correct the prediction of a window by what its first frames, which are finished, show to be wrong in it.

    .. math:: \delta = \frac{x_t^{ref} - \sqrt{\bar\alpha_t} z^{ref}}{\sqrt{1 - \bar\alpha_t}} - \epsilon^{ref}
        \qquad \epsilon^{ref} \leftarrow \epsilon^{ref} + \delta
        \qquad \epsilon^{rest} \leftarrow \epsilon^{rest} + \tfrac1r \sum \delta

    as in the authors' code (``second_clip_forward``), which predicts noise; other predictions are changed to what says
    the same of the noise. It is for one window after another, the last frames of the one being the first of the next;
    ``denoise_over_windows`` samples all windows together instead.

    Args:
        predict: The guided prediction of the window.
        scheduler: Of diffusers, with ``alphas_cumprod`` and a ``prediction_type``.
        references: Finished latents (b, r, c, h, w) of its first r frames.
        timesteps: Those of sampling, the noisiest first.
        share: Of them, from the start, in which it corrects; 1 holds the references to their latents to the end.
    """
    kind = cast(PredictionType, scheduler.config.prediction_type)
    count = references.shape[1]
    first = {float(one) for one in timesteps[: ceil(share * len(timesteps))]}

    def correct(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        predicted = predict(noisy, timestep)
        if float(timestep[0]) not in first:
            return predicted
        kept, noise = levels(scheduler, timestep, noisy)
        reference = noisy[:, :count]
        said = noise_of(predicted[:, :count], reference, kept, noise, kind)
        change = ((reference - kept * references) / noise - said).mean(1, keepdim=True)
        rest = predicted[:, count:] + moved_by(change, kept, noise, kind)
        return torch.cat([solved(reference, references, kept, noise, kind), rest], 1)

    return correct
