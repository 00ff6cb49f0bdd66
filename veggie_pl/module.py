"""VEGGIE as a LightningModule: start reading here."""

from dataclasses import dataclass
from typing import Any

import lightning as L
import torch
from diffusers import SchedulerMixin
from diffusers.optimization import get_scheduler
from jaxtyping import Float, Int
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn

from veggie_pl.batch import Batch, per_skill
from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.objective import Density, Draws, Latents
from veggie_pl.errors import UseError
from veggie_pl.host import send
from veggie_pl.model import VeggieModel, for_frames
from veggie_pl.models import Aligner, Mllm, TaskQueries
from veggie_pl.models.weight_files import compare
from veggie_pl.seeding import torch_rng
from veggie_pl.training.deferred import read_deferred
from veggie_pl.training.fsdp import shard
from veggie_pl.training.left_out import frozen_keys, leave_out, origins, put_back
from veggie_pl.training.optimizer import scaled_optimizer


@dataclass(frozen=True)
class Drawn:
    """What a step begins with, and no gradient goes through.

    Args:
        frame_index: Place of each frame among those the queries know.
        source: Latents to edit.
        target: Latents to reach.
        draws: Noise, its level, and what is left out.
    """

    frame_index: Int[Tensor, "b num_frames"]  # a codec that compresses time has fewer latent frames
    source: Latents
    target: Latents
    draws: Draws


class VeggieModule(VeggieModel, L.LightningModule):
    """MLLM -> task queries -> aligner -> video diffusion model, one diffusion loss (arXiv:2503.14350).

    What learns, on which data and for how long is written in ``conf/``; nothing here knows of stages. How a trained one
    edits is in ``VeggieModel``, which needs no Lightning.

    Args:
        mllm: Multimodal LLM.
        queries: Learnable task queries, as wide as the MLLM.
        aligner: From the MLLM's width to the diffusion model's.
        viddm: Video diffusion model, a ``Denoiser`` such as ``VidDM``.
        vae: Pixel-latent codec, a ``Codec``.
        scheduler: diffusers noise scheduler, for training and sampling.
        optimizer: Makes the optimizer from the parameters that learn; needed for fit only.
        lr_schedule: A name of ``diffusers.optimization.get_scheduler``, such as "constant_with_warmup" or "cosine".
        lr_warmup_steps: Optimizer steps of linear warm-up.
        lr_factors: Factor on the learning rate of a part, such as {"queries": 0.1}; 1 for parts not named.
        timestep_power: See ``Objective``.
        timestep_density: See ``Objective``: "uniform", "logit_normal" or "mode".
        timestep_uniform: See ``Objective``: share of the samples whose levels of noise are uniform.
        flow: Weights and shifts of rectified flow, see ``FlowSettings``.
        drop_task: Share of training samples without task tokens.
        drop_source: Share of training samples without source.
        drop_both: Share of training samples without either.
        skill_weights: Factor on the loss of a skill's samples; 1 for skills not named.
        change_weight: See ``Objective``: what the cells that an edit changes count in its loss.
        huber: See ``Objective``: where errors turn from squared to absolute; 0 leaves them squared.
        guidance: Scales per skill at inference; "default" for skills not named and for requests of no known skill.
        num_steps: Sampling steps at inference.
        seed: Seeds noise, timesteps and drops, each a function of (seed, example).
    """

    def __init__(
        self,
        mllm: Mllm,
        queries: TaskQueries,
        aligner: Aligner,
        viddm: nn.Module,
        vae: nn.Module,
        scheduler: SchedulerMixin,
        optimizer: OptimizerCallable | None = None,
        lr_schedule: str = "constant_with_warmup",
        lr_warmup_steps: int = 0,
        lr_factors: dict[str, float] | None = None,
        timestep_power: float = 1.0,
        timestep_density: Density = "uniform",
        timestep_uniform: float = 0.0,
        flow: FlowSettings | None = None,
        drop_task: float = 0.05,
        drop_source: float = 0.05,
        drop_both: float = 0.05,
        skill_weights: dict[str, float] | None = None,
        change_weight: float = 1.0,
        huber: float = 0.0,
        guidance: dict[str, Guidance] | None = None,
        num_steps: int = 20,
        seed: int = 0,
    ) -> None:
        asked = (drop_task, drop_source, drop_both, guidance, num_steps, seed, timestep_power, timestep_density, flow)
        super().__init__(mllm, queries, aligner, viddm, vae, scheduler, *asked, timestep_uniform, change_weight, huber)
        self.make_optimizer, self.lr_schedule, self.lr_warmup_steps = optimizer, lr_schedule, lr_warmup_steps
        self.lr_factors, self.skill_weights = lr_factors or {}, per_skill(skill_weights or {}, 1.0, "skill_weights")

    def configure_model(self) -> None:
        """Spread the weights over the ranks, under Lightning's ModelParallelStrategy."""
        if self.device_mesh is not None:
            # The strategy loads before ``on_load_checkpoint`` can put back what a checkpoint left out.
            self.strict_loading = not any(frozen_keys(self, name) for name, _ in origins(self))
            shard(self, self.trainer.strategy.root_device)
        if self.mllm.pending is not None:
            read_deferred(self.mllm, self.trainer.strategy.root_device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what is frozen and lies in a folder."""
        if "state_dict" in checkpoint:
            leave_out(self, checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Look whether weights fit before any is copied: one clear error where ``--ckpt_path`` is of another model.

        Raises:
            UseError: If keys or shapes differ, or this run has not what was left out; all are counted and named.
        """
        path = self._trainer.ckpt_path if self._trainer else "checkpoint"  # some strategies have taken the weights out
        put_back(self, checkpoint, path)
        if "state_dict" in checkpoint and (wrong := compare(checkpoint["state_dict"], self.state_dict())):
            raise UseError(f"{path} does not fit the model of its config: {wrong}")

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move the clips of a batch; what is asked of it on the host stays there."""
        return batch.to(device) if isinstance(batch, Batch) else super().transfer_batch_to_device(batch, device, 0)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Compute one diffusion loss over a mixed batch."""
        per_sample = self.per_sample_loss(batch, "fit")
        asked = zip(batch.skill, batch.missing, strict=True)
        weight = [self.skill_weights[skill] if missing is None else 0.0 for skill, missing in asked]
        # Over all, or ranks and micro-batches would weigh unequally.
        loss = (send(torch.tensor(weight, dtype=per_sample.dtype), per_sample.device) * per_sample).mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch), sync_dist=True)
        return {"loss": loss, "per_sample": per_sample.detach()}

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Compute the same loss on held-out examples with a target, with chance fixed per example, and edit them."""
        losses = {} if batch.target is None else {"per_sample": self.per_sample_loss(batch, "validate")}
        return {**losses, "edited": self.edit_batch(batch)}

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Edit the batch; callbacks score it."""
        return {"edited": self.edit_batch(batch)}

    def per_sample_loss(self, batch: Batch, purpose: str) -> Float[Tensor, " b"]:
        """Compute the diffusion loss of each example; its chance depends on (seed, purpose, example), see ``draw``."""
        return self.loss_of(batch, self.draw(batch, purpose))

    @torch.no_grad()
    def draw(self, batch: Batch, purpose: str) -> Drawn:
        """Draw all that is random, each example from its own generator, and encode both videos; a target is needed."""
        if batch.target is None:
            raise UseError(f"training needs targets, but {batch.key[0]} has none")
        # On the host, whose numbers are the same for every device; they go to it in one copy each.
        generators = [torch_rng(self.seed, purpose, index) for index in batch.index.tolist()]
        frame_index = self.queries.place(batch.source.shape[1], generators)  # (b, f)
        self.vae.latent_shape(batch.source.shape[1], *batch.source.shape[-2:])  # or one clear error
        source, target = self.vae.encode_both(batch.source, batch.target, generators, batch.names)  # (b, lf, c, lh, lw)
        return Drawn(frame_index, source, target, self.objective.draw(target, generators, batch.mask))

    def loss_of(self, batch: Batch, drawn: Drawn) -> Float[Tensor, " b"]:
        """Compute the loss of each example from what was drawn: nothing is random from here on."""
        # 1. What to do: the MLLM fills the queries of every frame.
        asked = (batch.instruction, self.queries(drawn.frame_index), drawn.frame_index)
        hidden = self.mllm(batch.source, *asked, names=batch.names)  # (b, f, q, d_mllm)

        # 2. Drop conditions now, so that guidance has unconditional branches later.
        draws, target = drawn.draws, drawn.target
        tokens = for_frames(self.aligner(hidden, draws.drop_task), batch.source.shape[1])  # (b, f, q, d_unet)
        kept = torch.where(draws.drop_source[:, None, None, None, None], torch.zeros_like(drawn.source), drawn.source)

        # 3. Noise the target and predict.
        noisy = self.objective.add_noise(target, draws)
        predicted = self.predict(noisy, kept, draws.timestep, tokens)
        return self.objective.loss(predicted, target, draws)

    def configure_optimizers(self) -> Any:
        """Optimize what the freeze callback left learnable."""
        if self.make_optimizer is None:
            raise UseError("fit needs an optimizer: set model.optimizer in the config")
        optimizer = scaled_optimizer(self, self.make_optimizer, self.lr_factors, self.trainer.precision)
        warm, total = self.lr_warmup_steps, int(self.trainer.estimated_stepping_batches)
        schedule = get_scheduler(self.lr_schedule, optimizer, num_warmup_steps=warm, num_training_steps=total)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
