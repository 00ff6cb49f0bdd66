"""Task tokens frame by frame for transformers that see a clip as one sequence."""

from typing import Any, Literal

import torch
from diffusers.models.embeddings import apply_rotary_emb
from jaxtyping import Float, Num
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from veggie_pl.errors import UseError

Grouping = Literal["concat", "one", "pool"]


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
        grouping: "concat" puts the tokens of the frames side by side, "one" takes those of the last frame alone, "pool"
            takes their mean.

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
    if grouping == "concat":
        return groups.flatten(2, 3)
    return groups[:, :, -1] if grouping == "one" else groups.mean(2)


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
        if attention_mask is not None:
            attention_mask = attention_mask.reshape(batch * frames, 1, self.tokens_per_frame)
        attended: Tensor = self.plain(attn, cells, context, attention_mask, rotary_emb)
        return attended.reshape(hidden_states.shape)


class FramewiseJointAttention:
    """Lets tokens and cells of a latent frame attend to the frame's tokens and to all cells; CogVideoX's processor.

    The tokens of another frame are seen by neither. So with equal tokens in all frames each frame's tokens stay equal
    from block to block, and the model is the library's under one group of them, but for rounding. Latent frames are
    samples of the batch, which needs no mask: keys and values are held once for each latent frame.

    Args:
        tokens_per_frame: Tokens of each latent frame, which lie one after the other in the context.
    """

    def __init__(self, tokens_per_frame: int) -> None:
        self.tokens_per_frame = tokens_per_frame

    def __call__(
        self,
        attn: Any,
        hidden_states: Float[Tensor, "b n d"],
        encoder_hidden_states: Float[Tensor, "b m d"],
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b m d"]]:
        """Attend; arguments and results as of the library's processor, whose mask is not for this."""
        num_tokens, each = encoder_hidden_states.shape[1], self.tokens_per_frame
        frames = num_tokens // each
        joint = torch.cat([encoder_hidden_states, hidden_states], 1)
        query, key, value = (
            project(joint).unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )  # (b, heads, m + n, d_head)
        query = query if attn.norm_q is None else attn.norm_q(query)
        key = key if attn.norm_k is None else attn.norm_k(key)

        if image_rotary_emb is not None:  # cells have places, tokens have none
            query, key = (
                torch.cat([states[:, :, :num_tokens], apply_rotary_emb(states[:, :, num_tokens:], image_rotary_emb)], 2)
                for states in (query, key)
            )

        def framed(states: Tensor) -> Tensor:
            return states.reshape(len(joint), attn.heads, frames, -1, states.shape[3])

        def seen(states: Tensor) -> Tensor:
            everywhere = states[:, :, None, num_tokens:].expand(-1, -1, frames, -1, -1)
            return torch.cat([framed(states[:, :, :num_tokens]), everywhere], 3)

        asking = torch.cat([framed(query[:, :, :num_tokens]), framed(query[:, :, num_tokens:])], 3)
        asked, keys, values = (part.transpose(1, 2).flatten(0, 1) for part in (asking, seen(key), seen(value)))
        found = scaled_dot_product_attention(asked, keys, values)  # (b f, heads, q + n / f, d_head)
        rows = attn.to_out[1](attn.to_out[0](found.transpose(1, 2).flatten(2)))  # (b f, q + n / f, d)
        words, pictures = (part.reshape(len(joint), -1, rows.shape[2]) for part in (rows[:, :each], rows[:, each:]))
        return pictures, words


def per_cell(timestep: Num[Tensor, " b *f"], frames: int, cells: int) -> Num[Tensor, " b *n"]:
    """Give each of a frame's cells the timestep of the frame, or leave the clip's as it is."""
    return timestep if timestep.ndim == 1 else timestep[:, :: timestep.shape[1] // frames].repeat_interleave(cells, 1)
