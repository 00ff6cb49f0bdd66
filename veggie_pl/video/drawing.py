"""Clips as pictures, for people: film strips, captions and how they are laid out."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from veggie_pl.files import whole_file
from veggie_pl.video.clip import to_uint8
from veggie_pl.video.letters import write

Picture = NDArray[np.uint8]  # (h, w, 3), RGB
INK, GRAY, ALARM = (40, 40, 40), (130, 130, 130), (200, 30, 30)
_PAPER = 255
_SIZE = 13  # of letters, pixels
_LEAST = 240  # pixels for a line of text, however narrow the picture above it


def film_strip(clip: Float[Tensor, "f 3 h w"], num_frames: int = 4, height: int = 96) -> Picture:
    """Evenly spaced frames side by side, enlarged without blur if they are small."""
    frames = clip[np.linspace(0, len(clip) - 1, min(num_frames, len(clip))).round().astype(int)]
    pictures = to_uint8(frames).permute(0, 2, 3, 1).cpu().numpy()
    method = cv2.INTER_NEAREST if pictures.shape[1] < height else cv2.INTER_AREA
    width = max(1, round(pictures.shape[2] * height / pictures.shape[1]))
    resized = [cv2.resize(picture, (width, height), interpolation=method) for picture in pictures]
    gap = np.full((height, 2, 3), _PAPER, np.uint8)
    return np.concatenate([part for picture in resized for part in (picture, gap)][:-1], 1)


def caption(text: str, width: int, ink: tuple[int, int, int] = INK, size: int = _SIZE) -> Picture:
    """Lines of text on paper, wrapped to the width; ``size`` is the height of the letters in pixels."""
    return write(text, width, size, ink, _PAPER)


def stack(pictures: Sequence[Picture], gap: int = 4) -> Picture:
    """Put one below the other, on paper as wide as the widest."""
    width = max(picture.shape[1] for picture in pictures)
    rows = []
    for picture in pictures:
        row = np.full((picture.shape[0] + gap, width, 3), _PAPER, np.uint8)
        row[: picture.shape[0], : picture.shape[1]] = picture
        rows.append(row)
    return np.concatenate(rows)


def comparison(clips: dict[str, Float[Tensor, "f 3 h w"]], text: str, num_frames: int = 4, height: int = 96) -> Picture:
    """Named clips below each other under a title."""
    strips = [(name, film_strip(clip, num_frames, height)) for name, clip in clips.items()]
    width = max(_LEAST, *(strip.shape[1] for _, strip in strips))
    return stack([caption(text, width), *(part for name, strip in strips for part in (strip, caption(name, width)))])


def beside(pictures: Sequence[Picture], gap: int = 4) -> Picture:
    """From left to right, on paper as high as the highest."""
    height = max(picture.shape[0] for picture in pictures)
    columns = []
    for picture in pictures:
        column = np.full((height, picture.shape[1] + gap, 3), _PAPER, np.uint8)
        column[: picture.shape[0], : picture.shape[1]] = picture
        columns.append(column)
    return np.concatenate(columns, 1)


def tile(cells: Sequence[Picture], columns: int, gap: int = 12, width: int = 0) -> Picture:
    """Cells in rows, each as large as the largest and at least ``width``."""
    height = max(cell.shape[0] for cell in cells) + gap
    width = max(width, *(cell.shape[1] for cell in cells)) + gap
    num_rows = -(-len(cells) // columns)
    sheet = np.full((num_rows * height, min(columns, len(cells)) * width, 3), _PAPER, np.uint8)
    for i, cell in enumerate(cells):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def gif(frames: Sequence[Picture], fps: float = 4) -> bytes:
    """Return an endless animation; TensorBoard shows it among images."""
    images = [Image.fromarray(frame) for frame in frames]
    data = io.BytesIO()
    images[0].save(data, "GIF", save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0)
    return data.getvalue()


def write_png(picture: Picture, path: str | Path) -> None:
    """Write a picture, whole or not at all.

    Raises:
        OSError: If the place cannot be written to.
    """
    done, data = cv2.imencode(".png", picture[..., ::-1])
    assert done
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_bytes(data.tobytes())
