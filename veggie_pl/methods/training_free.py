"""The frame of all methods without training: one clip at a time, one sampling run, processors set for its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from veggie_pl.batch import Batch, Clips, Example, per_skill
from veggie_pl.data.instructions.request import find_request
from veggie_pl.diffusion.guidance import Guidance, guided
from veggie_pl.diffusion.sampler import Latents, Prediction, draw_noise, sample_latents
from veggie_pl.errors import UseError
from veggie_pl.methods.image_model import read_image_model
from veggie_pl.methods.processors import SamplingRun, processors_set
from veggie_pl.model import Condition
from veggie_pl.seeding import torch_rng


@dataclass(frozen=True)
class Sampling:
    """How any of the methods samples.

    Args:
        num_steps: None takes what the image model's folder says, else the number of the method's paper.
        guidance: Scales by skill, and "default"; None takes the method's, else those of the image model.
        words: What the model reads: the instruction, or, for a model of pictures with captions, the caption of the
            edited result.
        same_noise: Start all frames of a clip from one noise, which changes less from frame to frame.
        seed: None takes the image model's.
    """

    num_steps: int | None = None
    guidance: dict[str, Guidance] | None = None
    words: Literal["instruction", "caption"] = "instruction"
    same_noise: bool = False
    seed: int | None = None


@dataclass(frozen=True)
class Task:
    """One clip to edit.

    Args:
        source: (1, f, 3, h, w).
        words: What the model reads.
        source_words: What describes the source, empty where nobody wrote it; for inversion.
        guidance: The scales.
        key: Of the example; seeds its chance.
    """

    source: Clips
    words: str
    source_words: str
    guidance: Guidance
    key: str


class TrainingFree(nn.Module):
    """Implements ``Method`` over an image model; subclasses say what holds the frames together.

    They override ``processors``, and ``prediction`` or ``start`` where attention is not all. Clips are edited one by
    one, so that none depends on its batch.

    Args:
        folder: Of the image model, see ``read_image_model``.
        sampling: How it samples.

    Raises:
        UseError: If the folder holds no image model, the model does not see the source and the method does not bring
            it in, or guidance is asked for that training made impossible.
    """

    inverts = False  # whether the method starts from the source, for models that do not see it
    paper_steps = 100  # of InstructPix2Pix
    paper_guidance: Guidance | None = None  # None: the model's own

    def __init__(self, folder: str, sampling: Sampling | None = None) -> None:
        super().__init__()
        self.model: Any = read_image_model(folder)  # a module that is an ``ImageModel``
        self.sampling = sampling or Sampling()
        self.name = f"{type(self).__name__} over {folder}"
        if not (self.model.sees_source or self.inverts):
            raise UseError(
                f"{folder} draws pictures from captions and sees no source, and {type(self).__name__} does not bring "
                "it in by inversion: name an InstructPix2Pix folder, or one of ours"
            )
        self.num_steps = self.sampling.num_steps or self.model.num_steps or self.paper_steps
        self.seed = self.model.seed if self.sampling.seed is None else self.sampling.seed
        self.guidance = self.check_guidance(self._scales())

    def _scales(self) -> dict[str, Guidance]:
        if self.sampling.guidance is not None:
            return per_skill(self.sampling.guidance, self.paper_guidance or Guidance(), "guidance")
        return per_skill({}, self.paper_guidance, "guidance") if self.paper_guidance else {**self.model.guidance}

    def check_guidance(self, scales: dict[str, Guidance]) -> dict[str, Guidance]:
        """Look whether the model knows what guidance would show it.

        Raises:
            UseError: If it does not.
        """
        return self.model.check_guidance(scales)  # type: ignore[no-any-return]

    def processors(self, run: SamplingRun) -> Mapping[str, Any]:
        """Give the attention processors of a sampling run, by the names that the UNet has for them."""
        return {}

    def prediction(self, condition: Condition, guidance: Guidance) -> Prediction:
        """Give the guided prediction of all frames; InstructPix2Pix (arXiv:2211.09800) Eq. 3."""
        source, tokens, null = condition.source, condition.tokens, condition.null
        return lambda noisy, timestep: guided(self.model.predict, guidance, noisy, source, timestep, tokens, null)

    def start(self, task: Task, condition: Condition, generators: list[torch.Generator]) -> Latents:
        """Give the latents that sampling starts from: noise (1, f, c, h, w), of each frame its own or one of all."""
        _, num_frames, _, height, width = task.source.shape
        shape = self.model.vae.latent_shape(num_frames, height, width)
        noise = draw_noise(shape, generators, task.source.device)
        return noise[:, :1].expand_as(noise).contiguous() if self.sampling.same_noise else noise

    @torch.no_grad()
    def edit_batch(self, batch: Batch) -> Clips:
        """Edit held-out examples, each under its skill's guidance; a sample that cannot be read keeps its filling."""
        edited = batch.source.clone()
        for row in batch.good:
            edited[row] = self.edit(self.task(batch.examples[row], batch.source[row : row + 1]))[0]
        return edited

    def task(self, example: Example, source: Clips) -> Task:
        """Say what is asked of a clip.

        Raises:
            UseError: If the caption is to be read and there is none.
        """
        instruction = example.instruction or ""
        if self.sampling.words == "caption" and not example.caption:
            raise UseError(f"words: caption, but {example.key} has none; the other choice is instruction")
        words = example.caption if self.sampling.words == "caption" else instruction
        request = find_request(instruction, self.guidance, example.skill, example.fill)
        return Task(source, words, example.source_caption, request.guidance, example.key)

    @torch.no_grad()
    def edit(self, task: Task) -> Clips:
        """Edit a clip in [-1, 1]: one sampling run, in which the method's processors stand in the UNet."""
        condition = self.model.condition(task.source, [task.words])
        run = SamplingRun(task.source.shape[1], self.num_steps, (self.seed, "methods", task.key))
        generators = [torch_rng(self.seed, "edit", task.key)]  # the noise of the image model's own edit
        noise = self.start(task, condition, generators)
        predict = run.counted(self.prediction(condition, task.guidance))
        with processors_set(self.model.unet, self.processors(run)):
            latents = sample_latents(predict, self.model.process, noise, self.num_steps, None, generators)
        return self.model.vae.decode(latents)  # type: ignore[no-any-return]


class FrameByFrame(TrainingFree):
    """The image model alone, which knows of no other frame: InstructPix2Pix (arXiv:2211.09800) on a video.

    Args:
        folder: Of the image model.
        sampling: How it samples.
    """
