"""What text-to-image transformers share as denoisers: each frame is a picture on its own."""

from collections.abc import Sequence
from typing import Any, Literal

from diffusers.configuration_utils import register_to_config
from jaxtyping import Float, Num
from torch import Tensor

from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.models.dit.base import Given, Latents, Source, Told, TransformerDenoiser
from veggie_pl.models.dit.pooled import PooledStates
from veggie_pl.models.dit.weights import Dtype

Pictures = Float[Tensor, "n c h w"]


class ImageDenoiser(TransformerDenoiser):
    """A text-to-image transformer for stage 1: frames lie in the batch, task tokens stand where the text's states did.

    The transformer attends to task tokens and picture jointly, those of other frames apart. It also takes pooled states
    of the prompt: what stands there is ``PooledStates``.

    Args:
        transformer_config: See ``TransformerDenoiser``, as all that is not named here.
        latent_size: See there.
        tokens_per_frame: Task tokens of a frame, its queries.
        weights: See there.
        extend_channels: See there.
        source: See there.
        context: "per_frame": a picture attends to the task tokens of its frame; "shared": to those of all frames.
        scale_source: See there.
        gives: See there.
        add_source: See there.
        gradient_checkpointing: See there.
        lora: See there.
        adapters: See there.
        dtype: See there.
        pooled_start: A safetensors file with the pooled states of a prompt, from which what stands for them starts.
        embedded_guidance: The scale that a model distilled to guidance is told (FLUX.1-dev: 3.5); it is not that of
            the module's own guidance, which goes on top.

    Raises:
        UseError: If a checkpoint is not there or does not fit the configuration.
    """

    is_video = False
    reads_frames = True
    ignore_for_config = ("grouping", "tokens_join", "prompt", "prompt_rows", "references")  # frames are latent frames

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
        scale_source: bool = False,
        gives: Literal["slope", "latents"] = "slope",
        add_source: bool = False,
        gradient_checkpointing: bool = False,
        lora: DenoiserLora | None = None,
        adapters: str | None = None,
        dtype: Dtype = "float32",
        pooled_start: str | None = None,
        embedded_guidance: float = 3.5,
    ) -> None:
        super().__init__(
            transformer_config,
            latent_size,
            tokens_per_frame,
            weights,
            extend_channels,
            source,
            context,
            scale_source=scale_source,
            gives=gives,
            add_source=add_source,
            gradient_checkpointing=gradient_checkpointing,
            lora=lora,
            adapters=adapters,
            dtype=dtype,
        )
        self.pooled = PooledStates(self.width, int(self.transformer.config.pooled_projection_dim), pooled_start)
        self.register_to_config(pooled_start=None)  # it is in the weights now
        self.embedded_guidance = embedded_guidance

    @property
    def width(self) -> int:
        """Width of task tokens: that of the text encoders' states, which they stand for."""
        return int(self.transformer.config.joint_attention_dim)

    def use_frames(self, tokens_per_frame: int) -> None:
        """Change nothing: a frame is a sample of the batch."""

    def laid_out(self, latents: Given) -> Tensor:
        """Lay latents out as the patch embedding takes them: (b*f, c, h, w)."""
        return latents.flatten(0, 1)

    def run(self, latents: Given, source: Latents, timestep: Num[Tensor, " b"], told: Told) -> Latents:
        """Run the transformer over all frames; see ``TransformerDenoiser``."""
        frames = latents.shape[1]
        if self.config.context == "shared":
            told = told.flatten(1, 2)[:, None].expand(-1, frames, -1, -1)
        tokens = told.flatten(0, 1)  # (b*f, q, d)
        out = self.paint(latents, timestep.repeat_interleave(frames), tokens, self.pooled(tokens))
        return out.view(*latents.shape[:2], *out.shape[1:])

    def paint(
        self,
        latents: Given,
        timestep: Num[Tensor, " n"],
        tokens: Float[Tensor, "n q d"],
        pooled: Float[Tensor, "n p"],
    ) -> Pictures:
        """Run the library's class on n = b*f pictures."""
        raise NotImplementedError
