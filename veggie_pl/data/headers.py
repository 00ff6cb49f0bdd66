"""What a clip's header says of its shape, without decoding it."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from PIL import Image

from veggie_pl.data.clips import IMAGES
from veggie_pl.data.media import Media, MediaError, inside

Bytes = io.BytesIO | io.BufferedReader
MAX_SIDE = 2**15  # pixels; larger pictures must be traps
MAX_PIXELS = 2**27
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_ORIENTATION = 274


@dataclass(frozen=True)
class Header:
    """Frames, and height and width in pixels."""

    frames: int
    height: int
    width: int


def read_header(media: Sequence[Media], root: Path) -> Header:
    """The shape of a video, of an image, or of a list of images, whose first one is looked at.

    Raises:
        MediaError: If a file is missing, out of the root, or the header says nothing that is possible.
    """
    first = media[0]
    for one in media[1:]:
        if one.data is None and not inside(root, one.path).is_file():
            raise MediaError(f"{one.path}: no such file")
    is_image = len(media) > 1 or first.suffix in IMAGES
    try:
        with warnings.catch_warnings(), open_media(first, root) as file:
            warnings.simplefilter("ignore")  # of Pillow, about damaged headers
            height, width, frames = _image(file) if is_image else _video(file)
    except MediaError:
        raise
    except Exception as error:  # hostile bytes raise anything
        kind = "image" if is_image else "video"
        raise MediaError(
            f"{first.name or first.path}: not {'an' if is_image else 'a'} {kind} ({error!r:.80})"
        ) from error
    if not (0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE and height * width <= MAX_PIXELS):
        raise MediaError(f"{first.name or first.path}: {width} x {height} pixels are not possible here")
    return Header(len(media) if is_image else frames, height, width)


def open_media(media: Media, root: Path) -> Bytes:
    """Its bytes as a file of their own, read when they are asked for.

    Raises:
        MediaError: If the file is missing, out of the root or too short.
    """
    if media.data is not None:
        return io.BytesIO(media.data)
    place = inside(root, media.path)
    try:
        file = place.open("rb")
        if media.size:
            if place.stat().st_size < media.offset + media.size:
                file.close()
                raise MediaError(f"{media.path}: {media.size} bytes wanted from {media.offset} on, but it ends before")
            return io.BufferedReader(_Part(file, media.offset, media.size))
    except OSError as error:
        raise MediaError(f"{media.path}: {error.strerror or error}") from error
    return file


class _Part(io.RawIOBase):
    """A range of a file as a file."""

    def __init__(self, file: Bytes, offset: int, size: int) -> None:
        self.file, self.offset, self.size, self.place = file, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        self.place = max(0, place + (0, self.place, self.size)[whence])
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.offset + self.place)
        data = self.file.read(max(0, min(len(buffer), self.size - self.place)))
        buffer[: len(data)] = data
        self.place += len(data)
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def _image(file: Bytes) -> tuple[int, int, int]:
    with Image.open(file) as picture:
        height, width = picture.height, picture.width
        if picture.getexif().get(_ORIENTATION) in _SIDEWAYS:
            height, width = width, height
    return height, width, 1


def _video(file: Bytes) -> tuple[int, int, int]:
    with av.open(file, "r") as container:
        if not container.streams.video:
            raise ValueError("no pictures in it")
        stream = container.streams.video[0]
        frames, rate, ticks = stream.frames, stream.average_rate, stream.time_base
        if not frames and rate and stream.duration and ticks:
            frames = round(stream.duration * ticks * rate)
        elif not frames and rate and container.duration:
            frames = round(container.duration / av.time_base * rate)
        if not frames:
            frames = sum(packet.size > 0 for packet in container.demux(stream))
        if not frames:
            raise ValueError("no frames in it")
        return stream.height, stream.width, frames
