"""Methods that sample along the source: its noisy latents go through the UNet beside the edit and lend it features."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.batch import Clips
from veggie_pl.diffusion.guidance import Guidance, guided
from veggie_pl.diffusion.inversion import Schedules, invert_latents
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import Latents, Prediction, sample_latents
from veggie_pl.diffusion.solvers import solver_like
from veggie_pl.errors import UseError
from veggie_pl.methods.processors import SamplingRun, processors_set
from veggie_pl.methods.training_free import Sampling, Task, TrainingFree
from veggie_pl.model import Condition
from veggie_pl.models.injection import Injection
from veggie_pl.seeding import torch_rng

NO_SPACING = "linspace"  # of timesteps, which diffusers cannot invert; its DDIM began with "leading"


@dataclass(frozen=True)
class SourceBranch:
    """The source on its way through noise.

    Args:
        noisy: Latents (1, f, c, h, w) by timestep, those of all steps of sampling, the noisiest first.
        tokens: What the model is told of it.
    """

    noisy: dict[int, Latents]
    tokens: Float[Tensor, "1 f q d"]


class AlongSource(TrainingFree):
    """A ``TrainingFree`` method whose UNet sees the source's noisy latents as first rows, then the edit's.

    A model that sees no source is brought to it by DDIM inversion (arXiv:2010.02502): sampling starts where the source
    was inverted to. A model that sees the source starts from noise, and its source branch is the source in the same
    noise; that costs nothing, and with nothing injected it samples what the model alone does. It also keeps its own
    scales of guidance, for the papers' are of models that read captions.

    Args:
        folder: Of the image model.
        sampling: How it samples; always by DDIM.
        inversion_steps: Of the source, a multiple of the steps of sampling; 0 noises it instead, which only a model
            that sees the source can do without; None is 0 for those and the paper's number for others.
        injection: What the edit takes over from the source branch (Plug-and-Play, arXiv:2211.12572), and for how long;
            None is the paper's, as far as the UNet has the blocks.

    Raises:
        UseError: See ``TrainingFree``; also if the steps do not fit each other.
    """

    inverts = True
    paper_steps = 50
    paper_inversion = 500
    paper_injection = Injection(0.5, 0.0, 0.8)

    def __init__(
        self,
        folder: str,
        sampling: Sampling | None = None,
        inversion_steps: int | None = None,
        injection: Injection | None = None,
    ) -> None:
        super().__init__(folder, sampling)
        sees = self.model.sees_source
        self.inversion_steps = (0 if sees else self.paper_inversion) if inversion_steps is None else inversion_steps
        if not (self.inversion_steps or sees):
            raise UseError(f"{folder} sees no source: inversion_steps must be above 0")
        self.injection = self.paper_injection.fitted(self.model.unet) if injection is None else injection
        scheduler = solver_like(self.model.process.scheduler, "DDIMScheduler")
        if scheduler.config.timestep_spacing == NO_SPACING:
            scheduler = type(scheduler).from_config(scheduler.config, timestep_spacing="leading")
        self.model.process = process_of(scheduler)
        if self.inversion_steps:
            Schedules.like(scheduler, self.inversion_steps, self.num_steps)  # or one clear error
        self.injection.layers(self.model.unet)

    def _scales(self) -> dict[str, Guidance]:
        """Leave a model that sees the source its own scales: the papers' are for models of captions."""
        if self.model.sees_source and self.sampling.guidance is None:
            return {**self.model.guidance}
        return super()._scales()

    def branch(self, task: Task, condition: Condition, noise: Latents) -> SourceBranch:
        """Bring the source to the noise of each step: by inversion, or in the noise of the edit."""
        latents, tokens = condition.source, condition.null
        if self.model.sees_source:  # as latents are noised; what such a model sees may have another scale
            latents = self.model.vae.encode_mode(task.source)
        elif task.source_words:
            tokens = self.model.condition(task.source, [task.source_words]).tokens
        process, steps = self.model.process, self.num_steps
        if not self.inversion_steps:
            passed = process.sampling(steps).timesteps.tolist()
            return SourceBranch(
                {one: process.mix(latents, noise, torch.tensor([one], device=noise.device)) for one in passed}, tokens
            )

        def predict(noisy: Latents, timestep: Tensor) -> Latents:
            asked = timestep.to(noisy.device).expand(1)
            return self.model.predict(noisy, condition.source, asked, tokens).float()  # type: ignore[no-any-return]

        noisy = invert_latents(predict, Schedules.like(process.scheduler, self.inversion_steps, steps), latents)
        return SourceBranch(dict(sorted(noisy.items(), reverse=True)), tokens)

    def along(self, condition: Condition, guidance: Guidance, branch: SourceBranch) -> Prediction:
        """Give the guided prediction with the source branch as first rows; nothing of their own prediction is used."""
        order = {timestep: step for step, timestep in enumerate(branch.noisy)}

        def predict(noisy: Latents, source: Latents, timestep: Num[Tensor, " _b"], tokens: Tensor) -> Latents:
            now, rows = int(timestep[0]), 1 + len(noisy)
            shown = torch.cat([branch.noisy[now].to(noisy), noisy])
            sources, told = torch.cat([condition.source, source]), torch.cat([branch.tokens, tokens])
            with self.injection.at(self.model.unet, order[now], len(order), rows):
                made = self.model.predict(shown, sources, timestep[:1].expand(rows), told)
            return made[1:]  # type: ignore[no-any-return]

        source, tokens, null = condition.source, condition.tokens, condition.null
        return lambda noisy, timestep: guided(predict, guidance, noisy, source, timestep, tokens, null)

    def processors_for(self, run: SamplingRun, task: Task) -> Mapping[str, Any]:
        """Give the attention processors of a sampling run over a clip; see ``processors``."""
        return self.processors(run)

    @torch.no_grad()
    def edit(self, task: Task) -> Clips:
        """Edit a clip in [-1, 1]: the source to noise, then one sampling run along it."""
        condition = self.model.condition(task.source, [task.words])
        generators = [torch_rng(self.seed, "edit", task.key)]
        noise = self.start(task, condition, generators)
        branch = self.branch(task, condition, noise)
        if self.inversion_steps:
            noise = next(iter(branch.noisy.values()))
        run = SamplingRun(task.source.shape[1], self.num_steps, (self.seed, "methods", task.key))
        predict = run.counted(self.along(condition, task.guidance, branch))
        with processors_set(self.model.unet, self.processors_for(run, task)):
            latents = sample_latents(predict, self.model.process, noise, self.num_steps, None, generators)
        return self.model.vae.decode(latents)  # type: ignore[no-any-return]
