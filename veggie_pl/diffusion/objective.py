"""At which levels of noise the network learns, with what left out, and its loss per sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from diffusers.training_utils import compute_density_for_timestep_sampling
from jaxtyping import Bool, Float, Num
from torch import Tensor

from veggie_pl.diffusion.change_weights import change_weights
from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.process import Process, process_of
from veggie_pl.diffusion.shift import CountTokens, count_cells
from veggie_pl.errors import UseError
from veggie_pl.host import draw_normal, send

Latents = Float[Tensor, "b f c h w"]
Density = Literal["uniform", "logit_normal", "mode"]
MEAN, STD, SCALE = 0.0, 1.0, 1.29  # of the two densities of SD3 (arXiv:2403.03206), Sec. 3.1


@dataclass(frozen=True)
class Draws:
    """Everything random in one training example, drawn from that example's own generator; and what its cells count."""

    noise: Latents
    timestep: Num[Tensor, " b"]
    drop_task: Bool[Tensor, " b"]
    drop_source: Bool[Tensor, " b"]
    cells: Float[Tensor, "b f 1 h w"] | None = None  # see ``change_weights``; None is all alike


class Objective:
    """The diffusion loss and nothing else.

    Args:
        scheduler: A diffusers noise scheduler; what it mixes and asks for is in ``Process``.
        timestep_power: Levels of noise are ``u ** power`` with u uniform in [0, 1): 1 is uniform, below 1 favours high
            noise (density proportional to ``level ** (1 / power - 1)``).
        timestep_density: "uniform", before the power; or one of SD3's, which favour the middle, by diffusers'
            ``compute_density_for_timestep_sampling``: they take no power. The levels are then shifted as the scheduler
            says; "uniform" with a shift is how Wan, and Kiwi-Edit, are trained.
        timestep_uniform: Share of the samples whose levels are uniform whatever the power: low noise keeps coming where
            the power favours high noise.
        change_weight: What the latent cells that an edit changes count in its loss, where those that it leaves count 1;
            see ``change_weights``.
        huber: Where errors turn from squared to absolute, in units of what is predicted: with 0 they stay squared, as
            in the paper; else each counts ``2 c (sqrt(error ** 2 + c ** 2) - c)`` (pseudo-Huber, arXiv:2310.14189,
            Sec. 3.3, up to the factor), so that large ones do not drown the small.
        drop_task: Share of samples that lose the task tokens only.
        drop_source: Share of samples that lose the source only.
        drop_both: Share of samples that lose both. InstructPix2Pix (arXiv:2211.09800) has 5 % each.
        flow: Weights and shifts of rectified flow.
        num_tokens: Counts the tokens of latents, for shifts that depend on it; see ``Denoiser.num_tokens``.

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
        timestep_density: Density = "uniform",
        flow: FlowSettings | None = None,
        num_tokens: CountTokens = count_cells,
        timestep_uniform: float = 0.0,
        change_weight: float = 1.0,
        huber: float = 0.0,
    ) -> None:
        rates = {"drop_task": drop_task, "drop_source": drop_source, "drop_both": drop_both}
        if any(rate < 0 for rate in rates.values()) or sum(rates.values()) > 1:
            raise UseError(f"drop rates must be >= 0 and sum to at most 1, got {rates}")
        if timestep_power <= 0:
            raise UseError(f"timestep_power must be above 0, got {timestep_power}")
        if not 0 <= timestep_uniform <= 1:
            raise UseError(f"timestep_uniform must be a share in [0, 1], got {timestep_uniform}")
        if change_weight <= 0:
            raise UseError(f"change_weight must be above 0, got {change_weight}")
        if huber < 0:
            raise UseError(f"huber must be at least 0, where errors are squared, got {huber}")
        powers = {"timestep_power": (timestep_power, 1), "timestep_uniform": (timestep_uniform, 0)}
        for name, (given, none) in powers.items() if timestep_density != "uniform" else ():
            if given != none:
                raise UseError(f"timestep_density {timestep_density} takes no {name}, got {given}; set it to {none}")
        self.flow, self.num_tokens = flow, num_tokens
        self.process: Process = process_of(scheduler, flow, num_tokens)
        self.timestep_power, self.timestep_density = timestep_power, timestep_density
        self.timestep_uniform, self.change_weight, self.huber = timestep_uniform, change_weight, huber
        self.drop_task, self.drop_source, self.drop_both = drop_task, drop_source, drop_both

    @property
    def scheduler(self) -> Any:
        """The noise scheduler; another one is looked at before it is taken."""
        return self.process.scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Any) -> None:
        self.process = process_of(scheduler, self.flow, self.num_tokens)

    @property
    def drop_rates(self) -> dict[str, float]:
        """The three drop rates by the name of their argument."""
        return {"drop_task": self.drop_task, "drop_source": self.drop_source, "drop_both": self.drop_both}

    def draw(
        self,
        latents: Latents,
        generators: Sequence[torch.Generator],
        change: Bool[Tensor, "b n_f n_h n_w"] | None = None,
    ) -> Draws:
        """Draw for each sample of the batch from its own generator, so that batches can be cut in any way.

        Args:
            latents: To be noised.
            generators: One for each sample.
            change: The pixels that an edit changes, for ``change_weight``; None weighs all cells alike.
        """
        device = latents.device
        uniform = torch.stack([torch.rand(2, generator=generator, device=generator.device) for generator in generators])
        noise = draw_normal(latents.shape, generators, device)
        share, choice = send(uniform, device).unbind(1)
        timestep = self.process.timestep_at(self._level(share, generators), latents.shape[1:])
        # One uniform number decides both drops: [0, task) task only, then source only, then both.
        only_task = choice < self.drop_task
        only_source = (choice >= self.drop_task) & (choice < self.drop_task + self.drop_source)
        rest = choice - self.drop_task - self.drop_source
        both = (rest >= 0) & (rest < self.drop_both)
        cells = None
        if change is not None and self.change_weight != 1:
            frames, _, height, width = latents.shape[1:]
            cells = change_weights(change, (frames, height, width), self.change_weight)
        return Draws(noise, timestep, only_task | both, only_source | both, cells)

    def _level(self, share: Float[Tensor, " b"], generators: Sequence[torch.Generator]) -> Float[Tensor, " b"]:
        """Levels of noise in [0, 1), from uniform numbers or from the samples' own generators."""
        if self.timestep_density == "uniform":
            share, even = share.double(), self.timestep_uniform
            if even in (0, 1):
                return share if even else share**self.timestep_power
            # One uniform number decides both: below ``even`` it spreads over all levels, and so does what is above.
            powered = ((share - even) / (1 - even)).clamp(min=0) ** self.timestep_power
            return torch.where(share < even, share / even, powered)
        settings = (self.timestep_density, 1, MEAN, STD, SCALE)
        drawn = [compute_density_for_timestep_sampling(*settings, device=g.device, generator=g) for g in generators]
        return send(torch.cat(drawn), share.device).double()

    def add_noise(self, latents: Latents, draws: Draws) -> Latents:
        """Latents at the drawn timesteps."""
        return self.process.mix(latents, draws.noise, draws.timestep)

    def remove_source(self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"]) -> Latents:
        """Noisy latents of the *change*: what ``add_noise(target - source)`` would be."""
        return self.process.remove(source, noisy, timestep)

    def loss(self, predicted: Latents, latents: Latents, draws: Draws) -> Float[Tensor, " b"]:
        """Weighted mean error of the prediction, squared or by ``huber``, one value per sample."""
        goal = self.process.goal(latents, draws.noise, draws.timestep)
        error = F.mse_loss(predicted.float(), goal.float(), reduction="none")
        if bend := self.huber:
            error = error * (2 * bend / ((error + bend**2).sqrt() + bend))  # the same, and exact where errors are small
        error = (error if draws.cells is None else draws.cells * error).flatten(1).mean(1)
        return self.process.weight(draws.timestep, latents.shape[1:]) * error
