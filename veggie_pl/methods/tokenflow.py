"""TokenFlow (arXiv:2307.10373): keyframes are edited together, the other frames take over what their likes became."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.errors import UseError
from veggie_pl.methods.along_source import AlongSource
from veggie_pl.methods.attention import attend, by_clip, by_frames, joined, one_sequence, project
from veggie_pl.methods.processors import SamplingRun, self_attention
from veggie_pl.methods.training_free import Sampling
from veggie_pl.models.injection import Injection


def draw_keyframes(num_frames: int, batch: int, generator: torch.Generator) -> list[int]:
    """Draw one frame of each run of ``batch``, the last of which may be shorter."""
    bounds = [(first, min(first + batch, num_frames)) for first in range(0, num_frames, batch)]
    return [first + int(torch.randint(stop - first, (), generator=generator)) for first, stop in bounds]


def nearest(tokens: Float[Tensor, "*rows n d"], keys: Float[Tensor, "*rows m d"]) -> Int[Tensor, "*rows n"]:
    """Find for each token the most similar of a keyframe, by cosine."""
    return (F.normalize(tokens, dim=-1) @ F.normalize(keys, dim=-1).mT).argmax(-1)


def weight_of_own(frame: int, batch: int) -> float:
    r"""Give the weight of the keyframe of a frame's own batch; the one before has the rest.

    .. math:: w = \sigma\left(\frac{d_-}{d_+ + d_-}\right)

    :math:`d_+` and :math:`d_-` are measured from the middle of its batch and of the one before,
    as in the authors' code, wherever the keyframe was drawn.
    """
    own = frame // batch * batch + batch // 2
    to_own, to_other = abs(frame - own), abs(frame - own + batch)
    return float(torch.sigmoid(torch.tensor(to_other / (to_own + to_other))))


class PropagatedAttention:
    r"""An attention processor for groups of frames, the source's first.

    Keyframes attend to all keyframes (extended attention), the source's each to itself:

    .. math:: \mathrm{softmax}(Q_i [K_1, \dots, K_k]^\top / \sqrt d) \, [V_1, \dots, V_k]

    Every other frame takes over their outputs, token by token, from where its source has its nearest neighbours. The
    authors run the UNet once over keyframes and then over batches; in one pass over all frames it is the same, but
    for the keyframes themselves, which keep their own outputs.

    Args:
        run: The sampling run.
        batch: Frames to a keyframe.
    """

    def __init__(self, run: SamplingRun, batch: int) -> None:
        self.run, self.batch = run, batch
        self.draw = partial(draw_keyframes, run.num_frames, batch)

    def __call__(self, attn: Any, hidden_states: Float[Tensor, "r n d"], *args: Any, **more: Any) -> Tensor:
        """Attend; hidden states are those after the block's first norm."""
        frames = by_clip(hidden_states, self.run.num_frames)
        keyframes = self.run.draw(self.draw)
        edited = self._attended(attn, frames[:, keyframes])  # (g, k, n, d)
        source, keys = frames[0], frames[0, keyframes]
        made = []
        for frame in range(self.run.num_frames):
            own = frame // self.batch
            if frame == keyframes[own]:
                made.append(edited[:, own])
                continue
            of_frame = edited[:, own, nearest(source[frame], keys[own])]
            if own:
                other = edited[:, own - 1, nearest(source[frame], keys[own - 1])]
                of_frame = torch.lerp(other, of_frame, weight_of_own(frame, self.batch))
            made.append(of_frame)
        return torch.stack(made, 1).flatten(0, 1)

    def _attended(self, attn: Any, keyframes: Float[Tensor, "g k n d"]) -> Float[Tensor, "g k n d"]:
        heads = project(attn, keyframes)  # (g, k, heads, n, d_head)
        alone = attend(*(one[:1] for one in heads))
        together = attend(*(one_sequence(one[1:]) for one in heads))
        return joined(attn, torch.cat([alone, by_frames(together, keyframes.shape[1])]))


class TokenFlow(AlongSource):
    """TokenFlow over any image model: 50 steps, scale 7.5, Plug-and-Play in half (features: 0.8) of them.

    Args:
        folder: Of the image model.
        sampling: How it samples.
        inversion_steps: See ``AlongSource``; 500 in the paper.
        injection: See ``AlongSource``.
        batch: Frames to a keyframe, of which one is drawn in every step.

    Raises:
        UseError: See ``AlongSource``; also if the batch is below 1.
    """

    paper_guidance = Guidance(7.5)

    def __init__(
        self,
        folder: str,
        sampling: Sampling | None = None,
        inversion_steps: int | None = None,
        injection: Injection | None = None,
        batch: int = 8,
    ) -> None:
        super().__init__(folder, sampling, inversion_steps, injection)
        if batch < 1:
            raise UseError(f"batch must be 1 or more, got {batch}")
        self.batch = batch

    def processors(self, run: SamplingRun) -> Mapping[str, Any]:
        """Give one processor for all self-attention; what it keeps of a layer does not outlive a call."""
        return dict.fromkeys(self_attention(self.model.unet), PropagatedAttention(run, self.batch))
