"""What the module needs of a network that denoises: the seam between a UNet and whatever comes after it."""

from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, Num
from torch import Tensor

Latents = Float[Tensor, "b f c h w"]


@runtime_checkable
class Denoiser(Protocol):
    """Predict from noisy target and source latents, under task tokens. ``VidDM`` is one."""

    width: int  # of the task tokens that it reads
    channels: int  # of the noisy latents, and of the source's beside them
    latent_size: tuple[int, int]  # height and width in latent cells that it was built for
    pooled_width: int  # of the task tokens of a frame side by side, where it takes them pooled; 0 where it does not
    is_video: bool  # False: it sees each frame on its own
    add_source: bool  # it predicts the change, and adds the source to it
    sees_references: bool  # it also takes latents of reference pictures, as ``references``
    reads_frames: bool  # it has task tokens for every latent frame: the codec must not compress time

    def __call__(
        self,
        noisy: Latents,
        source: Latents,
        timestep: Num[Tensor, " b"],
        tokens: Float[Tensor, "b q_f q d"],
    ) -> Latents:
        """Predict what the noise process asks for, in the target's latent scale."""
        ...

    def num_tokens(self, num_frames: int, height: int, width: int) -> int:
        """Count what attends to each other in latents of this size: larger ones need more noise (``FlowSettings``)."""
        ...

    def layer_kind(self, name: str) -> Literal["spatial", "temporal"]:
        """Tell whether a parameter or submodule, by its name in the denoiser, looks along time.

        Temporal layers are what a video model adds to an image model, with an output of zero at first.
        """
        ...

    def checkpoint_gradients(self) -> None:
        """Compute blocks again in the backward pass from now on."""
        ...
