"""What the network learns to predict, from which noise, and its loss per sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.utils.torch_utils import randn_tensor
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from veggie_pl.diffusion.schedulers import check_scheduler
from veggie_pl.errors import UseError

Latents = Float[Tensor, "b f c h w"]


@dataclass(frozen=True)
class Draws:
    """Everything random in one training example, drawn from that example's own generator."""

    noise: Latents
    timestep: Int[Tensor, " b"]
    drop_task: Bool[Tensor, " b"]
    drop_source: Bool[Tensor, " b"]


class Objective:
    """The diffusion loss and nothing else: DDPM (arXiv:2006.11239) Eq. 14 for epsilon, its kin for v and sample.

    Args:
        scheduler: A diffusers noise scheduler; its ``prediction_type`` ("epsilon", "v_prediction" or "sample") is what
            the network predicts.
        timestep_power: Timesteps are ``num_train_timesteps * u ** power`` with u uniform in [0, 1): 1 is uniform, below
            1 favours high noise (density proportional to ``timestep ** (1 / power - 1)``).
        drop_task: Share of samples that lose the task tokens only.
        drop_source: Share of samples that lose the source only.
        drop_both: Share of samples that lose both. InstructPix2Pix (arXiv:2211.09800) has 5 % each.

    Raises:
        UseError: If a rate or the power is out of range, or the scheduler cannot be learned with.
    """

    def __init__(
        self,
        scheduler: Any,
        timestep_power: float = 1.0,
        drop_task: float = 0.05,
        drop_source: float = 0.05,
        drop_both: float = 0.05,
    ) -> None:
        rates = {"drop_task": drop_task, "drop_source": drop_source, "drop_both": drop_both}
        if any(rate < 0 for rate in rates.values()) or sum(rates.values()) > 1:
            raise UseError(f"drop rates must be >= 0 and sum to at most 1, got {rates}")
        if timestep_power <= 0:
            raise UseError(f"timestep_power must be above 0, got {timestep_power}")
        self.scheduler = scheduler
        self.timestep_power = timestep_power
        self.drop_task, self.drop_source, self.drop_both = drop_task, drop_source, drop_both

    @property
    def scheduler(self) -> Any:
        """The noise scheduler; another one is looked at before it is taken."""
        return self._scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Any) -> None:
        check_scheduler(scheduler)
        self._scheduler = scheduler

    @property
    def drop_rates(self) -> dict[str, float]:
        """The three drop rates by the name of their argument."""
        return {"drop_task": self.drop_task, "drop_source": self.drop_source, "drop_both": self.drop_both}

    def draw(self, latents: Latents, generators: Sequence[torch.Generator]) -> Draws:
        """Draw for each sample of the batch from its own generator, so that batches can be cut in any way."""
        device = latents.device
        uniform = torch.stack([torch.rand(2, generator=generator, device=generator.device) for generator in generators])
        noise = randn_tensor(latents.shape, list(generators), device)
        share, choice = uniform.to(device).unbind(1)
        num_timesteps = self.scheduler.config.num_train_timesteps
        timestep = (num_timesteps * share.double() ** self.timestep_power).long().clamp(max=num_timesteps - 1)
        # One uniform number decides both drops: [0, task) task only, then source only, then both.
        only_task = choice < self.drop_task
        only_source = (choice >= self.drop_task) & (choice < self.drop_task + self.drop_source)
        rest = choice - self.drop_task - self.drop_source
        both = (rest >= 0) & (rest < self.drop_both)
        return Draws(noise, timestep, only_task | both, only_source | both)

    def add_noise(self, latents: Latents, draws: Draws) -> Latents:
        """Latents at the drawn timesteps."""
        return self.scheduler.add_noise(latents, draws.noise, draws.timestep)  # type: ignore[no-any-return]

    def remove_source(self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Noisy latents of the *change*: what ``add_noise(target - source)`` would be."""
        share: Tensor = self.scheduler.alphas_cumprod.to(noisy)[timestep.long()].sqrt()
        return noisy - share[:, None, None, None, None] * source

    def loss(self, predicted: Latents, latents: Latents, draws: Draws) -> Float[Tensor, " b"]:
        """Mean squared error of the prediction, one value per sample."""
        goal: Tensor = {
            "epsilon": lambda: draws.noise,
            "v_prediction": lambda: self.scheduler.get_velocity(latents, draws.noise, draws.timestep),
            "sample": lambda: latents,
        }[self.scheduler.config.prediction_type]()  # type: ignore[no-untyped-call]
        return F.mse_loss(predicted.float(), goal.float(), reduction="none").flatten(1).mean(1)
