"""Token merging (ToMe, arXiv:2210.09461) by replacement: a token stands for those that are most like it."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from veggie_pl.errors import UseError

Tokens = Float[Tensor, "g n d"]


@dataclass(frozen=True)
class Merging:
    """Which of n tokens are kept, and which of those stands for each of the n.

    Args:
        kept: Their places.
        stand_in: For each token, the place of its stand-in among those kept; kept ones are their own.
    """

    kept: Int[Tensor, " k"]
    stand_in: Int[Tensor, " n"]

    def merge(self, tokens: Tokens) -> Float[Tensor, "g k d"]:
        """Keep some tokens, and drop the others."""
        return tokens.index_select(1, self.kept)

    def unmerge(self, merged: Float[Tensor, "g k d"]) -> Tokens:
        """Give every token what its stand-in has."""
        return merged.index_select(1, self.stand_in)


def match(tokens: Tokens, sources: Int[Tensor, " s"], targets: Int[Tensor, " t"], ratio: float) -> Merging:
    """Merge the source tokens that are most like a target into the target that they are most like.

    Likeness is the cosine. All groups, which are the branches of guidance, get one matching: for each source token the
    likeliest pair of any group counts, as VidToMe (arXiv:2312.10656) has it.

    Args:
        tokens: Of the groups.
        sources: Places of tokens that may be merged.
        targets: Places of those that stay; each place is in one of the two.
        ratio: Share of the source tokens that are merged, in [0, 1].
    """
    unit = F.normalize(tokens, dim=-1)
    pairs = [(one[sources] @ one[targets].T).max(-1) for one in unit]  # one group at a time: they are large
    alike, group = torch.stack([pair.values for pair in pairs]).max(0)
    nearest = torch.stack([pair.indices for pair in pairs]).gather(0, group[None])[0]  # (s,)
    order = alike.argsort(descending=True, stable=True)
    count = int(ratio * len(sources))
    merged, left = order[:count], sources[order[count:]]
    kept = torch.cat([left, targets])
    stand_in = torch.empty_like(torch.cat([sources, targets]))
    stand_in[kept] = torch.arange(len(kept), device=kept.device)
    stand_in[sources[merged]] = len(left) + nearest[merged]
    return Merging(kept, stand_in)


def match_frames(frames: Float[Tensor, "g f n d"], target: int, ratio: float) -> Merging:
    """Match the tokens of all frames, one frame after another, to those of one of them."""
    num_frames, num_tokens = frames.shape[1:3]
    place = torch.arange(num_frames * num_tokens, device=frames.device)
    before, targets, after = place.tensor_split([target * num_tokens, (target + 1) * num_tokens])
    return match(frames.flatten(1, 2), torch.cat([before, after]), targets, ratio)


def match_parts(tokens: Tokens, first: int, first_moves: bool, ratio: float) -> Merging:
    """Match the first so many tokens to the others, or, unless they move, the others to them."""
    parts = torch.arange(tokens.shape[1], device=tokens.device).tensor_split([first])
    sources, targets = parts if first_moves else parts[::-1]
    return match(tokens, sources, targets, ratio)


def check_ratio(name: str, value: float) -> None:
    """Look whether a share is one.

    Raises:
        UseError: If it is not in [0, 1].
    """
    if not 0 <= value <= 1:
        raise UseError(f"{name} is a share of tokens in [0, 1], got {value:g}")
