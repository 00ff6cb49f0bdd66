"""Tiny real media for miniatures of official layouts, and what is known by hand of the rows they give."""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 24, 32
COLORS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "gray": (128, 128, 128)}


@dataclass(frozen=True)
class Known:
    """A row, by hand: pictures and clips are of one colour, frames of a clip get brighter.

    Args:
        key: Of the row.
        skill: Its name.
        source: Colour.
        target: Colour.
        instruction: None if the stream words it.
        phrase: What it is about.
        frames: Of source and target.
        mask: Per frame, (top, left, bottom, right) of the rectangle that is meant; None is an empty frame.
    """

    key: str
    skill: str
    source: str
    target: str
    instruction: str | None = None
    phrase: str = ""
    frames: int = 1
    mask: tuple[tuple[int, int, int, int] | None, ...] = ()


def pixels(color: str, frame: int = 0) -> np.ndarray:
    """(height, width, 3): the colour, brighter by 5 with each frame."""
    base = np.clip(np.array(COLORS[color]) + 5 * frame, 0, 255).astype(np.uint8)
    return np.broadcast_to(base, (HEIGHT, WIDTH, 3)).copy()


def picture(path: Path, color: str, frame: int = 0) -> None:
    """A JPEG or PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(color, path.suffix, frame))


def picture_bytes(color: str, suffix: str = ".jpg", frame: int = 0) -> bytes:
    """What a picture file holds."""
    file = io.BytesIO()
    Image.fromarray(pixels(color, frame)).save(file, {".jpg": "JPEG", ".png": "PNG"}[suffix], quality=95)
    return file.getvalue()


def clip_frames(folder: Path, color: str, frames: int, pattern: str = "{:05d}.jpg") -> None:
    """A clip as a folder of pictures."""
    for frame in range(frames):
        picture(folder / pattern.format(5 * frame), color, frame)


def clip(path: Path, color: str, frames: int = 4) -> None:
    """An mp4 in H.264."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(8), options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in range(frames):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels(color, frame), format="rgb24")))
        file.mux(stream.encode())


def indexed(path: Path, objects: dict[int, tuple[int, int, int, int] | None]) -> None:
    """A palette PNG with a rectangle (top, left, bottom, right) per object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    indices = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for number, box in objects.items():
        if box is not None:
            indices[box[0] : box[2], box[1] : box[3]] = number
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(path)
