"""Pictures through Pillow: stills, animations, and clips that lie as one picture per frame."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError, features
from PIL.PngImagePlugin import PngImageFile

from veggie_pl.video.formats import HEAD, is_avif
from veggie_pl.video.readers.base import (
    MAX_FRAMES,
    ClipError,
    ClipInfo,
    Content,
    Frames,
    Header,
    Seconds,
    check_size,
    one_line,
    over_white,
)
from veggie_pl.video.readers.whole_pictures import has_late_text
from veggie_pl.video.readers.wholeness import fault

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")  # and AVIF, where Pillow can
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")  # further pictures of other formats, such as pages, are no frames
DEFAULT_DURATION = 0.1  # seconds that browsers show a frame whose file says 0
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF: the tag, and the values that swap height and width


@cache
def reads_avif() -> bool:
    """Tell whether this Pillow can: from 11.3 on, if it was built so."""
    return "avif" in features.modules and features.check_module("avif")


class ImageReader:
    """One picture, a clip of one frame; an animated GIF, WebP, PNG or AVIF is a clip of its frames.

    Colours: 16 bits are cut to 8, gray and palettes become RGB, what is transparent is laid on white, EXIF rotation is
    carried out.

    Args:
        content: File or bytes.
        name: For messages.

    Raises:
        ClipError: If the header cannot be read or names a picture that is too large.
    """

    def __init__(self, content: Content, name: str) -> None:
        self.content, self.name = content, name
        with opened(content, name) as image:
            header = _header(image, name)
            durations = [0.0]
            if header.frames > 1:
                durations = [self._duration(image, number) for number in range(header.frames)]
        fps = header.frames / sum(durations) if header.frames > 1 else 0.0
        self._info = ClipInfo(header.frames, fps, header.height, header.width)
        self._seconds = np.cumsum([0.0, *durations[:-1]])

    @property
    def info(self) -> ClipInfo:
        """From the header."""
        return self._info

    @property
    def seconds(self) -> Seconds:
        """When each frame appears."""
        return self._seconds

    def get(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, in their order.

        Raises:
            ClipError: If one cannot be decoded.
        """
        found = {}
        # Read once, and looked at before it is decoded: Pillow takes a picture for whole as soon as it has its pixels.
        data = self.content if isinstance(self.content, bytes) else self._bytes(self.content)
        with opened(data, self.name) as image:
            _check_whole(data, self.name)
            for number in sorted(set(numbers)):
                image.seek(number)
                found[number] = _to_rgb(image, self.name)
        return np.stack([found[number] for number in numbers])

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise ClipError(f"{self.name}: {error.strerror or error}") from error

    @staticmethod
    def _duration(image: Image.Image, number: int) -> float:
        image.seek(number)
        if image.format in ("WEBP", "AVIF"):
            image.load()  # only then does Pillow know
        return float(image.info.get("duration", 0)) / 1000 or DEFAULT_DURATION


class FolderReader:
    """A clip that lies as one picture per frame, all of one size.

    Args:
        contents: File or bytes of each frame, in order.
        names: For messages.
        fps: Frames per second; 0 if nobody knows.

    Raises:
        ClipError: If the first picture's header cannot be read.
    """

    def __init__(self, contents: Sequence[Content], names: Sequence[str], fps: float) -> None:
        self.contents, self.names = contents, names
        first = ImageReader(contents[0], names[0]).info
        self._info = ClipInfo(len(contents), fps, first.height, first.width)

    @property
    def info(self) -> ClipInfo:
        """Of the first picture; the others are compared when they are read."""
        return self._info

    @property
    def seconds(self) -> Seconds:
        """When each frame appears."""
        if not self._info.fps:
            return np.full(len(self.contents), np.nan)
        seconds: Seconds = np.arange(len(self.contents)) / self._info.fps
        return seconds

    def get(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, in their order.

        Raises:
            ClipError: If one cannot be decoded, is animated or of another size.
        """
        found = {number: self._picture(number) for number in sorted(set(numbers))}
        return np.stack([found[number] for number in numbers])

    def _picture(self, number: int) -> UInt8[np.ndarray, "h w 3"]:
        reader, name = ImageReader(self.contents[number], self.names[number]), self.names[number]
        if reader.info.num_frames != 1:
            raise ClipError(f"{name}: is an animation, but should be one frame of a clip")
        if (reader.info.height, reader.info.width) != (self._info.height, self._info.width):
            sizes = f"{reader.info.width}x{reader.info.height}, not {self._info.width}x{self._info.height}"
            raise ClipError(f"{name}: is {sizes} as the clip's first frame {self.names[0]}")
        picture: UInt8[np.ndarray, "h w 3"] = reader.get([0])[0]
        return picture


def image_header(content: Content, name: str) -> Header:
    """Return the shape of a picture or animation, nothing decoded.

    Raises:
        ClipError: If the header cannot be read or names a picture that is too large.
    """
    with opened(content, name) as image:
        return _header(image, name)


def decoded(data: bytes, name: str) -> tuple[Image.Image, str]:
    """Return one picture, upright, in the mode that it is stored in; and Pillow's name of its format.

    Raises:
        ClipError: If it cannot be read, is not whole or is an animation.
    """
    with opened(data, name) as image:
        if (frames := _header(image, name).frames) > 1:
            raise ClipError(f"{name}: an animation of {frames} frames, not an image")
        _check_whole(data, name)
        image.load()
        return ImageOps.exif_transpose(image), image.format or ""


def _check_whole(data: bytes, name: str) -> None:
    if wrong := fault(io.BytesIO(data), len(data)):
        raise ClipError(f"{name}: not an image that can be read ({wrong})")


def _header(image: Image.Image, name: str) -> Header:
    width, height = image.size
    if image.format != "TIFF" and _orientation(image) in _SIDEWAYS:  # of TIFF, Pillow gives the size after rotation
        width, height = height, width
    num_frames = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
    if not 0 < num_frames <= MAX_FRAMES:
        raise ClipError(f"{name}: has {num_frames} frames; the limit is {MAX_FRAMES}")
    return Header(num_frames, height, width)


def _orientation(image: Image.Image) -> int | None:
    """EXIF's value, whatever the format."""
    # Of a PNG, Pillow decodes all pixels to see whether EXIF follows them: a look at the chunks tells.
    file: Any = getattr(image, "fp", None)
    is_known = isinstance(image, PngImageFile) and not has_late_text(file)
    exif = Image.Image.getexif(image) if is_known else image.getexif()
    found = exif.get(_ORIENTATION)
    return found if isinstance(found, int) else None


def head_of(content: Content) -> bytes:
    """Return the first ``HEAD`` bytes, by which kinds of files are told apart."""
    if isinstance(content, bytes):
        return content[:HEAD]
    with content.open("rb") as file:
        return file.read(HEAD)


@contextmanager
def opened(content: Content, name: str) -> Iterator[Image.Image]:
    """Return a picture whose header is read and checked, its pixels not yet decoded.

    Raises:
        ClipError: If it is none that we read, or reading it fails anywhere in the block.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs and broken metadata; what matters is raised
            source = content if isinstance(content, Path) else io.BytesIO(content)
            with Image.open(source, formats=(*FORMATS, *(["AVIF"] if reads_avif() else []))) as image:
                check_size(name, image.height, image.width)
                yield image
    except ClipError:
        raise
    except UnidentifiedImageError as error:
        if not reads_avif() and is_avif(head_of(content)):
            raise ClipError(f"{name}: an AVIF, which needs Pillow 11.3 or newer, built with it") from error
        raise ClipError(f"{name}: not an image that can be read") from error
    except Exception as error:  # Pillow's decoders raise whatever their reading of broken bytes leads to
        raise ClipError(f"{name}: not an image that can be read ({type(error).__name__}: {one_line(error)})") from error


def _to_rgb(image: Image.Image, name: str) -> UInt8[np.ndarray, "h w 3"]:
    image.load()
    check_size(name, image.height, image.width)
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits of gray: the upper eight, as of 16 bits of colour
        gray = (np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return gray[..., None].repeat(3, 2)
    if upright.mode == "F":
        raise ClipError(f"{name}: holds numbers instead of colours")
    if upright.has_transparency_data:
        return over_white(np.asarray(upright.convert("RGBA")))
    return np.asarray(upright.convert("RGB"))
