"""Clips to disk: H.264 through PyAV, images through opencv; whole or not at all."""

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from jaxtyping import UInt8

from veggie_pl.batch import Clip
from veggie_pl.data.clips import IMAGES, ClipError, to_frames

SMALL = 128  # pixels; frames with a side below keep colour at full resolution


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
