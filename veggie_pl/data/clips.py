"""Clips on disk: decord in, H.264 out; images through opencv."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import decord
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.data.preview import to_uint8

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})
SMALL = 128  # pixels; frames with a side below keep colour at full resolution
decord.logging.set_level(decord.logging.FATAL)


class ClipError(ValueError):
    """A file that cannot be read or written as a clip; the message names the path and the reason."""


@dataclass(frozen=True)
class ClipInfo:
    """What a file says of itself."""

    num_frames: int
    fps: float  # frames per second; 0 for images
    height: int
    width: int


class ClipFile:
    """A video or image whose frames are read when they are asked for.

    Args:
        path: A video that decord reads, or an image.

    Raises:
        ClipError: If it is missing, empty, truncated, or no video or image.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ClipError(f"{path}: {'is a folder' if self.path.is_dir() else 'no such file'}")
        if self.path.stat().st_size == 0:
            raise ClipError(f"{path}: the file is empty")
        self._image: NDArray[np.uint8] | None = None
        if self.path.suffix.lower() in IMAGES:
            image = cv2.imdecode(np.fromfile(self.path, np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                raise ClipError(f"{path}: not an image that can be read")
            self._image = image[..., ::-1]
            self.info = ClipInfo(1, 0.0, *self._image.shape[:2])
            return
        try:
            with _silence():
                self._video = decord.VideoReader(str(self.path), num_threads=1)
            num_frames = len(self._video)
            first = self._video[0].asnumpy() if num_frames else None
            fps = float(self._video.get_avg_fps())
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise ClipError(f"{path}: not a video that can be read ({_reason(error)})") from error
        if first is None:
            raise ClipError(f"{path}: the video has no frames")
        self._padded = first.shape[2] != 3
        self.info = ClipInfo(num_frames, fps if np.isfinite(fps) and fps > 0 else 25.0, *first.shape[:2])

    def frames(self, start: int = 0, stop: int | None = None) -> UInt8[np.ndarray, "f h w 3"]:
        """Frames ``start .. stop - 1``, RGB.

        Raises:
            ClipError: If one of them cannot be decoded.
        """
        if self._image is not None:
            return self._image[None][start:stop]
        wanted = list(range(*slice(start, stop).indices(self.info.num_frames)))
        return self._get(wanted)

    def pick(self, num_frames: int) -> UInt8[np.ndarray, "f h w 3"]:
        """``num_frames`` evenly spaced frames from first to last; a shorter clip repeats some."""
        wanted = np.linspace(0, self.info.num_frames - 1, num_frames).round().astype(int)
        return self._image[None].repeat(num_frames, 0) if self._image is not None else self._get(wanted.tolist())

    def _get(self, wanted: list[int]) -> UInt8[np.ndarray, "f h w 3"]:
        try:
            if self._padded:  # decord 0.6 takes the padding at the end of narrow rows for further channels
                rows = [self._video[i].asnumpy().reshape(self.info.height, -1) for i in wanted]
                return np.stack(rows)[..., : 3 * self.info.width].reshape(-1, self.info.height, self.info.width, 3)
            return self._video.get_batch(wanted).asnumpy()  # type: ignore[no-any-return]
        except (decord.DECORDError, RuntimeError, IndexError) as error:
            raise ClipError(f"{self.path}: a frame cannot be decoded ({_reason(error)})") from error


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
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


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


class ClipWriter:
    """Writes frames one after another; the file appears under its name only when it is whole.

    Videos are H.264 through PyAV: what opencv can write, browsers do not play, and it cuts odd sizes to even ones.

    Args:
        path: .mp4, or an image for one frame.
        fps: Frames per second.

    Raises:
        ClipError: If the folder cannot be written to or the name is of no known kind.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        self.suffix = self.path.suffix.lower()
        if self.suffix not in IMAGES | {".mp4"}:
            choices = ", ".join([".mp4", *sorted(IMAGES)])
            raise ClipError(f"{path}: cannot write {self.suffix or 'a name without suffix'}; the choices are {choices}")
        if self.path.is_dir() or not os.access(self.path.parent, os.W_OK):
            raise ClipError(f"{path}: the folder {self.path.parent} does not exist or cannot be written to")
        self._partial = self.path.with_name(f".{self.path.stem}.partial{self.suffix}")
        self._file: Any = None
        self._stream: Any = None
        self._count = 0

    def __enter__(self) -> "ClipWriter":
        return self

    def write(self, frames: UInt8[np.ndarray, "f h w 3"]) -> None:
        """Append frames, RGB, all of one size."""
        for frame in frames:
            if self.suffix not in IMAGES:
                self._append(np.ascontiguousarray(frame))
            elif self._count:
                raise ClipError(f"{self.path}: an image holds one frame; name an .mp4 instead")
            else:
                done, data = cv2.imencode(self.suffix, frame[..., ::-1])
                assert done
                self._partial.write_bytes(data.tobytes())
            self._count += 1

    def _append(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        if self._file is None:
            height, width = frame.shape[:2]
            self._file = av.open(str(self._partial), "w")
            self._stream = self._file.add_stream("libx264", rate=Fraction(self.fps).limit_denominator(1001))
            self._stream.height, self._stream.width = height, width
            # Half-resolution colour is what every player knows, but it needs even sides and blurs small pictures.
            whole_color = height % 2 or width % 2 or min(height, width) < SMALL
            self._stream.pix_fmt = "yuv444p" if whole_color else "yuv420p"
            self._stream.options = {"crf": "10"}  # low, to keep colour fills readable
        self._file.mux(self._stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if kind is None:
                self._file.mux(self._stream.encode())
            self._file.close()
        if kind is not None or not self._count:
            self._partial.unlink(missing_ok=True)
            if kind is None:
                raise ClipError(f"{self.path}: there was no frame to write")
            return
        self._partial.replace(self.path)


def write_clip(path: str | Path, clip: Clip, fps: float = 8.0) -> None:
    """Write a clip in [-1, 1] whole or not at all; see ``ClipWriter``."""
    with ClipWriter(path, fps) as writer:
        writer.write(to_frames(clip))


def clips_in(folder: str | Path) -> Iterator[Path]:
    """Videos and images of a folder, by name."""
    return (path for path in sorted(Path(folder).iterdir()) if path.suffix.lower() in IMAGES | VIDEOS)


@contextmanager
def _silence() -> Iterator[None]:
    """Decord writes to the process's standard error what it also raises."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:120] if lines else type(error).__name__
