"""LTX-Video (arXiv:2501.00103) as a denoiser: diffusers' transformer, unchanged, brought source and task tokens."""

from collections.abc import Sequence
from typing import Any, Literal

from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.models.dit.base import Given, Latents, Source, Timesteps, Told, TransformerDenoiser
from veggie_pl.models.dit.frames import FramewiseCrossAttention, Grouping, per_cell
from veggie_pl.models.dit.references import References
from veggie_pl.models.dit.weights import Dtype


class LtxDenoiser(TransformerDenoiser):
    """Predicts the slope of rectified flow from noisy target and source latents; see ``TransformerDenoiser``.

    Args:
        transformer_config: See ``TransformerDenoiser``, as all that is not here.
        latent_size: See there.
        tokens_per_frame: See there.
        weights: See there.
        extend_channels: See there.
        source: See there.
        context: See there.
        grouping: See there.
        scale_source: See there.
        gives: See there.
        add_source: See there.
        gradient_checkpointing: See there.
        lora: See there.
        cell_size: Seconds, rows and columns of pixels that a latent cell stands for, from which its position follows.
            LTX's: 8 frames of 25 in a second, 32 x 32 pixels.
        tokens_join: See there.
        prompt: See there.
        prompt_rows: See there.
        adapters: See there.
        dtype: See there.
        references: See there.
    """

    library = "LTXVideoTransformer3DModel"
    embedding = "proj_in"
    knows_clean = True
    padding = "last"  # which it masks

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        transformer_config: dict[str, Any],
        latent_size: Sequence[int],
        tokens_per_frame: int,
        weights: str | None = None,
        extend_channels: bool = False,
        source: Source | None = None,
        context: Literal["per_frame", "shared"] = "per_frame",
        grouping: Grouping = "concat",
        scale_source: bool = False,
        gives: Literal["slope", "latents"] = "slope",
        add_source: bool = False,
        gradient_checkpointing: bool = False,
        lora: DenoiserLora | None = None,
        cell_size: Sequence[float] = (8 / 25, 32.0, 32.0),
        tokens_join: Literal["replace", "beside"] = "replace",
        prompt: str | None = None,
        prompt_rows: int = 512,
        adapters: str | None = None,
        dtype: Dtype = "float32",
        references: References = "mllm",
    ) -> None:
        super().__init__(
            transformer_config,
            latent_size,
            tokens_per_frame,
            weights,
            extend_channels,
            source,
            context,
            grouping,
            scale_source,
            gives,
            add_source,
            gradient_checkpointing,
            lora,
            tokens_join,
            prompt,
            prompt_rows,
            adapters,
            dtype,
            references,
        )
        seconds, rows, columns = cell_size
        self.cell_size = float(seconds), float(rows), float(columns)

    @property
    def patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns of a patch."""
        config = self.transformer.config
        return int(config.patch_size_t), int(config.patch_size), int(config.patch_size)

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoder's states, which they stand for."""
        return int(self.transformer.config.caption_channels)

    def check_layout(self) -> None:
        """Look whether patches are of one cell, as in all LTX weights, and channels are noise and source.

        Raises:
            UseError: If they are not.
        """
        if self.patch != (1, 1, 1):
            raise UseError(f"{self.library}: patches are of one cell, not of {' x '.join(map(str, self.patch))}")
        super().check_layout()

    def use_frames(self, tokens_per_frame: int) -> None:
        """Let each latent frame attend to its own tokens only, of which there are as many."""
        for block in self.transformer.transformer_blocks:
            block.attn2.set_processor(FramewiseCrossAttention(tokens_per_frame, block.attn2.processor))

    def laid_out(self, latents: Given) -> Float[Tensor, "b n c_in"]:
        """Lay latents out as the patch embedding takes them, a token for a cell, for its patch is one cell."""
        return latents.movedim(2, -1).flatten(1, 3)

    def run(self, latents: Given, source: Latents, timestep: Timesteps, told: Told) -> Latents:
        """Run the transformer; see ``TransformerDenoiser``. It needs no mask, for no token is padding."""
        _, frames, _, height, width = latents.shape
        out: Tensor = self.transformer(
            self.laid_out(latents),
            told.flatten(1, 2),
            per_cell(timestep, frames, height * width),
            None,
            frames,
            height,
            width,
            self.cell_size,
            return_dict=False,
        )[0]
        return out.reshape(len(out), frames, height, width, -1).movedim(-1, 2)
