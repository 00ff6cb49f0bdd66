"""VACE (arXiv:2503.07598) as a denoiser: Wan with blocks beside its own, which read the source."""

from copy import deepcopy

import torch
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.dit.base import Given, Latents, Timesteps, Told
from veggie_pl.models.dit.frames import FramewiseCrossAttention
from veggie_pl.models.dit.wan import WanDenoiser
from veggie_pl.models.dit.weights import find_transformer, stored_transformer
from veggie_pl.models.stored import Stored


class WanVaceDenoiser(WanDenoiser):
    """Predicts the slope of rectified flow; the source is VACE's context, see ``TransformerDenoiser``.

    All of the clip may change, so that the mask is ones, the source is the context's reactive half, and its inactive
    half is nothing: zeros, where diffusers' pipeline has the latents of grey.

    ``extend_channels`` takes weights of a text-to-video Wan: each block of the context then starts as a copy of the
    block that it stands beside, with projections of zero, as VACE was made of Wan.
    """

    library = "WanVACETransformer3DModel"
    sources = ("context",)
    knows_clean = False

    def check_layout(self) -> None:
        """Look whether the transformer's channels are noise, and the context's are source and mask.

        Raises:
            UseError: If they are not.
        """
        super().check_layout()
        taken, own = int(self.transformer.config.vace_in_channels), self.channels
        if taken <= 2 * own:
            raise UseError(f"vace_in_channels is {taken}: with {own} channels, context and mask are {2 * own} and more")

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, in the context's blocks too."""
        super().use_frames(tokens_per_frame)
        for block in self.transformer.vace_blocks:
            block.attn2.set_processor(FramewiseCrossAttention(tokens_per_frame, block.attn2.processor))

    def control(self, source: Latents) -> Tensor:
        """Make the context of a source: inactive half, reactive half, mask; (b, c_vace, f, h, w)."""
        reactive = self.laid_out(source)
        mask = self.transformer.config.vace_in_channels - 2 * reactive.shape[1]
        ones = reactive.new_ones(len(reactive), mask, *reactive.shape[2:])
        return torch.cat([torch.zeros_like(reactive), reactive, ones], 1)

    def run(self, latents: Given, source: Latents, timestep: Timesteps, told: Told) -> Latents:
        """Run the transformer; see ``TransformerDenoiser``."""
        out: Tensor = self.transformer(
            self.laid_out(latents),
            timestep,
            told.flatten(1, 2),
            control_hidden_states=self.control(source),
            return_dict=False,
        )[0]
        return out.transpose(1, 2)

    def read(self, path: str, extend: bool) -> dict[str, Stored]:
        """List VACE's weights, or those of Wan with copies of its blocks for the context.

        Raises:
            UseError: If there is no such folder, or it is of another class.
        """
        told = find_transformer(path) / "config.json"
        if not extend or not told.is_file() or self.library in told.read_text(errors="replace"):
            return super().read(path, extend)
        state = stored_transformer(path, WanDenoiser.library)
        for place, beside in enumerate(self.transformer.config.vace_layers):
            for name, own in self.transformer.vace_blocks[place].state_dict().items():
                if name.startswith("proj_"):
                    state[f"vace_blocks.{place}.{name}"] = Stored.of_tensor(torch.zeros(own.shape))
                elif (copied := state.get(f"blocks.{beside}.{name}")) is not None:
                    state[f"vace_blocks.{place}.{name}"] = copied
        embedding = deepcopy(self.transformer.vace_patch_embedding).to_empty(device="cpu")
        embedding.reset_parameters()  # the one part that Wan has not
        fresh = embedding.state_dict(prefix="vace_patch_embedding.")
        return {**state, **{name: Stored.of_tensor(tensor) for name, tensor in fresh.items()}}
