"""Image-to-video models by folder: one call of a diffusers pipeline, whose class the folder names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
from veggie_pl.synthesis.protocols import Animation, Description, Still


@dataclass(frozen=True)
class Recipe:
    """What a class of pipelines wants to be asked.

    Args:
        multiple: From the pipeline to what height and width have to be multiples of.
        together: From the pipeline to the number of frames that one latent frame stands for.
        fps: Name of the argument for frames per second, if there is one.
        guidance: Name of the argument for guidance.
        reads: Whether it reads a prompt.
        cut: From the pipeline to the number of frames that it cuts off its own clips.
    """

    multiple: Callable[[Any], int]
    together: Callable[[Any], int]
    fps: str = ""
    guidance: str = "guidance_scale"
    reads: bool = True
    cut: Callable[[Any], int] = lambda pipe: 0


RECIPES: dict[str, Recipe] = {
    "WanImageToVideoPipeline": Recipe(
        lambda pipe: pipe.vae_scale_factor_spatial * (pipe.transformer or pipe.transformer_2).config.patch_size[1],
        lambda pipe: pipe.vae_scale_factor_temporal,
    ),
    "LTXConditionPipeline": Recipe(
        lambda pipe: pipe.vae_spatial_compression_ratio,
        lambda pipe: pipe.vae_temporal_compression_ratio,
        fps="frame_rate",
    ),
    "CogVideoXImageToVideoPipeline": Recipe(
        lambda pipe: pipe.vae_scale_factor_spatial * pipe.transformer.config.patch_size,
        lambda pipe: pipe.vae_scale_factor_temporal * (pipe.transformer.config.patch_size_t or 1),
    ),
    "HunyuanVideoImageToVideoPipeline": Recipe(
        lambda pipe: pipe.vae_scale_factor_spatial * pipe.transformer.config.patch_size,
        lambda pipe: pipe.vae_scale_factor_temporal,
        cut=lambda pipe: 4 if pipe.transformer.config.image_condition_type == "latent_concat" else 0,
    ),
    "StableVideoDiffusionPipeline": Recipe(
        lambda pipe: 2 ** (len(pipe.unet.config.block_out_channels) - 1) * pipe.vae_scale_factor,
        lambda pipe: 1,
        fps="fps",
        guidance="max_guidance_scale",
        reads=False,
    ),
}


class PipelineAnimator:
    """Implements ``Animator`` by an image-to-video pipeline of diffusers.

    The picture is scaled to sides that the model can do and its frames are scaled back. Models that make one more frame
    than a multiple of four or eight make as many as are needed, and the first ones count. The first frame is the
    model's own: that it is the picture is what the measure ``first_frame`` is for.

    Args:
        folder: Of a pipeline whose class is in ``RECIPES``; nothing is fetched.
        num_frames: Of a clip, at least 2.
        fps: Frames per second of the clip; models that read it are told.
        steps: Of denoising.
        guidance: Strength of the prompt, or of the picture for a model that reads none; None is the pipeline's own.
        negative: What should not be seen, for models that read it.
        area: Pixels of a frame that the model makes, at most; None keeps the picture's.
        size: Height and width that the model makes, for models that know one size only, such as CogVideoX's first.
        dtype: Of the weights.
        device: "auto" is a GPU where there is one.
        offload: Of the model to main memory, see ``PipelineFolder``.
        options: Further arguments of the pipeline's call.

    Raises:
        UseError: If the folder holds no such pipeline or a number is out of range.
    """

    def __init__(
        self,
        folder: str,
        num_frames: int = 17,
        fps: float = 8.0,
        steps: int = 50,
        guidance: float | None = None,
        negative: str = "",
        area: int | None = None,
        size: tuple[int, int] | None = None,
        dtype: Dtype = "bfloat16",
        device: str = "auto",
        offload: Offload = "none",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if num_frames < 2 or fps <= 0 or steps < 1:
            raise UseError(
                "an animation needs at least 2 frames, fps above 0 and at least 1 step, "
                f"got {num_frames}, {fps} and {steps}"
            )
        self.model = PipelineFolder(folder, RECIPES, "an image-to-video pipeline", dtype, device, offload)
        self.recipe = RECIPES[self.model.name]
        self.num_frames, self.fps, self.steps, self.guidance = num_frames, fps, steps, guidance
        self.negative, self.area, self.size, self.options = negative, area, size, dict(options or {})

    @cached_property
    def digest(self) -> str:
        """Class, parameters and the content of the folder."""
        names = ("num_frames", "fps", "steps", "guidance", "negative", "area", "size", "options")
        settings = {name: getattr(self, name) for name in names}
        return digest_of_step(self, 1, model=self.model.digest, dtype=self.model.dtype, **settings)

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Set the source picture in motion.

        Raises:
            ItemError: If memory does not suffice, or the model gives no numbers.
        """
        height, width = still.source.shape[:2]

        def make(pipe: Any) -> Any:
            return pipe(**self._asked(pipe, still, description, seed)).frames[0]

        return Animation(self.model.frames(make, height, width)[: self.num_frames], self.fps)

    def _asked(self, pipe: Any, still: Still, description: Description, seed: int) -> dict[str, Any]:
        recipe = self.recipe
        height, width = still.source.shape[:2]
        size = self.size or working_size(height, width, recipe.multiple(pipe), self.area)
        asked: dict[str, Any] = {
            "image": fitted(still.source, size),
            "height": size[0],
            "width": size[1],
            "num_frames": whole_length(self.num_frames + recipe.cut(pipe), recipe.together(pipe)),
            "num_inference_steps": self.steps,
            "generator": torch_rng("animate", seed),  # of the CPU: one noise for every device
            "output_type": "np",
        }
        if recipe.reads:
            asked |= {"prompt": prompt_of(description), "negative_prompt": self.negative}
        if recipe.fps:
            asked[recipe.fps] = max(1, round(self.fps))
        if self.guidance is not None:
            asked[recipe.guidance] = self.guidance
        return asked | self.options


def prompt_of(description: Description) -> str:
    """Word what is seen and how it moves."""
    parts = (description.caption.strip().rstrip("."), description.motion.strip())
    return ". ".join(part for part in parts if part)
