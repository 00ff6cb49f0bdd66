"""Rectified flow (arXiv:2209.03003; SD3, arXiv:2403.03206) over diffusers' schedulers for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.diffusion.denoising import DenoisingRun
from veggie_pl.diffusion.flow_weights import Weighting, flow_weight
from veggie_pl.diffusion.shift import CountTokens, count_cells, shift_by_doublings, shift_exponent
from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]


@dataclass(frozen=True)
class FlowSettings:
    """What rectified flow leaves open beside its scheduler.

    Args:
        weighting: Factor on the squared error at a level of noise, see ``flow_weight``.
        precondition: Take the error of the latents that follow from the slope, ``noisy - sigma * slope``, as diffusers'
            training examples for SD3 do: a factor of sigma squared.
        shift_per_doubling: Shift by the number of tokens in place of the scheduler's shift: 1 for 64 tokens, and so
            much more for each doubling, 8 at most (LoomVideo: 0.65, or 0.5). None leaves the shift to the scheduler,
            whose ``use_dynamic_shifting`` is FLUX's way.
    """

    weighting: Weighting = "none"
    precondition: bool = False
    shift_per_doubling: float | None = None


class FlowMatching:
    """A ``Process`` on straight lines: ``(1 - sigma) * latents + sigma * noise``; the network predicts their slope.

    A timestep is ``num_train_timesteps * sigma``, where sigma has been shifted as the scheduler says, in training as in
    sampling: resolutions that need more noise have a ``shift`` above 1. With ``use_dynamic_shifting`` it grows with the
    number of tokens; with ``shift_terminal`` the levels end there.

    Args:
        scheduler: ``FlowMatchEulerDiscreteScheduler``, or a solver with ``use_flow_sigmas``.
        settings: None is ``FlowSettings()``.
        num_tokens: Counts tokens of latents, for shifts that depend on it.

    Raises:
        UseError: If its sigmas run the other way, or it predicts something else.
    """

    def __init__(
        self, scheduler: Any, settings: FlowSettings | None = None, num_tokens: CountTokens = count_cells
    ) -> None:
        config, name = scheduler.config, type(scheduler).__name__
        if config.get("invert_sigmas"):
            raise UseError(f"{name}: invert_sigmas is {config['invert_sigmas']}, which is not supported")
        self._is_euler = isinstance(scheduler, FlowMatchEulerDiscreteScheduler)
        predicted = config.get("prediction_type", "flow_prediction")
        if not self._is_euler and predicted != "flow_prediction":
            raise UseError(f"{name} with use_flow_sigmas predicts {predicted!r}; it has to be flow_prediction")
        self.scheduler, self.num_tokens = scheduler, num_tokens
        self.settings = settings or FlowSettings()
        if self.settings.shift_per_doubling is not None:
            changed = type(scheduler).from_config(config, use_dynamic_shifting=True)
            self._config: Any = changed.config
        else:
            self._config = config
        self.num_timesteps = int(config.num_train_timesteps)
        # By what they are shifted, and where they lie.
        self._tables: dict[tuple[float | None, torch.device], Float[Tensor, " n"]] = {}

    def timestep_at(self, level: Float[Tensor, " b"], shape: Sequence[int] | None = None) -> Float[Tensor, " b"]:
        """Give the timestep of a level of noise in [0, 1): one of the scheduler's training table, shifted."""
        place = (self.num_timesteps * level).long().clamp(max=self.num_timesteps - 1)
        return self.table(shape, level.device).flip(0)[place]

    def table(self, shape: Sequence[int] | None = None, device: torch.device | str = "cpu") -> Float[Tensor, " n"]:
        """Give all timesteps of training for latents of this shape, from most noise to least."""
        key = self._mu(shape), torch.device(device)
        if key not in self._tables:  # copied to a device once: a copy in each step would be waited for
            self._tables[key] = self._shifted(key[0]).to(device)
        return self._tables[key]

    def _shifted(self, mu: float | None) -> Float[Tensor, " n"]:
        fixed = 1.0 if mu is not None else self._config["shift" if self._is_euler else "flow_shift"]
        plain = FlowMatchEulerDiscreteScheduler(self.num_timesteps, fixed)
        if mu is None and not self._config.get("shift_terminal"):
            return plain.timesteps  # type: ignore[no-any-return]
        maker = type(self.scheduler).from_config(self._config)
        sigmas = plain.sigmas if mu is None else maker.time_shift(mu, 1.0, plain.sigmas)
        if self._config.get("shift_terminal"):
            sigmas = maker.stretch_shift_to_terminal(sigmas)
        return sigmas * self.num_timesteps  # type: ignore[no-any-return]

    def mix(self, latents: Latents, noise: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Noise latents."""
        sigma = self._sigma(latents, timestep)
        return (1 - sigma) * latents + sigma * noise

    def goal(self, latents: Latents, noise: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Give the slope of the line from latents to noise."""
        return noise - latents

    def weight(self, timestep: Num[Tensor, " b"], shape: Sequence[int] | None = None) -> Float[Tensor, " b"]:
        """Weigh all timesteps as the settings say; how often they come is a matter of ``Objective``'s density."""
        sigma = timestep.to(torch.float32) / self.num_timesteps
        weighting = self.settings.weighting
        table = self.table(shape, timestep.device) / self.num_timesteps if weighting == "bell" else None
        weight = flow_weight(weighting, sigma, table)
        return weight * sigma**2 if self.settings.precondition else weight

    def remove(self, source: Latents, noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Take a source out of noisy latents."""
        return noisy - (1 - self._sigma(noisy, timestep)) * source

    def sampling(self, num_steps: int, shape: Sequence[int] | None = None) -> "FlowRun":
        """Begin a sampling run with a fresh copy of the scheduler: runs share no state."""
        scheduler = type(self.scheduler).from_config(self._config)
        # Euler's are named, or the last of its own sigmas would be shifted twice.
        named = {"sigmas": np.linspace(1.0, 1 / num_steps, num_steps)} if self._is_euler else {}
        scheduler.set_timesteps(num_steps, **named, mu=self._mu(shape))
        return FlowRun(scheduler)

    def _mu(self, shape: Sequence[int] | None) -> float | None:
        """Give what the scheduler shifts by, for latents (f, c, h, w); None where size does not matter."""
        if not self._config.get("use_dynamic_shifting"):
            return None
        if shape is None:
            raise UseError(f"{type(self.scheduler).__name__} shifts by the size of the latents: name their shape")
        num_frames, _, height, width = shape
        count = self.num_tokens(num_frames, height, width)
        if (rate := self.settings.shift_per_doubling) is None:
            return shift_exponent(self._config, count)
        shift = shift_by_doublings(count, rate)
        return shift if self._config.get("time_shift_type") == "linear" else log(shift)

    def _sigma(self, like: Latents, timestep: Num[Tensor, " b"]) -> Tensor:
        return (timestep.to(like.device, torch.float32) / self.num_timesteps)[:, None, None, None, None]


class FlowRun(DenoisingRun):
    """A ``Run`` along the slope; with the scheduler's ``stochastic_sampling`` each step noises anew."""

    def start(self, noise: Latents) -> Latents:
        """Begin at noise alone."""
        return noise

    def shown(self, latents: Latents, timestep: Num[Tensor, ""]) -> Latents:
        """Show latents as they are."""
        return latents
