"""FLUX.1 as a denoiser of pictures."""

import torch
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.models.dit.base import NUM_TIMESTEPS, Given
from veggie_pl.models.dit.image import ImageDenoiser, Pictures

SIDE = 2  # latent cells of a patch, which are packed into channels


class FluxDenoiser(ImageDenoiser):
    """Predicts the slope of rectified flow, each frame on its own; see ``ImageDenoiser``."""

    library = "FluxTransformer2DModel"
    embedding = "x_embedder"
    patch = (1, SIDE, SIDE)

    @property
    def channels(self) -> int:
        """Channels of the noisy latents: the transformer's are those of a patch."""
        return super().channels // SIDE**2

    def laid_out(self, latents: Given) -> Tensor:
        """Pack patches into channels: (b*f, h/2 * w/2, 4 c)."""
        frames, (channels, height, width) = latents.flatten(0, 1), latents.shape[2:]
        cells = frames.reshape(len(frames), channels, height // SIDE, SIDE, width // SIDE, SIDE)
        return cells.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)

    def paint(
        self,
        latents: Given,
        timestep: Num[Tensor, " n"],
        tokens: Float[Tensor, "n q d"],
        pooled: Float[Tensor, "n p"],
    ) -> Pictures:
        """Run the transformer; see ``ImageDenoiser``."""
        down, across = latents.shape[3] // SIDE, latents.shape[4] // SIDE
        told = {}
        if self.transformer.config.guidance_embeds:
            told["guidance"] = torch.full_like(pooled[:, 0], self.embedded_guidance)
        out: Tensor = self.transformer(
            self.laid_out(latents),
            encoder_hidden_states=tokens,
            pooled_projections=pooled,
            timestep=timestep.to(torch.float32) / NUM_TIMESTEPS,
            img_ids=_places(down, across, latents.device),
            txt_ids=torch.zeros(tokens.shape[1], 3, device=latents.device),
            return_dict=False,
            **told,
        )[0]
        patches = out.reshape(len(out), down, across, -1, SIDE, SIDE)  # (n, h/2, w/2, c, 2, 2)
        return patches.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def _places(down: int, across: int, device: torch.device) -> Float[Tensor, "n 3"]:
    """Row and column of each patch, after a number that is 0 for all."""
    rows, columns = torch.meshgrid(torch.arange(down), torch.arange(across), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], -1).flatten(0, 1).float().to(device)
