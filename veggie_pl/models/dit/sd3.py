"""SD3 and SD3.5 (MMDiT, arXiv:2403.03206) as denoisers of pictures."""

from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.dit.base import Given
from veggie_pl.models.dit.image import ImageDenoiser, Pictures


class Sd3Denoiser(ImageDenoiser):
    """Predicts the slope of rectified flow, each frame on its own; see ``ImageDenoiser``."""

    library = "SD3Transformer2DModel"
    embedding = "pos_embed.proj"

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        side = int(self.transformer.config.patch_size)
        return 1, side, side

    def paint(
        self,
        latents: Given,
        timestep: Num[Tensor, " n"],
        tokens: Float[Tensor, "n q d"],
        pooled: Float[Tensor, "n p"],
    ) -> Pictures:
        """Run the transformer; see ``ImageDenoiser``.

        Raises:
            UseError: If there are more rows or columns of patches than places that it knows.
        """
        height, width = latents.shape[-2:]
        most = int(self.transformer.config.pos_embed_max_size) * self.patch[1]
        if max(height, width) > most:
            raise UseError(f"{self.library} knows places of {most} x {most} latent cells, not of {height} x {width}")
        out: Tensor = self.transformer(
            self.laid_out(latents),
            encoder_hidden_states=tokens,
            pooled_projections=pooled,
            timestep=timestep,
            return_dict=False,
        )[0]
        return out
