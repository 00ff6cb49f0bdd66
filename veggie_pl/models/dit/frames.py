"""Task tokens frame by frame for transformers that see a clip as one sequence."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError

Grouping = Literal["concat", "pool"]


def per_latent_frame(
    tokens: Float[Tensor, "b f q d"], latent_frames: int, grouping: Grouping
) -> Float[Tensor, "b lf lq d"]:
    """Give each latent frame the tokens of the frames that it stands for.

    A codec that compresses time makes one latent frame of the first frame and one of every ``n`` that follow (Wan: 4).
    The first one gets its frame's tokens ``n`` times, so that all have equally many: attention to a token that stands
    there n times is attention to it once.

    Args:
        tokens: Of every frame, or of all frames together (f = 1), which every latent frame then gets.
        latent_frames: How many there are.
        grouping: "concat" puts the tokens of the frames side by side, "pool" takes their mean.

    Raises:
        UseError: If the frames cannot be shared out that way.
    """
    num_frames = tokens.shape[1]
    if num_frames == latent_frames:
        return tokens
    if num_frames == 1:
        return tokens.expand(-1, latent_frames, -1, -1)
    each, rest = divmod(num_frames - 1, max(latent_frames - 1, 1))
    if latent_frames < 2 or rest:
        raise UseError(f"{num_frames} frames cannot be shared out among {latent_frames} latent frames: 1 + k x n")
    padded = torch.cat([tokens[:, :1].expand(-1, each - 1, -1, -1), tokens], 1)
    groups = padded.reshape(len(tokens), latent_frames, each, *tokens.shape[2:])  # (b, lf, n, q, d)
    return groups.mean(2) if grouping == "pool" else groups.flatten(2, 3)


class FramewiseCrossAttention:
    """Lets the cells of a latent frame attend to the tokens of that frame only; a processor of cross-attention.

    Latent frames become samples of the batch, and the library's own processor does the rest. With equal tokens in all
    frames it is the shared context exactly.

    Args:
        tokens_per_frame: Tokens of each latent frame, which lie one after the other in the context.
        plain: The library's processor.
    """

    def __init__(self, tokens_per_frame: int, plain: Any) -> None:
        self.tokens_per_frame = tokens_per_frame
        self.plain = plain

    def __call__(
        self,
        attn: Any,
        hidden_states: Float[Tensor, "b n d"],
        encoder_hidden_states: Float[Tensor, "b m d"],
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Float[Tensor, "b n d"]:
        """Attend frame by frame; arguments as of the library's processor."""
        batch, tokens, width = encoder_hidden_states.shape
        frames = tokens // self.tokens_per_frame
        cells = hidden_states.reshape(batch * frames, -1, hidden_states.shape[2])
        context = encoder_hidden_states.reshape(batch * frames, self.tokens_per_frame, width)
        attended: Tensor = self.plain(attn, cells, context, attention_mask, rotary_emb)
        return attended.reshape(hidden_states.shape)
