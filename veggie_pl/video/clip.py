"""Clips from disk, a tar or a record table: any video or image in, frames by number out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import decord
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.file_names import in_order
from veggie_pl.video.formats import IMAGES, VIDEOS, is_picture
from veggie_pl.video.frames import Sampling, uniform
from veggie_pl.video.media import Media, MediaError, inside
from veggie_pl.video.readers.base import MAX_PIXELS, ClipError, ClipInfo, Content, Frames, Reader, Seconds
from veggie_pl.video.readers.decord import DecordReader, is_trusted
from veggie_pl.video.readers.images import FolderReader, ImageReader, head_of
from veggie_pl.video.readers.listing import Listing, list_frames
from veggie_pl.video.readers.pyav import PyavReader
from veggie_pl.video.timing import Timing

__all__ = [
    "ClipError",
    "ClipFile",
    "ClipInfo",
    "clips_in",
    "read_clip",
    "resize",
    "sample_together",
    "to_uint8",
]
__all__ += ["to_clip", "to_frames"]

READ_BY = f"cv2 {cv2.__version__} av {av.__version__} decord {decord.__version__}"  # whose pixels may differ by version
IMAGE_FPS = 8.0  # of a video made from an image


class ClipFile:
    """A video or image whose frames are read when they are asked for.

    What it is, its contents decide and not its name. Frames come as they are meant to be seen: rotated as the file
    says, transparent parts on white, 10 and more bits cut to 8. Pixels are taken as square.

    Args:
        source: A path; or media of a record table: one video, one image, or one image per frame.
        root: The data root that media paths are below.
        fps: Frames per second of one image per frame, if known.
        strict: Let PyAV read all videos: it refuses frames whose data are damaged inside a whole file, where decord
            shows what its decoder makes up for them. ``check`` reads so; training relies on what it found.

    Raises:
        ClipError: If it is missing, empty, truncated, too large, or no video or image; one line with its name.
    """

    def __init__(
        self,
        source: str | Path | Media | Sequence[Media],
        root: str | Path | None = None,
        fps: float = 0.0,
        strict: bool = False,
    ) -> None:
        contents, names = contents_of(source, root)
        self.name = names[0]
        self._listing: Listing | None = None
        self._content = contents[0]
        if len(contents) > 1:
            self._reader: Reader = FolderReader(contents, names, fps)
        elif is_picture(head_of(self._content)):
            self._reader = ImageReader(self._content, self.name)
        else:
            self._listing = list_frames(self._content, self.name)
            self._reader = self._video_reader(self._listing, strict)

    @property
    def info(self) -> ClipInfo:
        """Number, rate and size of the frames."""
        return self._reader.info

    @property
    def seconds(self) -> Seconds:
        """When each frame appears, from 0 on; NaN for images without a known rate."""
        return self._reader.seconds

    @property
    def timing(self) -> Timing:
        """When each frame appears and how long the last one stays, exactly; images have no times of their own."""
        info, listing = self.info, self._listing
        if listing is not None and listing.times is not None:
            return Timing.of_ticks(listing.times.tolist(), listing.base, listing.last)
        if listing is None and info.fps and self.reader == "image":
            return Timing.of_seconds(self.seconds, info.num_frames / info.fps - float(self.seconds[-1]))
        return Timing.constant(info.fps or IMAGE_FPS, info.num_frames)

    @property
    def reader(self) -> str:
        """Who reads it, for tables and tests: decord, pyav, image or folder."""
        return type(self._reader).__name__.removesuffix("Reader").lower()

    def at(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, RGB, in their order; they may repeat and go backwards.

        Raises:
            ClipError: If one does not exist or cannot be decoded, or they are too many for the memory.
        """
        info = self.info
        if wrong := [number for number in numbers if not 0 <= number < info.num_frames]:
            raise ClipError(f"{self.name}: has frames 0 to {info.num_frames - 1}, no frame {wrong[0]}")
        if len(numbers) * info.height * info.width > MAX_PIXELS:
            asked = f"{len(numbers)} frames of {info.width}x{info.height}"
            raise ClipError(f"{self.name}: {asked} at once; the limit is {MAX_PIXELS} pixels in all")
        if not len(numbers):
            return np.empty((0, info.height, info.width, 3), np.uint8)
        try:
            return self._reader.get(numbers)
        except ClipError:
            if self._listing is None or self.reader == "pyav":
                raise
            self._reader = PyavReader(self._content, self.name, self._listing)
            return self._reader.get(numbers)

    def frames(self, start: int = 0, stop: int | None = None) -> Frames:
        """Frames ``start .. stop - 1``."""
        return self.at(range(*slice(start, stop).indices(self.info.num_frames)))

    def pick(self, num_frames: int) -> Frames:
        """``num_frames`` evenly spaced frames from first to last; a shorter clip repeats some."""
        return self.at(uniform(range(self.info.num_frames), num_frames))

    def _video_reader(self, listing: Listing, strict: bool) -> Reader:
        if is_trusted(listing) and not strict:
            try:
                return DecordReader(self._content, self.name, listing)
            except ClipError:  # PyAV has the last word on whether it can be read
                pass
        return PyavReader(self._content, self.name, listing)


def sample_together(
    files: Sequence[ClipFile],
    num_frames: int,
    sampling: Sampling,
    rng: np.random.Generator,
    start: float = 0.0,
    stop: float = 0.0,
) -> tuple[list[int], list[Frames]]:
    """Return the same frame numbers of several clips, chosen by the first one's clock: a source and its target.

    Args:
        files: Clips with the same number of frames.
        num_frames: How many to take of each.
        sampling: Which ones.
        rng: For policies that draw.
        start: First second of the first clip that counts.
        stop: Second at which it ends; 0 is the clip's own end.

    Returns:
        The numbers, and each clip's frames.

    Raises:
        ClipError: If the clips differ in length, are too short, or cannot be decoded.
    """
    first = files[0]
    for file in files[1:]:
        if file.info.num_frames != first.info.num_frames:
            lengths = f"{file.info.num_frames} frames, but {first.name} has {first.info.num_frames}"
            raise ClipError(f"{file.name}: has {lengths}")
    try:
        numbers = sampling.numbers(first.seconds, num_frames, rng, start, stop)
    except ValueError as error:
        raise ClipError(f"{first.name}: {error}") from error
    return numbers, [file.at(numbers) for file in files]


def read_clip(path: str | Path, num_frames: int | None = None, size: int | None = None) -> Clip:
    """Read a clip whole, or some of its frames evenly spaced.

    Args:
        path: Video or image; an image is a clip with one frame.
        num_frames: Frames to pick; None takes all there are.
        size: Side to resize to, in pixels, without regard to the aspect ratio; None keeps the size.
    """
    file = ClipFile(path)
    clip = to_clip(file.frames() if num_frames is None else file.pick(num_frames))
    return clip if size is None else resize(clip, size, size)


def to_clip(frames: UInt8[np.ndarray, "f h w 3"]) -> Clip:
    """0 .. 255 -> [-1, 1]."""
    whole = np.require(frames, requirements=["C", "W"])  # Pillow's and bytes' arrays cannot be written to
    return torch.from_numpy(whole).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_frames(clip: Clip) -> UInt8[np.ndarray, "f h w 3"]:
    """[-1, 1] -> 0 .. 255, rounded."""
    return to_uint8(clip).permute(0, 2, 3, 1).cpu().numpy()


def resize(clip: Float[Tensor, "f c h w"], height: int, width: int) -> Float[Tensor, "f c h2 w2"]:
    """Resize frames: area average when smaller, bilinear when larger."""
    if clip.shape[-2:] == (height, width):
        return clip
    smaller = height * width < clip.shape[-2] * clip.shape[-1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    frames = clip.permute(0, 2, 3, 1).cpu().numpy()
    resized = [cv2.resize(frame, (width, height), interpolation=method) for frame in frames]
    return torch.from_numpy(np.stack(resized)).reshape(len(clip), height, width, -1).permute(0, 3, 1, 2)


def clips_in(folder: str | Path) -> Iterator[Path]:
    """Videos and images of a folder that are not hidden, in natural order: 2 before 10."""
    return (path for path in in_order(folder) if path.suffix.lower() in IMAGES | VIDEOS)


def contents_of(
    source: str | Path | Media | Sequence[Media], root: str | Path | None = None
) -> tuple[list[Content], list[str]]:
    """Tell where the bytes of a clip are, one place for each of its media, and what messages call them.

    Raises:
        ClipError: If one is missing, empty, or out of the root.
    """
    if isinstance(source, (str, Path)):
        names = [str(source)]
        contents: list[Content] = [Path(source)]
    else:
        parts = [source] if isinstance(source, Media) else list(source)
        if not parts:
            raise ClipError("a clip of no media at all")
        names = [part.name or part.path for part in parts]
        contents = [_content(part, root) for part in parts]
    for content, name in zip(contents, names, strict=True):
        _check_there(content, name)
    return contents, names


def _content(media: Media, root: str | Path | None) -> Content:
    """Keep a whole file as its path, so that a video is not read into memory; the rest is bytes."""
    try:
        if media.data is None and root is None:
            raise ClipError(f"{media.path}: a path below the data root, but no root is given")
        if media.data is None and not media.offset and not media.size:
            return inside(Path(root or "."), media.path)
        return media.read(Path(root or "."))
    except MediaError as error:
        raise ClipError(str(error)) from error


def _check_there(content: Content, name: str) -> None:
    if isinstance(content, Path) and not content.is_file():
        raise ClipError(f"{name}: {'is a folder' if content.is_dir() else 'no such file'}")
    if (len(content) if isinstance(content, bytes) else content.stat().st_size) == 0:
        raise ClipError(f"{name}: the file is empty")


def to_uint8(clip: Float[Tensor, "*lead 3 h w"]) -> UInt8[Tensor, "*lead 3 h w"]:
    """[-1, 1] -> 0 .. 255."""
    return ((clip.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
