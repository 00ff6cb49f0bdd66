"""What a method without training stands on: an image model with a UNet of diffusers, asked for all frames at once."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.batch import Clips
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.diffusion.process import Process
from veggie_pl.errors import UseError
from veggie_pl.methods.own_model import OwnImageModel
from veggie_pl.methods.stable_diffusion import StableDiffusion
from veggie_pl.model import Condition
from veggie_pl.model_folder import INDEX, PIPELINE_INDEX

Latents = Float[Tensor, "b f c h w"]


@runtime_checkable
class ImageModel(Protocol):
    """An image model whose attention can be changed: every frame is a row of its UNet's batch."""

    folder: str
    unet: Any  # a ``UNet2DConditionModel``
    vae: Any  # a ``Codec`` of single frames
    process: Process
    guidance: dict[str, Guidance]  # by skill, and "default"
    num_steps: int | None  # of sampling; None where the folder does not say
    seed: int
    sees_source: bool  # else a method has to bring the source in, by inversion
    drops_source: bool  # whether training showed it instructions without a source

    def condition(self, source: Clips, words: list[str]) -> Condition:
        """Read what is asked and the source; task tokens (b, f, q, d) are those of every frame."""
        ...

    def predict(self, noisy: Latents, source: Latents, timestep: Num[Tensor, " b"], tokens: Tensor) -> Latents:
        """Run the UNet once, on b * f rows: frames of the first sample, then those of the second."""
        ...

    def check_guidance(self, scales: dict[str, Guidance]) -> dict[str, Guidance]:
        """Look whether scales ask for what the model knows.

        Raises:
            UseError: If they do not.
        """
        ...


def read_image_model(folder: str) -> ImageModel:
    """Read an image model from its folder.

    Args:
        folder: One of ours, or of a Stable Diffusion or InstructPix2Pix pipeline of diffusers.

    Raises:
        UseError: If it is neither, or holds a video model.
    """
    if Path(folder, INDEX).is_file():  # beside which ours also have an index of diffusers
        return OwnImageModel(folder)
    if Path(folder, PIPELINE_INDEX).is_file():
        return StableDiffusion(folder)
    raise UseError(f"no image model at {folder!r}: it has neither {INDEX}, as ours do, nor diffusers' {PIPELINE_INDEX}")
