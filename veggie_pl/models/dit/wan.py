"""Wan (arXiv:2503.20314) as a denoiser: diffusers' transformer, unchanged, brought source and task tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from diffusers.models.embeddings import get_2d_sincos_pos_embed
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.dit.base import Given, Latents, Timesteps, Told, TransformerDenoiser
from veggie_pl.models.dit.frames import FramewiseCrossAttention, per_cell


class WanDenoiser(TransformerDenoiser):
    """Predicts the slope of rectified flow from noisy target and source latents; see ``TransformerDenoiser``.

    Wan2.1 1.3B and 14B, and Wan2.2 TI2V-5B, which knows clean frames. Image-to-video weights, with a mask and a
    picture on 20 channels more and embeddings of the picture, are not for clips to edit.
    """

    library = "WanTransformer3DModel"
    embedding = "patch_embedding"
    knows_clean = True

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        along, down, across = self.transformer.config.patch_size
        return int(along), int(down), int(across)

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        return int(self.transformer.config.text_dim)

    def check_layout(self) -> None:
        """Look whether the transformer's channels are noise and source.

        Raises:
            UseError: If they are not, or there are embeddings of a picture.
        """
        config = self.transformer.config
        masked = config.in_channels == 2 * config.out_channels + 4
        if masked or config.image_dim is not None or config.added_kv_proj_dim is not None:
            raise UseError(
                f"{self.library} with {config.in_channels} channels and image_dim {config.image_dim} is Wan's "
                "image-to-video layout, which has no place for a source clip: take a text-to-video model"
            )
        super().check_layout()

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, of which there are as many."""
        for block in self.transformer.blocks:
            block.attn2.set_processor(FramewiseCrossAttention(tokens_per_frame, block.attn2.processor))

    def laid_out(self, latents: Given) -> Tensor:
        """Lay latents out as the patch embedding takes them: (b, c, f, h, w)."""
        return latents.transpose(1, 2)

    def run(self, latents: Given, source: Latents, timestep: Timesteps, told: Told) -> Latents:
        """Run the transformer; see ``TransformerDenoiser``."""
        (along, down, across), (_, frames, _, height, width) = self.patch, latents.shape
        at = per_cell(timestep, frames // along, (height // down) * (width // across))
        out: Tensor = self.transformer(self.laid_out(latents), at, told.flatten(1, 2), return_dict=False)[0]
        return out.transpose(1, 2)


class PlacedWanDenoiser(WanDenoiser):
    """A ``WanDenoiser`` whose patches also know where in the frame they are, for training from nothing.

    Wan's rotary positions tell attention how far patches lie apart, and nothing says "in the upper left": a published
    model has learned to find that out, a small one would have to. So half of ``places`` is added after the patch
    embedding.
    """

    @contextmanager
    def _added(self, source: Latents) -> Iterator[None]:
        """Add places to the patch embedding, besides what a source adds."""
        with super()._added(source):
            hook = self.transformer.get_submodule(self.embedding).register_forward_hook(_placed)
            try:
                yield
            finally:
                hook.remove()


def places(width: int, down: int, across: int, device: torch.device | None = None) -> Float[Tensor, "d 1 h w"]:
    """Give sines and cosines of column and row, each for half of the width (arXiv:2010.11929, Appendix D.4).

    A frame is 16 units high and wide, however many patches it has.
    """
    table = get_2d_sincos_pos_embed(width, (down, across), device=device, output_type="pt")
    placed: Tensor = table.T.reshape(width, 1, down, across)
    return placed


def _placed(module: object, given: object, out: Float[Tensor, "b d f h w"]) -> Tensor:
    _, width, _, down, across = out.shape
    return out + 0.5 * places(width, down, across, out.device).to(out.dtype)
