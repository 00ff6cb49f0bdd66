"""CogVideoX (arXiv:2408.06072) as a denoiser: diffusers' transformer, unchanged, brought source and task tokens."""

from typing import Any

import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.dit.base import Given, Latents, Timesteps, Told, TransformerDenoiser
from veggie_pl.models.dit.frames import FramewiseJointAttention

OFFSET = 2.0  # what CogVideoX1.5-5B-I2V is told as "ofs"


class CogVideoXDenoiser(TransformerDenoiser):
    """Predicts what its scheduler, CogVideoXDDIMScheduler, asks for: the velocity of diffusion.

    Tokens and cells attend in one sequence, see ``FramewiseJointAttention`` for frame by frame. 2B has sines as
    positions, 5B turns queries and keys, 5B-I2V has learnt positions too; those of its text are told to each frame's
    tokens anew. 1.5 has patches of two latent frames, and shared context.
    """

    library = "CogVideoXTransformer3DModel"
    embedding = "patch_embed.proj"
    knows_slopes = False
    framewise = False

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        config = self.transformer.config
        return int(config.patch_size_t or 1), int(config.patch_size), int(config.patch_size)

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        return int(self.transformer.config.text_embed_dim)

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, of which there are as many, and to all cells."""
        self.framewise = True
        for block in self.transformer.transformer_blocks:
            block.attn1.set_processor(FramewiseJointAttention(tokens_per_frame))

    def laid_out(self, latents: Given) -> Tensor:
        """Lay latents out as the patch embedding takes them: frames as pictures, or the values of a patch in a row."""
        if self.transformer.config.patch_size_t is None:
            return latents.flatten(0, 1)
        (along, down, across), (batch, frames, channels, height, width) = self.patch, latents.shape
        cut = latents.reshape(batch, frames // along, along, channels, height // down, down, width // across, across)
        return cut.permute(0, 1, 4, 6, 3, 2, 5, 7).flatten(4).flatten(1, 3)

    def run(self, latents: Given, source: Latents, timestep: Timesteps, told: Told) -> Latents:
        """Run the transformer; see ``TransformerDenoiser``."""
        config, (_, frames, _, height, width) = self.transformer.config, latents.shape
        rotation = self.rotation(frames, height, width, latents.device)
        offset = None if config.ofs_embed_dim is None else latents.new_full((1,), OFFSET)
        embed = self.transformer.patch_embed
        # The library's own positions know one number of text tokens only.
        embed.use_positional_embeddings = embed.use_learned_positional_embeddings = False
        hook = embed.register_forward_hook(
            lambda module, given, out: out + self.positions(told, frames, height, width).to(out)
        )
        try:
            out: Tensor = self.transformer(
                latents, told.flatten(1, 2), timestep, ofs=offset, image_rotary_emb=rotation, return_dict=False
            )[0]
        finally:
            hook.remove()
        return out

    def positions(self, told: Told, frames: int, height: int, width: int) -> Float[Tensor, "1 n d_dit"]:
        """Give what is added to tokens and cells for their place, as the library does for as much text as it knows.

        Raises:
            UseError: If there are learnt positions, for another size or fewer tokens.
        """
        config, embed, text = self.transformer.config, self.transformer.patch_embed, told.shape[1] * told.shape[2]
        learnt = config.use_learned_positional_embeddings
        if config.use_rotary_positional_embeddings and not learnt:
            return told.new_zeros(1, 1, 1)
        size, known = (config.sample_height, config.sample_width), int(config.max_text_seq_length)
        together = 1 if self.framewise else told.shape[1]  # frames whose tokens are one text
        if learnt and (size != (height, width) or together * told.shape[2] > known):
            raise UseError(
                f"{self.library} has learnt its positions for {size[0]} x {size[1]} latent cells and {known} tokens; "
                f"{height} x {width} and {together * told.shape[2]} were given"
            )
        shown = (frames - 1) * config.temporal_compression_ratio + 1
        if (*size, config.sample_frames) == (height, width, shown):
            joint = embed.pos_embedding
        else:
            joint = embed._get_positional_embeddings(height, width, shown, device=told.device)
        if not learnt:
            return torch.cat([joint.new_zeros(1, text, joint.shape[2]), joint[:, known:]], 1)
        words = joint[:, : together * told.shape[2]].repeat(1, told.shape[1] // together, 1)
        return torch.cat([words, joint[:, known:]], 1)

    def rotation(self, frames: int, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
        """Give the rotary positions of the cells, as the library's pipeline does."""
        from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid

        config, (along, down, across) = self.transformer.config, self.patch
        if not config.use_rotary_positional_embeddings:
            return None
        grid, base = (height // down, width // across), (config.sample_height // down, config.sample_width // across)
        kind: dict[str, Any] = {"grid_type": "slice", "max_size": base}
        if config.patch_size_t is None:
            kind = {}
        crops = get_resize_crop_region_for_grid(grid, base[1], base[0]) if config.patch_size_t is None else None
        found: tuple[Tensor, Tensor] = get_3d_rotary_pos_embed(
            config.attention_head_dim, crops, grid, frames // along, device=device, **kind
        )
        return found
