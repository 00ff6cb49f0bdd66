"""DDIM (arXiv:2010.02502) read backwards: from latents to the noise that sampling makes them of."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from diffusers import DDIMInverseScheduler
from jaxtyping import Float, Int
from torch import Tensor

from veggie_pl.diffusion.solvers import solver_like
from veggie_pl.errors import UseError, one_line

Latents = Float[Tensor, "_b ..."]


@dataclass(frozen=True)
class Schedules:
    """DDIM (arXiv:2010.02502) there and back.

    Args:
        inverse: From the video to noise, in many steps.
        forward: From noise to a video; its timesteps are some of those of ``inverse``.
    """

    inverse: Any
    forward: Any

    @classmethod
    def like(cls, scheduler: Any, inversion_steps: int, steps: int) -> "Schedules":
        """Make both for the noise that a scheduler's model was trained with.

        Raises:
            UseError: If sampling would pass timesteps that the inversion does not.
        """
        forward = solver_like(scheduler, "DDIMScheduler")
        known = inspect.signature(DDIMInverseScheduler).parameters
        inverse = DDIMInverseScheduler(**{key: value for key, value in forward.config.items() if key in known})
        try:
            inverse.set_timesteps(inversion_steps)
            forward.set_timesteps(steps)
        except ValueError as problem:
            raise UseError(f"DDIM cannot be inverted in {inversion_steps} steps: {one_line(problem)}") from problem
        if not {*forward.timesteps.tolist()} <= {*inverse.timesteps.tolist()}:
            trained = forward.config.num_train_timesteps
            raise UseError(
                f"{steps} steps do not meet those of an inversion in {inversion_steps}: "
                f"steps must divide inversion_steps, and that the model's {trained}"
            )
        return cls(inverse, forward)

    def back(self, predicted: Latents, timestep: Int[Tensor, ""], latents: Latents) -> Latents:
        r"""Go one step towards noise, to ``timestep``, with what the network predicted there.

        .. math:: \epsilon = (z - \sqrt{\bar\alpha} \hat z_0) / \sqrt{1 - \bar\alpha}

        is the noise of a network that predicts the sample. Its :math:`\bar\alpha` is that of the timestep it was asked
        for, so that it goes the way of a network that predicts the same as noise, and that at first, from latents
        without any noise, nothing is divided by zero.
        """
        if self.inverse.config.prediction_type == "sample":
            kept = self.inverse.alphas_cumprod[timestep].to(latents)
            noise = (latents - kept.sqrt() * predicted) / (1 - kept).sqrt()
            return self._as_noise.step(noise, timestep, latents).prev_sample  # type: ignore[no-any-return]
        return self.inverse.step(predicted, timestep, latents).prev_sample  # type: ignore[no-any-return]

    @property
    def _as_noise(self) -> Any:
        """The inverse for a prediction of noise; nothing is clipped, for what is clipped does not come back."""
        made = DDIMInverseScheduler.from_config(self.inverse.config, prediction_type="epsilon", clip_sample=False)
        made.set_timesteps(self.inverse.num_inference_steps)
        return made


def invert_latents(
    predict: Callable[[Latents, Int[Tensor, ""]], Latents], schedules: Schedules, latents: Latents, start: int = 0
) -> dict[int, Latents]:
    r"""Take latents back to noise.

    .. math:: z_{t+1} = \sqrt{\bar\alpha_{t+1}} \hat z_0(z_t) + \sqrt{1 - \bar\alpha_{t+1}} \epsilon(z_t, t + 1)

    DDIM's Eq. 12 without noise, read backwards; it holds as far as the prediction changes little in a step.

    Args:
        predict: What the network predicts of noisy latents at a timestep, without guidance.
        schedules: Of both ways.
        latents: Of the video, without noise.
        start: The step that sampling starts at.

    Returns:
        The latents by timestep, for the steps of sampling from there on.
    """
    wanted = {*schedules.forward.timesteps[start:].tolist()}
    passed: dict[int, Latents] = {}
    for timestep in schedules.inverse.timesteps:
        latents = schedules.back(predict(latents, timestep), timestep, latents)
        if int(timestep) in wanted:
            passed[int(timestep)] = latents
        if len(passed) == len(wanted):
            break
    return passed
