"""Wan VACE as a propagator: the edited picture is given as the first frame, the video steers the rest."""

from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool
from PIL import Image

from veggie_pl.errors import UseError
from veggie_pl.seeding import torch_rng
from veggie_pl.synthesis.diffusers_folder import (
    Dtype,
    Offload,
    PipelineFolder,
    fitted,
    whole_length,
    working_size,
)
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.propagate.region import carried_region
from veggie_pl.synthesis.protocols import Animation, Description, Frames, Still

GREY = 128  # of 255: what VACE reads as "nothing given here"
_LARGEST = 0.6  # of the pixels: an edit of more than that leaves nothing to keep


class VacePropagator:
    """Implements ``Propagator`` by diffusers' ``WanVACEPipeline`` (VACE, arXiv:2503.07598) with a given first frame.

    Frame 0 is the edited picture under a black mask, which keeps it; the mask is white, which generates, in the rest.
    With "control" the rest shows the source video, all of it to be made anew along its motion. With "region" the mask
    is white only where the edit is, carried along the video's flow, and that part is grey: the background is kept.
    Edits of more than 60 % of the picture are always controlled. (The first-frame recipe of
    huggingface/diffusers#11582.)

    Args:
        folder: Of a ``WanVACEPipeline``; nothing is fetched.
        mode: See above.
        steps: Of denoising.
        guidance: Strength of the prompt.
        strength: Of the video's control, the pipeline's ``conditioning_scale``.
        negative: What should not be seen.
        area: Pixels of a frame that the model makes, at most; None keeps the picture's.
        dtype: Of the weights.
        device: "auto" is a GPU where there is one.
        offload: Of the model to main memory, see ``PipelineFolder``.

    Raises:
        UseError: If the folder holds no such pipeline or a number is out of range.
    """

    def __init__(
        self,
        folder: str,
        mode: Literal["control", "region"] = "region",
        steps: int = 50,
        guidance: float = 5.0,
        strength: float = 1.0,
        negative: str = "",
        area: int | None = None,
        dtype: Dtype = "bfloat16",
        device: str = "auto",
        offload: Offload = "none",
    ) -> None:
        if mode not in ("control", "region") or steps < 1:
            raise UseError(f"VACE has the modes control and region and at least 1 step, got {mode!r} and {steps}")
        self.model = PipelineFolder(folder, ("WanVACEPipeline",), "a video editing pipeline", dtype, device, offload)
        self.mode, self.steps, self.guidance, self.strength = mode, steps, guidance, strength
        self.negative, self.area = negative, area

    @cached_property
    def digest(self) -> str:
        """Class, parameters and the content of the folder."""
        names = ("mode", "steps", "guidance", "strength", "negative", "area")
        settings = {name: getattr(self, name) for name in names}
        return digest_of_step(self, 1, model=self.model.digest, dtype=self.model.dtype, **settings)

    def propagate(self, still: Still, description: Description, animation: Animation, seed: int) -> Frames:
        """Return the edited clip.

        Raises:
            ItemError: If memory does not suffice, or the model gives no numbers.
        """
        height, width = still.target.shape[:2]
        video, white = given(still, animation.frames, self.mode)

        def make(pipe: Any) -> Any:
            multiple = pipe.vae_scale_factor_spatial * (pipe.transformer or pipe.transformer_2).config.patch_size[1]
            size = working_size(height, width, multiple, self.area)
            length = whole_length(len(video), pipe.vae_scale_factor_temporal)
            places = np.minimum(np.arange(length), len(video) - 1)  # the last frame stands still
            return pipe(
                prompt=description.edited_caption,
                negative_prompt=self.negative,
                video=[fitted(video[place], size) for place in places],
                mask=[_as_mask(white[place], size) for place in places],
                height=size[0],
                width=size[1],
                num_frames=length,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                conditioning_scale=self.strength,
                generator=torch_rng("propagate", seed),
                output_type="np",
            ).frames[0]

        return self.model.frames(make, height, width)[: len(video)]


def given(still: Still, frames: Frames, mode: str) -> tuple[Frames, Bool[np.ndarray, "f h w"]]:
    """Lay out what VACE is given: frames, and the mask of what it is to make.

    Args:
        still: Of which the edited picture becomes the first frame.
        frames: The source video.
        mode: "control" or "region".
    """
    video, white = frames.copy(), np.ones(frames.shape[:3], bool)
    region = carried_region(still, frames)
    if mode == "region" and region.mean() <= _LARGEST:
        white = region
        video[region] = GREY
    video[0], white[0] = still.target, False
    return video, white


def _as_mask(white: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Image.Image:
    mask = Image.fromarray(white.astype(np.uint8) * 255).convert("RGB")
    return mask.resize((size[1], size[0]), Image.Resampling.NEAREST)
