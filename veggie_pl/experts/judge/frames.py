"""What a judge sees of two videos: the same moments of both, small enough, in one order."""

import base64

import cv2
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from veggie_pl.errors import UseError
from veggie_pl.experts.frozen import pictures
from veggie_pl.experts.protocols import Question

Pictures = Float[Tensor, "n 3 h w"]  # in [-1, 1]


def shown(question: Question, num_frames: int, side: int, edited_first: bool) -> Pictures:
    """Take evenly spaced frames, first and last included, of both videos, one video after the other.

    Args:
        question: Whose source and edited clip are shown; the edited one is scaled to the size of the source.
        num_frames: At most this many of each.
        side: Longer side of a picture, in pixels, at most.
        edited_first: Which video comes first.
    """
    count = min(num_frames, len(question.source), len(question.edited))
    height, width = question.source.shape[-2:]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    videos = [_moments(clip, count, size) for clip in (question.source, question.edited)]
    return torch.cat(videos[::-1] if edited_first else videos)


def _moments(clip: Tensor, count: int, size: tuple[int, int]) -> Tensor:
    places = torch.linspace(0, len(clip) - 1, count).round().long()
    frames = clip.detach().float().cpu()[places]
    if frames.shape[-2:] == size:
        return frames
    return F.interpolate(frames, size, mode="bilinear", antialias=True).clamp(-1, 1)


def as_jpegs(frames: Pictures, quality: int) -> list[str]:
    """Return each picture as a ``data:`` address with a base64 JPEG.

    Args:
        frames: In [-1, 1].
        quality: Of JPEG, 1 to 100.
    """
    found = []
    for picture in pictures(frames):
        _, code = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
        found.append(f"data:image/jpeg;base64,{base64.b64encode(code.tobytes()).decode()}")
    return found


def check_asking(repeats: int, num_frames: int, side: int) -> None:
    """Look at what all judges are told.

    Raises:
        UseError: If a number is below 1.
    """
    for name, value in (("repeats", repeats), ("num_frames", num_frames), ("side", side)):
        if value < 1:
            raise UseError(f"a judge's {name} has to be at least 1, got {value}")
