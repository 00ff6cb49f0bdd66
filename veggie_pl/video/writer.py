"""Clips to disk: H.264 through PyAV, images through opencv; whole or not at all."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from veggie_pl.batch import Clip
from veggie_pl.errors import UseError
from veggie_pl.files import partial_of, put_file
from veggie_pl.outputs import check_place
from veggie_pl.video.alpha import AlphaEncoder
from veggie_pl.video.clip import ClipError, to_frames
from veggie_pl.video.formats import IMAGES
from veggie_pl.video.mp4 import Mp4Encoder
from veggie_pl.video.readers.base import one_line
from veggie_pl.video.sound import Sound
from veggie_pl.video.timing import Timing

MAX_SIDES = {".mp4": 16384, ".jpg": 65500, ".jpeg": 65500, ".webp": 16383}  # pixels that an encoder takes
# How many ways to fail PyAV and opencv have.
_FAILURES = (av.FFmpegError, cv2.error, OSError, ValueError, RuntimeError)


def check_output(path: Path) -> None:
    """Look whether a clip can be written, before any work is done for it.

    Raises:
        OutputError: If the folder cannot be written to.
        ClipError: If the name is of no known kind.
    """
    suffix = path.suffix.lower()
    if suffix not in IMAGES | {".mp4"}:
        choices = ", ".join([".mp4", *sorted(IMAGES)])
        raise ClipError(f"{path}: cannot write {suffix or 'a name without suffix'}; the choices are {choices}")
    check_place(path)


def check_fits(path: Path, num_frames: int, height: int, width: int) -> None:
    """Look whether a file of this name can hold a clip, before it is made.

    Args:
        path: Of the file.
        num_frames: Of the clip.
        height: Of its frames, in pixels.
        width: Of its frames, in pixels.

    Raises:
        ClipError: If it cannot.
    """
    if num_frames > 1 and path.suffix.lower() in IMAGES:
        raise ClipError(f"{path}: an image holds one frame; name an .mp4 instead")
    limit = MAX_SIDES.get(path.suffix.lower())
    if limit is not None and max(height, width) > limit:
        raise ClipError(f"{path}: {width} x {height} pixels; {path.suffix} takes at most {limit} a side")


class ClipWriter:
    """Writes frames one after another; the file appears under its name only when it is whole.

    Videos are H.264, see ``Mp4Encoder``; with alpha, see ``AlphaEncoder``.

    Args:
        path: .mp4, or an image for one frame.
        timing: When each frame appears; or frames per second.
        sound: Copied into a video.
        alpha: Frames have alpha as a fourth channel, and the path ends in .mov or .webm.

    Raises:
        OutputError: If the folder cannot be written to.
        ClipError: If the name is of no known kind.
    """

    def __init__(
        self, path: str | Path, timing: float | Timing, sound: Sound | None = None, alpha: bool = False
    ) -> None:
        self.path, self.sound, self.alpha = Path(path), sound, alpha
        self.suffix = self.path.suffix.lower()
        check_place(self.path) if alpha else check_output(self.path)
        timing = timing if isinstance(timing, Timing) else Timing.constant(timing)
        self._partial = partial_of(self.path)
        # An absolute path behind "file:" is no address and no pattern, whatever colons and percents are in it.
        place = f"file:{self._partial.absolute()}"
        ticks, rate = timing.for_mp4()
        self._encoder: Mp4Encoder | AlphaEncoder = (
            AlphaEncoder(place, self.suffix, ticks, rate) if alpha else Mp4Encoder(place, ticks, rate, sound)
        )
        self._count = 0

    def __enter__(self) -> "ClipWriter":
        return self

    def write(self, frames: UInt8[np.ndarray, "f h w c"]) -> None:
        """Append frames, RGB or with alpha, all of one size.

        Raises:
            ClipError: If the encoder refuses them, or the disk is full.
        """
        for frame in frames:
            check_fits(self.path, self._count + 1, *frame.shape[:2])
            try:
                if self.suffix in IMAGES:
                    self._write_image(frame)
                else:
                    self._encoder.append(np.ascontiguousarray(frame))
            except _FAILURES as error:
                if isinstance(error, ClipError):
                    raise
                sides = f"{frame.shape[1]} x {frame.shape[0]} pixels"
                raise ClipError(f"{self.path}: {sides} cannot be written ({_reason(error)})") from error
            self._count += 1

    def _write_image(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        done, data = cv2.imencode(self.suffix, frame[..., ::-1])
        if not done:
            raise UseError("the encoder gives nothing")
        self._partial.write_bytes(data.tobytes())

    def _finish(self) -> None:
        self._encoder.close()
        if not self._count:
            raise ClipError(f"{self.path}: there was no frame to write")
        put_file(self._partial, self.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except _FAILURES as problem:
            if isinstance(problem, ClipError):
                raise
            raise ClipError(f"{self.path}: cannot be written to its end ({_reason(problem)})") from problem
        finally:
            if self._partial.exists():
                self._discard()

    def _discard(self) -> None:
        """Leave nothing half-written behind."""
        with suppress(*_FAILURES):  # what cannot be ended is thrown away all the same
            self._encoder.drop()
        self._partial.unlink(missing_ok=True)


def write_clip(path: str | Path, clip: Clip, fps: float = 8.0) -> None:
    """Write a clip in [-1, 1] whole or not at all; see ``ClipWriter``."""
    with ClipWriter(path, fps) as writer:
        writer.write(to_frames(clip))


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or one_line(error))
