"""Decord: quick, and right where frames are simply numbered; elsewhere it returns a neighbour without saying so."""

import io
import os
import weakref
from collections.abc import Sequence
from pathlib import Path

# Before decord, which offers its own old codec libraries to all that is loaded after it.
import av  # noqa: F401
import decord
from decord._ffi.base import DECORDError, DECORDLimitReachedError

from veggie_pl.video.readers.base import ClipError, ClipInfo, Content, Frames, Seconds, one_line
from veggie_pl.video.readers.hush import hush
from veggie_pl.video.readers.listing import Listing
from veggie_pl.video.readers.orientation import Turn

# What the golden-frame tests found right. Decord counts packets, so that it is wrong wherever a packet is not a frame,
# a key frame is no fresh start, or a container's seek lands elsewhere; its FFmpeg (4.1) knows no AV1.
CONTAINERS = ("mov", "matroska")
CODECS = ("h264", "hevc", "vp8", "vp9", "mpeg4", "mjpeg", "prores", "ffv1")
# A share of the frames so small that it stands for none: decord gives the frame before in place of one that it cannot
# decode, and an integer 0 here means "no limit".
NO_SUBSTITUTES = 1e-9

# Frames per second on average: decord sets memory aside by a clip's duration, gigabytes for one of a year.
SLOWEST = 0.01

_FAILURES = (DECORDError, DECORDLimitReachedError, RuntimeError, AssertionError, IndexError, StopIteration)

decord.logging.set_level(decord.logging.FATAL)

_opened: "weakref.WeakSet[decord.VideoReader]" = weakref.WeakSet()


def _disown() -> None:
    """Let a forked process leave its parent's readers alone.

    Their threads are not there, and to free one waits for them for ever: a loader's process would hang at the first
    garbage collection.
    """
    for video in list(_opened):
        video._handle = None


os.register_at_fork(after_in_child=_disown)


def is_trusted(listing: Listing) -> bool:
    """Tell whether decord finds the right frames of this video, by what the packets show."""
    known = listing.container in CONTAINERS and listing.codec in CODECS and listing.num_streams == 1
    known &= listing.info.fps > SLOWEST
    return known and listing.is_plain and not listing.has_alpha and listing.turn == Turn()


class DecordReader:
    """Frames through decord.

    Args:
        content: File or bytes.
        name: For messages.
        listing: Of this file, for which ``is_trusted`` holds.

    Raises:
        ClipError: If decord cannot open it or counts other frames than are listed.
    """

    def __init__(self, content: Content, name: str, listing: Listing) -> None:
        self.name, self.listing = name, listing
        source = str(content.absolute()) if isinstance(content, Path) else io.BytesIO(content)
        try:
            with hush():  # it writes to standard error what it also raises
                self._video = decord.VideoReader(source, num_threads=1, fault_tol=NO_SUBSTITUTES)
            _opened.add(self._video)
            num_frames = len(self._video)
        except _FAILURES as error:
            raise ClipError(f"{name}: decord cannot open it ({one_line(error)})") from error
        if num_frames != self.info.num_frames:
            raise ClipError(f"{name}: decord counts {num_frames} frames, not {self.info.num_frames}")

    @property
    def info(self) -> ClipInfo:
        """As listed."""
        return self.listing.info

    @property
    def seconds(self) -> Seconds:
        """As listed."""
        return self.listing.seconds

    def get(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, in their order.

        Raises:
            ClipError: If one cannot be decoded.
        """
        shape = (len(numbers), self.info.height, self.info.width, 3)
        try:
            frames: Frames = self._video.get_batch(list(numbers)).asnumpy()
        except _FAILURES as error:
            raise ClipError(f"{self.name}: decord cannot decode a frame ({one_line(error)})") from error
        if frames.shape != shape:
            raise ClipError(f"{self.name}: decord gives frames of shape {frames.shape}, not {shape}")
        return frames
