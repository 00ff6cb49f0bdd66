"""Learnable grounded task queries: what is asked of the MLLM, once per frame."""

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from jaxtyping import Float, Int
from torch import Tensor, nn

from veggie_pl.errors import UseError
from veggie_pl.host import send


class TaskQueries(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """One shared group of queries plus a learned embedding of the frame's place in the clip.

    The paper gives one group per frame (arXiv:2503.14350, Sec. 3); sharing the group lets an image, a clip and every
    length between use the same queries. See DEVIATIONS.md.

    Args:
        num_queries: Queries per frame, ``q``.
        max_frames: Longest clip the frame embedding covers.
        width: Hidden width of the MLLM.
        per_clip: One group for the whole clip, which all frames share, instead of one per frame: an ablation.
        every: One group for so many frames, the first one aside, as a codec that compresses time has latent frames
            (Wan: 4): fewer queries, for denoisers that read as many groups as there are latent frames.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, num_queries: int = 32, max_frames: int = 32, width: int = 3584, per_clip: bool = False, every: int = 1
    ) -> None:
        super().__init__()
        self.num_queries = num_queries
        self.max_frames = max_frames
        self.per_clip, self.every = per_clip, every
        if every < 1 or (per_clip and every > 1):
            raise UseError(f"queries: every is {every}, per_clip {per_clip}; every is 1 or more, and 1 with per_clip")
        self.group = nn.Parameter(torch.randn(num_queries, width) * 0.02)  # the scale of token embeddings
        self.frame = nn.Parameter(torch.randn(max_frames, width) * 0.02)

    def place(self, num_frames: int, generators: Sequence[torch.Generator]) -> Int[Tensor, "b f"]:
        """Put each clip at a random place among the frames the queries know, so that images train every place."""
        room = self.max_frames - num_frames + 1
        first = [torch.randint(room, (1,), generator=g, device=g.device) for g in generators]
        return send(torch.cat(first)[:, None] + torch.arange(num_frames, device=first[0].device), self.group.device)

    def forward(self, frame_index: Int[Tensor, "b f"]) -> Float[Tensor, "b g q d"]:
        """Return queries for frames at these places, each in [0, max_frames): a group for each of those asked for.

        Raises:
            UseError: If the clip is longer than the frame embedding.
        """
        if frame_index.shape[1] > self.max_frames:
            raise UseError(f"clip of {frame_index.shape[1]} frames, but the queries cover {self.max_frames}")
        frame_index = frame_index[:, -1:] if self.per_clip else frame_index[:, :: self.every]
        return self.group + self.frame[frame_index][:, :, None]
