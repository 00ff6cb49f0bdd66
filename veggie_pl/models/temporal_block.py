"""LGVI's temporal attention (arXiv:2401.10226), inside the spatial blocks of an image UNet."""

from typing import Any

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from jaxtyping import Float
from torch import Tensor, nn

from veggie_pl.errors import UseError

TEMPORAL = ("attn_temp", "norm_temp")  # modules that are added to a block


class TemporalBlock(nn.Module):
    """A transformer block that also looks along time: in space, at the words, along time, then its feed-forward.

    Each place attends to itself in all frames, without positions: shuffled frames come out shuffled. The output starts
    at zero, so that the block is at first the one it was made of, whose parts keep their names. The authors zero the
    weight and leave the bias as drawn; here both are zero.

    Args:
        block: Of an image UNet, as diffusers has it for Stable Diffusion.

    Raises:
        UseError: If it is a block of another kind.
    """

    def __init__(self, block: BasicTransformerBlock) -> None:
        super().__init__()
        if block.norm_type != "layer_norm" or block.attn2 is None or block.only_cross_attention:
            raise UseError(
                "LGVI's temporal attention needs blocks with self- and cross-attention and plain layer norms"
            )
        self.norm1, self.attn1, self.norm2, self.attn2 = block.norm1, block.attn1, block.norm2, block.attn2
        self.norm_temp = nn.LayerNorm(block.dim)
        self.attn_temp: Any = Attention(block.dim, heads=block.num_attention_heads, dim_head=block.attention_head_dim)
        nn.init.zeros_(self.attn_temp.to_out[0].weight)
        nn.init.zeros_(self.attn_temp.to_out[0].bias)
        self.norm3, self.ff = block.norm3, block.ff

    def forward(
        self,
        hidden_states: Float[Tensor, "bf n d"],
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Float[Tensor, "bf q d_words"] | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
    ) -> Float[Tensor, "bf n d"]:
        """Run the block; arguments as of the one it was made of, and ``num_frames`` in ``cross_attention_kwargs``."""
        num_frames = (cross_attention_kwargs or {})["num_frames"]
        found = hidden_states + self.attn1(self.norm1(hidden_states), attention_mask=attention_mask)
        asked = {"encoder_hidden_states": encoder_hidden_states, "attention_mask": encoder_attention_mask}
        found = found + self.attn2(self.norm2(found), **asked)
        along = found.unflatten(0, (-1, num_frames)).transpose(1, 2).flatten(0, 1)  # (b*n, f, d)
        made = self.attn_temp(self.norm_temp(along)).unflatten(0, (-1, found.shape[1]))  # (b, n, f, d)
        found = found + made.transpose(1, 2).flatten(0, 1)
        return found + self.ff(self.norm3(found))  # type: ignore[no-any-return]


def add_temporal_blocks(unet: nn.Module) -> None:
    """Put temporal attention into every transformer block of an image UNet.

    Raises:
        UseError: If it has none, or blocks of another kind.
    """
    found = [part for part in unet.modules() if isinstance(part, Transformer2DModel)]
    if not found:
        raise UseError("LGVI's temporal attention goes into transformer blocks, and this UNet has none")
    for part in found:
        blocks: Any = part.transformer_blocks
        part.transformer_blocks = nn.ModuleList(TemporalBlock(block) for block in blocks)


def is_temporal(name: str) -> bool:
    """Tell whether a parameter or module is of what was added, by its name.

    >>> is_temporal("mid_block.attentions.0.transformer_blocks.0.attn_temp.to_q.weight")
    True
    """
    return any(part in TEMPORAL for part in name.split("."))
