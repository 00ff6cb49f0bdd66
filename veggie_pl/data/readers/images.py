"""Pictures through Pillow: stills, animations, and clips that lie as one picture per frame."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from veggie_pl.data.readers.base import (
    MAX_FRAMES,
    ClipError,
    ClipInfo,
    Content,
    Frames,
    Seconds,
    check_size,
    one_line,
    over_white,
)

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
ANIMATED = ("GIF", "WEBP", "PNG")  # further pictures of other formats, such as pages, are no frames
DEFAULT_DURATION = 0.1  # seconds that browsers show a frame whose file says 0
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF: the tag, and the values that swap height and width
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these 12 bytes is one of our picture formats."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


class ImageReader:
    """One picture, a clip of one frame; an animated GIF, WebP or PNG is a clip of its frames.

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
        with _opened(content, name) as image:
            width, height = image.size
            if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
                width, height = height, width
            num_frames = getattr(image, "n_frames", 1) if image.format in ANIMATED else 1
            if not 0 < num_frames <= MAX_FRAMES:
                raise ClipError(f"{name}: has {num_frames} frames; the limit is {MAX_FRAMES}")
            durations = [self._duration(image, number) for number in range(num_frames)] if num_frames > 1 else [0.0]
        fps = num_frames / sum(durations) if num_frames > 1 else 0.0
        self._info = ClipInfo(num_frames, fps, height, width)
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
        """The frames of these numbers, in their order.

        Raises:
            ClipError: If one cannot be decoded.
        """
        found = {}
        with _opened(self.content, self.name) as image:
            for number in sorted(set(numbers)):
                image.seek(number)
                found[number] = _to_rgb(image, self.name)
        return np.stack([found[number] for number in numbers])

    @staticmethod
    def _duration(image: Image.Image, number: int) -> float:
        image.seek(number)
        if image.format == "WEBP":
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
        """The frames of these numbers, in their order.

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


@contextmanager
def _opened(content: Content, name: str) -> Iterator[Image.Image]:
    """A picture whose header is read and checked, its pixels not yet decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs and broken metadata; what matters is raised
            source = content if isinstance(content, Path) else io.BytesIO(content)
            with Image.open(source, formats=FORMATS) as image:
                check_size(name, image.height, image.width)
                yield image
    except ClipError:
        raise
    except UnidentifiedImageError as error:
        raise ClipError(f"{name}: not an image that can be read") from error
    except Exception as error:  # Pillow's decoders raise whatever their reading of broken bytes leads to
        raise ClipError(f"{name}: not an image that can be read ({one_line(error)})") from error


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
