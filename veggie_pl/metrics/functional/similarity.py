"""Measures of features: frames against words, against each other, and against where an edit should lead."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def text_similarity(frames: Float[Tensor, "f d"], text: Float[Tensor, " d"]) -> Float[Tensor, ""]:
    """Average the cosine of each frame and a text, in [0, 1]: CLIPScore (Hessel et al., arXiv:2104.08718) without w.

    A mean below 0 counts as 0.

    Args:
        frames: Features of unit length.
        text: The same of the text.
    """
    return (frames.double() @ text.double()).mean().clamp(min=0)


def direction_similarity(
    edited: Float[Tensor, "f d"],
    source: Float[Tensor, "f d"],
    caption: Float[Tensor, " d"],
    source_caption: Float[Tensor, " d"],
) -> Float[Tensor, ""]:
    """Average the cosine of how frames changed and how words changed, in [-1, 1].

    The directional similarity of StyleGAN-NADA (arXiv:2108.00946), as InstructPix2Pix (arXiv:2211.09800) uses it. A
    frame that did not change at all has no direction and counts 0.

    Args:
        edited: Features of the output's frames, of unit length.
        source: Of the source's frames.
        caption: Of what the result should show.
        source_caption: Of what the source shows.
    """
    moved = edited.double() - source.double()
    meant = caption.double() - source_caption.double()
    return F.cosine_similarity(moved, meant[None].expand_as(moved), dim=-1).mean()


def neighbour_similarity(frames: Float[Tensor, "f d"]) -> Float[Tensor, ""]:
    """Average the cosine of neighbouring frames, in [-1, 1]: CLIP-F, the paper's "smoothness"; NaN for one frame."""
    frames = frames.double()
    return (frames[1:] * frames[:-1]).sum(-1).mean()


def vbench_consistency(frames: Float[Tensor, "f d"]) -> Float[Tensor, ""]:
    r"""Compute VBench's subject consistency (DINO) or background consistency (CLIP) of one video, in [0, 1].

    .. math:: \frac{1}{T - 1} \sum_{i=1}^{T-1}
              \frac{\max(0, \cos(f_{i-1}, f_i)) + \max(0, \cos(f_0, f_i))}{2}

    (``Vchitect/VBench``, ``subject_consistency.py``, ``background_consistency.py``). NaN for one frame.

    Args:
        frames: Features of unit length.
    """
    frames = frames.double()
    to_last = (frames[1:] * frames[:-1]).sum(-1).clamp(min=0)
    to_first = (frames[1:] * frames[:1]).sum(-1).clamp(min=0)
    return ((to_last + to_first) / 2).mean()


def similarity_to_start(frames: Float[Tensor, "f d"], start: int) -> Float[Tensor, ""]:
    """Average the cosine of later frames and the mean of the first ones, in [-1, 1].

    Args:
        frames: Features of unit length.
        start: Frames that are the first ones, fewer than there are.
    """
    frames = frames.double()
    first = F.normalize(frames[:start].mean(0), dim=0)
    return (frames[start:] @ first).mean()
