"""Wan (arXiv:2503.20314) as a denoiser: diffusers' transformer, unchanged, brought source and task tokens."""

from jaxtyping import Num
from torch import Tensor

from veggie_pl.models.dit.base import Given, Latents, Told, TransformerDenoiser
from veggie_pl.models.dit.frames import FramewiseCrossAttention


class WanDenoiser(TransformerDenoiser):
    """Predicts the slope of rectified flow from noisy target and source latents; see ``TransformerDenoiser``."""

    library = "WanTransformer3DModel"
    embedding = "patch_embedding"

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        along, down, across = self.transformer.config.patch_size
        return int(along), int(down), int(across)

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        return int(self.transformer.config.text_dim)

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, of which there are as many."""
        for block in self.transformer.blocks:
            block.attn2.set_processor(FramewiseCrossAttention(tokens_per_frame, block.attn2.processor))

    def laid_out(self, latents: Given) -> Tensor:
        """Lay latents out as the patch embedding takes them: (b, c, f, h, w)."""
        return latents.transpose(1, 2)

    def run(self, latents: Given, source: Latents, timestep: Num[Tensor, " b"], told: Told) -> Latents:
        """Run the transformer; see ``TransformerDenoiser``."""
        out: Tensor = self.transformer(self.laid_out(latents), timestep, told.flatten(1, 2), return_dict=False)[0]
        return out.transpose(1, 2)
