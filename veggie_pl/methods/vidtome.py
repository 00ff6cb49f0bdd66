"""VidToMe (arXiv:2312.10656): frames share tokens in self-attention, within a chunk and from chunk to chunk."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.methods.merging import Tokens, check_ratio, match_frames, match_parts
from veggie_pl.methods.processors import SamplingRun, downsampling, self_attention
from veggie_pl.methods.training_free import Sampling, TrainingFree


@dataclass(frozen=True)
class Chunk:
    """Frames that are merged into one, and what chance decides about them.

    Args:
        first: The first frame.
        length: Number of frames.
        target: The frame among them that the others are merged into.
        into_global: Whether its tokens are then merged into the global ones, or those into its.
    """

    first: int
    length: int
    target: int
    into_global: bool


def draw_chunks(num_frames: int, size: int, generator: torch.Generator) -> list[Chunk]:
    """Cut frames into chunks, anew in every step, in the order in which they see each other's tokens.

    The first has 1 to ``size`` frames. A quarter of the chunks, chosen at random, comes first, then the others from
    start to end or back, beginning at the end that is nearer ("mix-4" of the authors' code).
    """

    def below(limit: int) -> int:
        return int(torch.randint(limit, (), generator=generator))

    starts = [0, *range(1 + below(size), num_frames, size)]
    bounds = list(zip(starts, [*starts[1:], num_frames], strict=True))
    if below(2):
        bounds.reverse()
    order = torch.randperm(len(bounds), generator=generator).tolist()
    drawn, rest = order[: len(order) // 4], sorted(order[len(order) // 4 :])
    if drawn and abs(rest[-1] - drawn[-1]) < abs(rest[0] - drawn[-1]):
        rest.reverse()
    return [
        Chunk(first, stop - first, below(stop - first), bool(below(2)))
        for first, stop in (bounds[number] for number in drawn + rest)
    ]


class MergedAttention:
    """An attention processor that merges tokens, lets the layer's own attend to what is left, and unmerges.

    A layer is asked once a step, for all frames. So the global tokens of VidToMe, which the layer keeps from chunk to
    chunk and forgets after the step, are a variable here.

    Args:
        plain: The layer's own processor.
        run: The sampling run.
        chunk_size: See ``VidToMe``.
        local_ratio: See ``VidToMe``.
        global_ratio: See ``VidToMe``.
    """

    def __init__(self, plain: Any, run: SamplingRun, chunk_size: int, local_ratio: float, global_ratio: float) -> None:
        self.plain, self.run = plain, run
        self.local_ratio, self.global_ratio = local_ratio, global_ratio
        self.draw = partial(draw_chunks, run.num_frames, chunk_size)

    def __call__(self, attn: Any, hidden_states: Float[Tensor, "r n d"], *args: Any, **more: Any) -> Tensor:
        """Attend; hidden states are those after the block's first norm, all frames of one branch after another."""
        frames = hidden_states.reshape(-1, self.run.num_frames, *hidden_states.shape[1:])  # (g, f, n, d)
        out = torch.empty_like(frames)
        known: Tokens | None = None  # global tokens
        for chunk in self.run.draw(self.draw):
            own = frames[:, chunk.first : chunk.first + chunk.length]
            local = match_frames(own, chunk.target, self.local_ratio)
            tokens = local.merge(own.flatten(1, 2))
            if known is None:
                attended, seen = self.plain(attn, tokens, *args, **more), tokens
            else:
                both, count = torch.cat([tokens, known], 1), tokens.shape[1]
                shared = match_parts(both, count, chunk.into_global, self.global_ratio)
                merged = shared.merge(both)
                made = self.plain(attn, merged, *args, **more)
                attended, seen = (shared.unmerge(one)[:, :count] for one in (made, merged))
            known = seen if self.global_ratio else None
            out[:, chunk.first : chunk.first + chunk.length] = local.unmerge(attended).view_as(own)
        return out.flatten(0, 1)


class VidToMe(TrainingFree):
    """VidToMe (arXiv:2312.10656) over any image model; defaults are those of the paper's code.

    In every step the frames are cut into chunks. In self-attention of fine layers, tokens of a chunk are merged into
    one frame of it (local), then with the tokens of the chunks before (global); what is merged is attended to once
    and comes out the same. Where its authors start from inverted noise and inject features, the source beside the
    noise holds the layout here.

    Args:
        folder: Of the image model.
        local_ratio: Share of the tokens of a chunk's other frames that are merged into one frame. 0 merges nothing at
            all: the plain model.
        global_ratio: Share of a chunk's tokens that are merged into global ones, or the other way. 0 leaves it out.
        chunk_size: Frames of a chunk, at most.
        max_downsampling: Width in latent cells of the tokens that are merged, at most.
        sampling: How it samples.

    Raises:
        UseError: See ``TrainingFree``; also if a number is out of range, or the UNet has no such layer.
    """

    paper_steps = 50

    def __init__(
        self,
        folder: str,
        local_ratio: float = 0.9,
        global_ratio: float = 0.8,
        chunk_size: int = 4,
        max_downsampling: int = 2,
        sampling: Sampling | None = None,
    ) -> None:
        check_ratio("local_ratio", local_ratio)
        check_ratio("global_ratio", global_ratio)
        if chunk_size < 1:
            raise UseError(f"chunk_size is a number of frames, at least 1, got {chunk_size}")
        super().__init__(folder, sampling)
        self.local_ratio, self.global_ratio = local_ratio, global_ratio
        self.chunk_size, self.max_downsampling = chunk_size, max_downsampling
        unet = self.model.unet
        if not self_attention(unet, max_downsampling):
            there = sorted({downsampling(name, len(unet.config.block_out_channels)) for name in self_attention(unet)})
            raise UseError(
                f"max_downsampling {max_downsampling}: {folder} has self-attention over tokens that are "
                f"{' or '.join(map(str, there))} latent cells wide"
            )

    def processors(self, run: SamplingRun) -> Mapping[str, Any]:
        """Merge tokens in fine layers."""
        if self.local_ratio == 0:
            return {}
        how = (run, self.chunk_size, self.local_ratio, self.global_ratio)
        own = self_attention(self.model.unet, self.max_downsampling)
        return {name: MergedAttention(processor, *how) for name, processor in own.items()}
