"""The shape of media, for preparing: that of their reader, at the price of a header."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from veggie_pl.video.clip import contents_of
from veggie_pl.video.media import Media, MediaError, inside
from veggie_pl.video.readers.base import ClipError, Header
from veggie_pl.video.readers.images import decoded, image_header
from veggie_pl.video.readers.shape import clip_header

__all__ = ["Header", "open_media", "read_header", "read_picture"]
Bytes = io.BytesIO | io.BufferedReader


def read_header(media: Sequence[Media], root: Path) -> Header:
    """Return the shape that ``ClipFile`` gives a video, an image, or a list of images, whose first one is looked at.

    What it is, its contents decide and not its name; no more is read than that takes.

    Raises:
        MediaError: If a file is missing, out of the root, or nothing that can be read.
    """
    try:
        contents, names = contents_of(media, root)
        header = clip_header(contents[0], names[0]) if len(contents) == 1 else image_header(contents[0], names[0])
    except ClipError as error:
        raise MediaError(str(error)) from error
    except OSError as error:
        raise MediaError(f"{media[0].name or media[0].path}: {error.strerror or error}") from error
    return header if len(contents) == 1 else replace(header, frames=len(contents))


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
                raise MediaError(
                    f"{media.path}: {media.size} bytes wanted from {media.offset} on, but the file ends before"
                )
            return io.BufferedReader(_Part(file, media.offset, media.size))
    except OSError as error:
        raise MediaError(f"{media.path}: {error.strerror or error}") from error
    return file


def read_picture(media: Media, root: Path) -> tuple[Image.Image, str]:
    """Return one picture, decoded and upright, in the mode that it is stored in; and Pillow's name of its format.

    Raises:
        MediaError: If it cannot be read, is not whole or is an animation.
    """
    name = media.name or media.path
    try:
        with open_media(media, root) as file:
            data = file.read()
        return decoded(data, name)
    except ClipError as error:
        raise MediaError(str(error)) from error
    except OSError as error:
        raise MediaError(f"{name}: {error.strerror or error}") from error


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
