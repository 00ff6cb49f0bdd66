"""Self-attention of a diffusers UNet in its three steps, for processors that change what attends to what."""

from typing import Any

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

Tokens = Float[Tensor, "*rows n d"]
Heads = Float[Tensor, "*rows heads n d_head"]
Others = Float[Tensor, "*rows heads m d_head"]


def by_clip(rows: Float[Tensor, "r n d"], num_frames: int) -> Float[Tensor, "g f n d"]:
    """Sort the rows of a UNet's batch into groups of all frames, one a branch."""
    return rows.view(-1, num_frames, *rows.shape[1:])


def project(attn: Any, tokens: Tokens) -> tuple[Heads, Heads, Heads]:
    """Give queries, keys and values of tokens, head by head.

    One call of each layer for all rows: what hooks on them copy from the first rows to the others stays together.

    Args:
        attn: An ``Attention`` of diffusers that attends to its own tokens.
        tokens: After the block's first norm.
    """
    made = (layer(tokens) for layer in (attn.to_q, attn.to_k, attn.to_v))
    query, key, value = (one.unflatten(-1, (attn.heads, -1)).transpose(-3, -2) for one in made)
    return query, key, value


def attend(query: Heads, key: Others, value: Others, mask: Bool[Tensor, "..."] | None = None) -> Heads:
    """Attend, to the keys that the mask leaves where there is one."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def joined(attn: Any, made: Heads) -> Tokens:
    """Put the heads side by side again and project them out."""
    merged = made.transpose(-3, -2).flatten(-2)
    return attn.to_out[1](attn.to_out[0](merged))  # type: ignore[no-any-return]


def one_sequence(heads: Float[Tensor, "g f heads n d"]) -> Float[Tensor, "g heads fn d"]:
    """Lay the tokens of all frames one after another."""
    return heads.transpose(1, 2).flatten(2, 3)


def by_frames(heads: Float[Tensor, "g heads fn d"], num_frames: int) -> Float[Tensor, "g f heads n d"]:
    """Undo ``one_sequence``."""
    return heads.reshape(*heads.shape[:2], num_frames, -1, heads.shape[-1]).transpose(1, 2)
