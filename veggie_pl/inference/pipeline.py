"""A trained VEGGIE as a pipeline of diffusers, for those who call it from Python."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LongClips
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.inference.region import region_in_memory
from veggie_pl.keeping import Keep
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import PARTS, load_model, save_model
from veggie_pl.models import Aligner, Codec, Denoiser, Mllm, TaskQueries
from veggie_pl.training.record import describe
from veggie_pl.video.clip import resize, to_clip, to_frames

log = logging.getLogger(__name__)
Frames = NDArray[Any] | Sequence[Image.Image] | Image.Image
Pixels = list[Image.Image] | Float[np.ndarray, "f h w 3"] | Float[torch.Tensor, "f 3 h w"]


@dataclass
class VeggieOutput(BaseOutput):  # type: ignore[misc]
    """What the pipeline gives: one video in a list, as diffusers' video pipelines do.

    Args:
        frames: ``frames[0]`` is the edited video.
    """

    frames: list[Pixels]


class VeggiePipeline(DiffusionPipeline):  # type: ignore[misc]
    """Video + instruction -> video.

    ::

        pipe = VeggiePipeline.from_pretrained("weights/nano/model")
        video = pipe(frames, "highlight the green circle with red masks").frames[0]
        diffusers.utils.export_to_video(video, "out.mp4", fps=8)

    The parts are those of ``VeggieModel``; ``options`` are its other arguments.
    """

    def __init__(
        self,
        mllm: Mllm,
        queries: TaskQueries,
        aligner: Aligner,
        viddm: Denoiser,
        vae: Codec,
        scheduler: Any,
        options: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(mllm=mllm, queries=queries, aligner=aligner, viddm=viddm, vae=vae, scheduler=scheduler)
        self._module = VeggieModel(**self.components, **(options or {})).eval()

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "VeggiePipeline":
        """Read a model folder, as `fit` and `export` leave it.

        Raises:
            UseError: If it is none.
        """
        module: VeggieModel = load_model(Path(folder))
        module.name = str(folder)
        log.info("model: %s (%s)", folder, describe(module.record))
        return cls.from_module(module)

    @classmethod
    def from_module(cls, module: VeggieModel) -> "VeggiePipeline":
        """Wrap a module in memory; the two share their parts."""
        parts = {name: getattr(module, name) for name in PARTS[:-1]}
        options = {
            "guidance": {str(name): scales for name, scales in module.guidance.items()},
            **module.objective.drop_rates,
            "num_steps": module.num_steps,
            "seed": module.seed,
        }
        pipe = cls(**parts, scheduler=module.objective.scheduler, options=options)
        pipe._module.name, pipe._module.record = module.name, module.record
        return pipe

    def save_pretrained(self, folder: str | Path, half: bool = False) -> None:
        """Write a model folder; see ``save_model``."""
        save_model(self.module, Path(folder), half)

    @property
    def module(self) -> VeggieModel:
        """The module, with the scheduler that the pipeline has now."""
        self._module.objective.scheduler = self.scheduler
        return self._module

    def to(self, device: str | torch.device) -> "VeggiePipeline":
        """Move to a device. Weights keep their precision; what is computed in depends on the device, as in `edit`."""
        self._module.to(device)
        return self

    def quicken(self, quick: Quick) -> "VeggiePipeline":
        """Trade something for speed; see ``Quick``."""
        quicken(self.module, quick)
        self.scheduler = self._module.objective.scheduler
        return self

    @property
    def device(self) -> torch.device:
        """Where the parts are."""
        return self._module.device

    @torch.no_grad()
    def __call__(
        self,
        video: Frames,
        prompt: str,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        image_guidance_scale: float | None = None,
        generator: torch.Generator | None = None,
        references: Sequence[Image.Image] = (),
        keep: str = "nothing",
        region: Frames | None = None,
        long: LongClips | None = None,
        output_type: str = "pil",
        callback_on_step_end: Callable[["VeggiePipeline", int, Any, dict[str, Any]], Any] | None = None,
    ) -> VeggieOutput:
        """Edit a video of any length and size, as `python -m veggie_pl edit` does and with the same result.

        Args:
            video: Pictures, or an array of bytes; one picture is a video of one frame.
            prompt: The instruction.
            num_inference_steps: Sampling steps; None takes the model's own number.
            guidance_scale: How hard to follow the instruction, 1 is off; None takes the model's own scale.
            image_guidance_scale: How close to stay to the source, 1 is off; None takes the model's own scale.
            generator: Its seed fixes the noise: ``torch.Generator().manual_seed(3)`` is `edit --seed 3`.
            references: Pictures that the instruction speaks of.
            keep: "background" asks the model first where the edit belongs, and leaves alone what lies elsewhere.
            region: Pictures of the video's size, one each frame or one for all: white where pixels may change, black
                where the source stays to the last bit. It takes the place of what the model finds itself.
            long: How a video of more frames than the model takes is edited.
            output_type: "pil", or numbers in [0, 1]: "np" (f, h, w, 3) or "pt" (f, 3, h, w).
            callback_on_step_end: Called as ``callback(pipe, step, timestep, {})`` after every sampling step of every
                window of frames.

        Raises:
            UseError: If the video is empty or none, the region does not fit it or is empty, the instruction is empty
                or too long, or guidance is asked for that the model was not trained for.
        """
        if output_type not in ("pil", "np", "pt"):
            raise UseError(f"output_type must be pil, np or pt, got {output_type!r}")
        if keep not in get_args(Keep):
            raise UseError(f"keep must be {' or '.join(get_args(Keep))}, got {keep!r}")
        frames = _bytes(video)
        may_change = None if region is None else region_in_memory(_bytes(region), frames)
        shown = [resize(to_clip(_bytes(picture)), *self.module.size) for picture in references]
        seed = 0 if generator is None else generator.initial_seed()
        steps = num_inference_steps or self.module.num_steps
        most = max(1, self.module.queries.max_frames - len(shown))
        places = (long or LongClips()).windows(len(frames), most, self.module.vae)
        bar: Any = self.progress_bar(total=steps * len(places))
        shape = self.module.vae.latent_shape(max(1, self.module.vae.frames_taken(len(places[0]))), *self.module.size)
        timesteps = self.module.objective.process.sampling(steps, shape).timesteps

        def on_step(done: int) -> None:
            bar.update()
            if callback_on_step_end is not None:
                callback_on_step_end(self, done - 1, timesteps[done - 1], {})

        scales = guidance_scale, image_guidance_scale
        editor = Editor(self.module, *scales, num_inference_steps, seed, on_step, cast(Keep, keep), long)
        with bar:
            edited = editor.edit_frames(frames, prompt, torch.cat(shown) if shown else None, may_change)
        return VeggieOutput([_convert(edited, output_type)])


def _bytes(video: Frames) -> UInt8[np.ndarray, "f h w 3"]:
    if isinstance(video, Image.Image):
        video = [video]
    if not isinstance(video, np.ndarray):
        if not video or not all(isinstance(frame, Image.Image) for frame in video):
            raise UseError("a video is a list of PIL pictures, at least one, or an array (f, h, w, 3) of uint8")
        video = np.stack([np.array(frame.convert("RGB")) for frame in video])
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[-1] != 3 or not video.size:
        raise UseError(f"a video is an array (f, h, w, 3) of uint8, got {video.shape} of {video.dtype}")
    return video


def _convert(clip: Clip, kind: str) -> Pixels:
    if kind == "pil":
        return [Image.fromarray(frame) for frame in to_frames(clip)]
    scaled = (clip + 1) / 2
    return scaled if kind == "pt" else scaled.permute(0, 2, 3, 1).numpy()
