"""VEGGIE as a plain module: its parts, and how they edit. ``module.py`` teaches them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor, nn

from veggie_pl.batch import Batch, Clips, per_skill
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.crop import crop_around, cropped
from veggie_pl.diffusion.flow import FlowSettings
from veggie_pl.diffusion.guidance import Guidance, check_guidance, guided
from veggie_pl.diffusion.keep import cells_of, keep_outside
from veggie_pl.diffusion.objective import Density, Latents, Objective
from veggie_pl.diffusion.sampler import Constrain, Prediction, draw_noise, sample_latents
from veggie_pl.diffusion.shift import CountTokens
from veggie_pl.errors import UseError
from veggie_pl.keeping import Keep, edit_keeping
from veggie_pl.masks.soften import mix_region
from veggie_pl.models import Aligner, Mllm, TaskQueries
from veggie_pl.models.fit import check_parts, padded
from veggie_pl.seeding import torch_rng
from veggie_pl.training.record import TrainingRecord

log = logging.getLogger(__name__)
Told = tuple[Float[Tensor, "b q_f q d"], Float[Tensor, "b q_f q d"]]


@dataclass(frozen=True)
class Condition:
    """What an edit is steered by.

    Args:
        source: Latents of the clip.
        tokens: Task tokens of each frame.
        null: What stands for them where the task is left out.
        references: Latents of reference pictures, where the diffusion model sees them.
    """

    source: Latents
    tokens: Float[Tensor, "b q_f q d"]
    null: Float[Tensor, "b q_f q d"]
    references: Float[Tensor, "b r c h w"] | None = None


class VeggieModel(nn.Module):
    """MLLM -> task queries -> aligner -> video diffusion model (arXiv:2503.14350), as far as editing needs it.

    Args:
        mllm: Multimodal LLM.
        queries: Learnable task queries, as wide as the MLLM.
        aligner: From the MLLM's width to the diffusion model's.
        viddm: Video diffusion model, a ``Denoiser``.
        vae: Pixel-latent codec, a ``Codec``.
        scheduler: diffusers noise scheduler, for training and sampling.
        drop_task, drop_source, drop_both: Shares of training samples without task tokens, source, or either.
        guidance: Scales per skill at inference; "default" for skills not named and for requests of no known skill.
        num_steps: Sampling steps at inference.
        seed: Seeds all chance, a function of (seed, example).
        timestep_power, timestep_density, timestep_uniform, change_weight, huber: See ``Objective``; in training only.
        flow: Weights and shifts of rectified flow, see ``FlowSettings``; for its schedulers only.

    Raises:
        ValueError: If the parts do not fit each other, or guidance is asked for that training made impossible.
    """

    def __init__(
        self,
        mllm: Mllm,
        queries: TaskQueries,
        aligner: Aligner,
        viddm: nn.Module,
        vae: nn.Module,
        scheduler: Any,
        drop_task: float = 0.05,
        drop_source: float = 0.05,
        drop_both: float = 0.05,
        guidance: dict[str, Guidance] | None = None,
        num_steps: int = 20,
        seed: int = 0,
        timestep_power: float = 1.0,
        timestep_density: Density = "uniform",
        flow: FlowSettings | None = None,
        timestep_uniform: float = 0.0,
        change_weight: float = 1.0,
        huber: float = 0.0,
    ) -> None:
        super().__init__()
        check_parts(mllm, queries, aligner, viddm, vae)
        self.mllm, self.queries, self.aligner = mllm, queries, aligner
        self.viddm: Any = viddm  # a module that is a Denoiser
        self.vae: Any = vae  # a module that is a Codec
        self.vae.requires_grad_(False).eval()
        noise = (timestep_density, flow, cast(CountTokens, viddm.num_tokens), timestep_uniform, change_weight, huber)
        self.objective = Objective(scheduler, timestep_power, drop_task, drop_source, drop_both, *noise)
        self.guidance = check_guidance(per_skill(guidance or {}, Guidance(), "guidance"), self.objective)
        self.num_steps, self.seed = num_steps, seed
        self.reuse = 1  # sampling steps from one full pass of the diffusion model to the next, see ``Reuse``
        self.local = 0.0  # tolerance by which an edit of a region computes only around it, see ``cropped``; 0 is off
        self.keep: Keep = "nothing"  # what ``edit_batch`` leaves alone, see ``edit_keeping``
        self.name = ""  # what reports call this model; its folder, if it comes from one
        self.record: TrainingRecord | None = None  # what it was trained for, as its folder tells

    @property
    def device(self) -> torch.device:
        """Where the parts are."""
        return next(self.parameters()).device

    def predict(
        self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"], tokens: Tensor, **how: Any
    ) -> Latents:
        """Run the diffusion model once; one that adds the source to its output sees the noisy *change* only."""
        shown = self.objective.remove_source(noisy, source, timestep) if self.viddm.add_source else noisy
        return self.viddm(shown, source, timestep, tokens, **how)  # type: ignore[no-any-return]

    def edit_batch(self, batch: Batch) -> Clips:
        """Edit held-out examples, each under its skill's guidance and with noise of its own."""
        edited = torch.empty_like(batch.source)
        facts = zip(batch.instruction, batch.skill, batch.fill, strict=True)
        requests = [find_request(words, self.guidance, skill, fill) for words, skill, fill in facts]
        for skill in set(batch.skill):
            rows = [row for row, request in enumerate(requests) if request.skill == skill]
            instruction = [batch.instruction[row] for row in rows]
            seeds = [(self.seed, "edit", batch.key[row]) for row in rows]
            asked = (batch.source[rows], instruction, requests[rows[0]].guidance, seeds)
            edited[rows] = self.edit(*asked) if self.keep == "nothing" else edit_keeping(self, skill, *asked)
        return edited

    @torch.no_grad()
    def edit(
        self,
        source: Clips,
        instruction: list[str],
        guidance: Guidance,
        seeds: Sequence[tuple[int | str, ...]],
        num_steps: int | None = None,
        references: Float[Tensor, "b r 3 h w"] | None = None,
        on_step: Callable[[int], None] | None = None,
        region: Float[Tensor, "b f h w"] | None = None,
    ) -> Clips:
        """Edit clips in [-1, 1] as instructed.

        Args:
            source: Clips of at most ``queries.max_frames`` frames, references counted.
            instruction: One per clip.
            guidance: Scales of the two conditions.
            seeds: One key per clip, which fixes its noise, on any device and in any batch.
            num_steps: Sampling steps; the module's own if None.
            references: Pictures that the instruction speaks of; the MLLM sees them, and the diffusion model where it
                is one that does.
            on_step: Called with the number of sampling steps done.
            region: How much of each pixel may change, in [0, 1]: the source stays, to the last bit, where it is 0, and
                latents of which no pixel may change are the noised source's at every step. None is all of it.
        """
        whole = padded(source, self.vae)
        if source.shape[1] < whole.shape[1] > self.queries.max_frames:
            raise UseError(
                f"{type(self.vae).__name__} takes {source.shape[1]} frames as {whole.shape[1]}, but the queries cover "
                f"{self.queries.max_frames}"
            )
        shape = (len(whole), *self.vae.latent_shape(whole.shape[1], *whole.shape[-2:]))
        condition = self.condition(whole, instruction, references)
        predict, constrain = self.prediction(condition, guidance), None
        if region is not None:
            lacking = whole.shape[1] - region.shape[1]
            region_of_whole = torch.cat([region, region[:, -1:].expand(-1, lacking, -1, -1)], 1)
            cells = cells_of(region_of_whole, (shape[1], shape[3], shape[4]))
            constrain = self._keep_outside(whole, cells, shape, seeds)
            crop = crop_around(cells, self.viddm.crop_multiple) if self.local else None
            if crop is not None:
                near = self.prediction(replace(condition, source=crop.of(condition.source)), guidance)
                predict = cropped(predict, near, crop, cells, self.local, _tell_crop)
        edited = self.decode(self.denoise(predict, shape, seeds, num_steps, on_step, constrain))[:, : source.shape[1]]
        return edited if region is None else mix_region(edited.to(source), source, region)

    def _keep_outside(
        self,
        whole: Clips,
        cells: Bool[Tensor, "b lf lh lw"],
        shape: Sequence[int],
        seeds: Sequence[tuple[int | str, ...]],
    ) -> Constrain:
        """Constrain latents outside of a region to the source's, under the noise that sampling starts from."""
        known = self.vae.encode_target(whole, [torch_rng(*seed, "known") for seed in seeds])
        noise = draw_noise(shape[1:], [torch_rng(*seed) for seed in seeds], self.device)
        return keep_outside(self.objective.process, known, noise, cells)

    @torch.no_grad()
    def condition(
        self,
        source: Clips,
        instruction: list[str],
        references: Float[Tensor, "b r 3 h w"] | None = None,
        told: Told | None = None,
    ) -> Condition:
        """Read the request and the source; see ``edit``.

        Args:
            source: Clips.
            instruction: One per clip.
            references: Pictures that the instruction speaks of.
            told: What ``task_tokens`` gives, where it is known already.
        """
        tokens, null = self.task_tokens(source, instruction, references) if told is None else told
        shown = None
        if references is not None and self.viddm.sees_references:
            pictures = self.vae.encode_source(references.flatten(0, 1)[:, None])  # each a clip of one frame
            shown = pictures.view(*references.shape[:2], *pictures.shape[2:])
        return Condition(self.vae.encode_source(source), tokens, null, shown)

    @torch.no_grad()
    def task_tokens(
        self, source: Clips, instruction: list[str], references: Float[Tensor, "b r 3 h w"] | None = None
    ) -> Told:
        """Let the MLLM read a request: task tokens of each frame, and what stands for them where they are left out."""
        batch, num_frames = source.shape[:2]
        first = 0 if references is None else references.shape[1]
        frame_index = torch.arange(first, first + num_frames, device=source.device).expand(batch, -1)
        hidden = self.mllm(source, instruction, self.queries(frame_index), frame_index, references)
        tokens = for_frames(self.aligner(hidden), num_frames)
        return tokens, for_frames(self.aligner(hidden, hidden.new_ones(batch, dtype=torch.bool)), num_frames)

    def prediction(self, condition: Condition, guidance: Guidance) -> Prediction:
        """Give the guided prediction of one clip or window; ``denoise_over_windows`` blends those of several windows.

        It is for one sampling run, in which it may keep what changes slowly; see ``reuse``.
        """
        how: dict[str, Any] = {} if self.reuse == 1 else {"unet": self.viddm.reusing(self.reuse)}
        if condition.references is not None:
            how["references"] = condition.references

        def predict(noisy: Latents, timestep: Num[Tensor, " b"]) -> Latents:
            source, tokens, null = condition.source, condition.tokens, condition.null
            return guided(partial(self.predict, **how), guidance, noisy, source, timestep, tokens, null)

        return predict

    @torch.no_grad()
    def denoise(
        self,
        predict: Prediction,
        shape: Sequence[int],
        seeds: Sequence[tuple[int | str, ...]],
        num_steps: int | None = None,
        on_step: Callable[[int], None] | None = None,
        constrain: Constrain | None = None,
    ) -> Latents:
        """Sample latents of this shape (b, f, c, h, w) from noise.

        Args:
            predict: See ``prediction``.
            shape: See ``Codec.latent_shape``.
            seeds: See ``edit``.
            num_steps: See ``edit``.
            on_step: See ``edit``.
            constrain: May change the latents after each step, see ``sample_latents``.
        """
        generators = [torch_rng(*seed) for seed in seeds]  # on the CPU, whose numbers are the same for every device
        noise = draw_noise(shape[1:], generators, self.device)
        steps = self.num_steps if num_steps is None else num_steps
        return sample_latents(predict, self.objective.process, noise, steps, on_step, generators, constrain)

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "b lf c lh lw"]) -> Clips:
        """Turn latents into clips in [-1, 1]."""
        return self.vae.decode(latents)  # type: ignore[no-any-return]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels that the model was built for."""
        height, width = self.vae.pixel_size(*self.viddm.latent_size)
        return int(height), int(width)


def for_frames(tokens: Float[Tensor, "b g q d"], num_frames: int) -> Float[Tensor, "b q_f q d"]:
    """Give one group of task tokens to all frames; several are each frame's own, or each latent frame's."""
    return tokens.expand(-1, num_frames, -1, -1) if tokens.shape[1] == 1 else tokens


def _tell_crop(error: float, taken: bool) -> None:
    """Log whether the guard of a local edit was content."""
    goes_on = "the crop goes on" if taken else "too far for it, so all of the picture is computed"
    log.info("around the region alone the first step is %.1f %% off: %s", 100 * error, goes_on)
