"""Flatten (arXiv:2310.05922): all frames attend to each other, then each token to those on its path of optical flow."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.experts.flow import dense_flow
from veggie_pl.methods.along_source import AlongSource
from veggie_pl.methods.attention import Heads, attend, by_clip, by_frames, joined, one_sequence, project
from veggie_pl.methods.processors import SamplingRun, downsampling, self_attention
from veggie_pl.methods.training_free import Task
from veggie_pl.methods.trajectories import Trajectories, follow
from veggie_pl.models.injection import Injection


def attend_along(tokens: Float[Tensor, "g f heads n d"], paths: Trajectories) -> Float[Tensor, "g f heads n d"]:
    r"""Let every token attend to the tokens on its path.

    .. math:: \mathrm{softmax}(z K^\top / \sqrt d + M) K

    The output :math:`z` of dense attention is the query, the outputs along the path are keys and values :math:`K`, and
    :math:`M` leaves out frames in which the path has no token. A token that is alone on its path stays as it is.
    """
    by_token = tokens.transpose(2, 3)  # (g, f, n, heads, d)
    frames = torch.arange(tokens.shape[1], device=tokens.device)
    along = by_token[:, frames, paths.places].transpose(3, 4)  # (g, f, n, heads, f, d)
    made = attend(by_token[..., None, :], along, along, paths.known[None, :, :, None, None])
    return made.squeeze(-2).transpose(2, 3)


class DenseAttention:
    """An attention processor for groups of frames, the source's first, whose frames each attend to themselves.

    Args:
        run: The sampling run.
        paths: Those of its tokens; None for a layer that follows none.
    """

    def __init__(self, run: SamplingRun, paths: Trajectories | None = None) -> None:
        self.run, self.paths = run, paths

    def __call__(self, attn: Any, hidden_states: Float[Tensor, "r n d"], *args: Any, **more: Any) -> Tensor:
        """Attend; hidden states are those after the block's first norm."""
        frames = by_clip(hidden_states, self.run.num_frames)
        heads = project(attn, frames)
        alone = attend(*(one[:1] for one in heads))
        together: Heads = by_frames(attend(*(one_sequence(one[1:]) for one in heads)), self.run.num_frames)
        if self.paths is not None:
            together = attend_along(together, self.paths)
        return joined(attn, torch.cat([alone, together])).flatten(0, 1)


class Flatten(AlongSource):
    """Flatten over any image model: 50 steps, scale 10, queries, keys and features of the source in 0.8 of them.

    Flow is that of opencv's DIS, the authors' that of RAFT.

    Args:
        folder: Of the image model.
        sampling: How it samples.
        inversion_steps: See ``AlongSource``; 50 in the authors' code.
        injection: See ``AlongSource``.
    """

    paper_guidance = Guidance(10.0)
    paper_inversion = 50
    paper_injection = Injection(0.8, 0.0, 0.8, (4, 5, 6, 7, 8, 9), (3, 4, 6))

    def processors_for(self, run: SamplingRun, task: Task) -> Mapping[str, Any]:
        """Give dense attention to all layers, and the paths of tokens to those of the finest: 64 x 64 in the paper."""
        unet = self.model.unet
        levels = len(unet.config.block_out_channels)
        layers = {name: downsampling(name, levels) for name in self_attention(unet)}
        finest = min(layers.values())
        *_, height, width = self.model.vae.latent_shape(*task.source.shape[1:2], *task.source.shape[-2:])
        flow = dense_flow(task.source[0])
        paths = follow(flow, (-(-height // finest), -(-width // finest)))  # strided convolutions round up
        device = task.source.device
        moved = Trajectories(paths.places.to(device), paths.known.to(device))
        along, dense = DenseAttention(run, moved), DenseAttention(run)
        return {name: along if width == finest else dense for name, width in layers.items()}
