"""AnyV2V as a propagator: the source video is inverted to noise, the edited picture denoised along with it."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from veggie_pl.diffusion.inversion import Schedules
from veggie_pl.errors import UseError
from veggie_pl.models.injection import Injection
from veggie_pl.synthesis.diffusers_folder import Dtype, Offload, PipelineFolder, fitted, working_size
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.propagate.inversion import encode, invert, sample, told, unconditional
from veggie_pl.synthesis.protocols import Animation, Description, Frames, ItemError, Still


class AnyV2VPropagator:
    """Implements ``Propagator`` in the manner of AnyV2V (arXiv:2403.14468) by diffusers' ``I2VGenXLPipeline``.

    The video is inverted by DDIM with its own first frame, an empty prompt and no guidance. Sampling starts from the
    latents found there, with the edited picture as first frame. The inverted video goes through the denoiser beside
    it, and its attention maps and features are copied, which keeps layout and motion (see ``Injection``). Defaults are
    those published for I2VGen-XL, with 16 frames of 512 x 512 at 8 frames a second. Nothing of it is drawn by chance:
    all seeds give the same.

    Args:
        folder: Of an ``I2VGenXLPipeline``; nothing is fetched.
        inversion_steps: Of the inversion. They have to divide the model's timesteps of training, 1000.
        steps: Of sampling; they have to divide ``inversion_steps``.
        skip: First steps of sampling that are left out: the noisiest latents hold least of the video.
        guidance: Strength of prompt and picture; 1 is off.
        spatial: Share of the steps in which spatial attention is copied.
        temporal: The same of temporal attention.
        features: The same of convolutional features.
        attention_blocks: Blocks of the decoder whose attention is copied.
        feature_blocks: The same of features.
        negative: What should not be seen.
        area: Pixels of a frame that the model makes, at most; None keeps the picture's.
        dtype: Of the weights; latents are float32.
        device: "auto" is a GPU where there is one.
        offload: Of the model to main memory, see ``PipelineFolder``.

    Raises:
        UseError: If the folder holds no such pipeline or a number is out of range.
    """

    def __init__(
        self,
        folder: str,
        inversion_steps: int = 500,
        steps: int = 50,
        skip: int = 1,
        guidance: float = 9.0,
        spatial: float = 0.2,
        temporal: float = 0.5,
        features: float = 0.2,
        attention_blocks: Sequence[int] = (4, 5, 6, 7, 8, 9, 10, 11),
        feature_blocks: Sequence[int] = (4,),
        negative: str = "",
        area: int | None = None,
        dtype: Dtype = "float16",
        device: str = "auto",
        offload: Offload = "none",
    ) -> None:
        if not 0 <= skip < steps <= inversion_steps or inversion_steps % steps:
            raise UseError(
                "AnyV2V needs at least 1 step after those it skips, and inversion_steps that are a multiple of steps, "
                f"got skip {skip}, steps {steps} and inversion_steps {inversion_steps}"
            )
        self.injection = Injection(spatial, temporal, features, tuple(attention_blocks), tuple(feature_blocks))
        self.model = PipelineFolder(
            folder, ("I2VGenXLPipeline",), "an image-to-video pipeline for AnyV2V", dtype, device, offload
        )
        self.inversion_steps, self.steps, self.skip, self.guidance = inversion_steps, steps, skip, guidance
        self.negative, self.area = negative, area

    @cached_property
    def digest(self) -> str:
        """Class, parameters and the content of the folder."""
        names = ("inversion_steps", "steps", "skip", "guidance", "negative", "area")
        settings = {name: getattr(self, name) for name in names} | {"injection": asdict(self.injection)}
        return digest_of_step(self, 1, model=self.model.digest, dtype=self.model.dtype, **settings)

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        """Return the edited clip.

        Raises:
            ItemError: If the video has less than 2 frames or not the size of the pictures, memory does not suffice, or
                the model gives no numbers.
            UseError: If the model has no such timesteps or blocks.
        """
        frames = animation.frames
        if frames.shape[1:] != still.target.shape or len(frames) < 2:
            raise ItemError(
                f"the video is {len(frames)} frames of {frames.shape[1:]}; at least 2 are needed, of the edited "
                f"picture's {still.target.shape}"
            )
        height, width = still.target.shape[:2]
        return self.model.frames(lambda pipe: self._made(pipe, still, description, animation), height, width)

    @torch.no_grad()
    def _made(
        self, pipe: Any, still: Still, description: Description, animation: Animation
    ) -> Float[np.ndarray, "f h w 3"]:
        device, (height, width) = self.model.device, still.target.shape[:2]
        multiple = pipe.vae_scale_factor * 2 ** (len(pipe.unet.config.block_out_channels) - 1)
        size = working_size(height, width, multiple, self.area)
        video, edited = [fitted(frame, size) for frame in animation.frames], fitted(still.target, size)
        length, fps = len(video), max(1, round(animation.fps))
        schedules = Schedules.like(pipe.scheduler, self.inversion_steps, self.steps)
        # 1. What the denoiser is told: of the source its first frame alone, of the edit its picture and caption.
        source = told(pipe, device, "", video[0], length, fps)
        target = told(pipe, device, description.edited_caption, edited, length, fps)
        rows = [source, unconditional(pipe, device, self.negative, target), target]
        # 2. The source video back to noise.
        passed = invert(pipe, schedules, encode(pipe, device, video), source, self.skip)
        # 3. From there to the edited one, along the source.
        latents = sample(pipe, schedules, passed, rows, self.guidance, self.injection)
        decoded = pipe.decode_latents(latents.to(pipe.vae.dtype), decode_chunk_size=1)
        made = pipe.video_processor.postprocess_video(decoded, output_type="np")[0]
        pipe.maybe_free_model_hooks()
        return np.asarray(made)
