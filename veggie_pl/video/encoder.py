"""What encoders of videos through PyAV share: frames go in one after another, each at its own time."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from jaxtyping import UInt8

from veggie_pl.errors import UseError


class Encoder:
    """Takes frames one after another; ``close`` ends the file. Colours are BT.709's, in its limited range.

    A subclass says what is written, in ``begin``, and may have ``lead`` and ``beside`` for what goes beside the frames.

    Args:
        place: What ``av.open`` takes: an address, or a file to write to.
        ticks: When each frame appears, and one more; in parts of a second.
        rate: Parts of a second.
    """

    layout = "rgb24"  # of the frames that come, and whether they are converted
    converts = True

    def __init__(self, place: Any, ticks: Sequence[int], rate: int) -> None:
        self.place, self._ticks, self._rate = place, ticks, rate
        self._file: Any = None
        self._stream: Any = None
        self._convert = VideoReformatter()
        self._durations: dict[int, int] = {}  # ticks of frames inside the encoder, which forgets that of the last one
        self.count = 0

    @property
    def lead(self) -> int:
        """Parts of a second before the first frame; 0 unless something else begins earlier."""
        return 0

    def begin(self, height: int, width: int) -> None:
        """Open the file and its stream."""
        raise NotImplementedError

    def beside(self, until: Fraction | None) -> None:
        """Write what belongs before the frames of some time, in seconds; all that is left at None."""

    def append(self, frame: UInt8[np.ndarray, "h w c"]) -> None:
        """Add a frame, of the size of the first one.

        Raises:
            UseError: If its size is another.
            av.FFmpegError: If the encoder refuses it, or it cannot be written.
        """
        if self._file is None:
            self.begin(*frame.shape[:2])
        if frame.shape[:2] != (self._stream.height, self._stream.width):
            raise UseError(f"the first frame has {self._stream.width} x {self._stream.height}")
        picture = av.VideoFrame.from_ndarray(frame, format=self.layout)
        if self.converts:
            picture = self._convert.reformat(
                picture,
                format=self._stream.pix_fmt,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        start, stop = self._ticks[self.count : self.count + 2]
        picture.pts, picture.time_base = start + self.lead, Fraction(1, self._rate)
        self._durations[start + self.lead] = stop - start
        self._mux(self._stream.encode(picture))
        self.count += 1

    def close(self) -> None:
        """End the file; nothing is written where no frame came."""
        if self._file is not None:
            self._mux(self._stream.encode())
            self.beside(None)
            self.drop()

    def drop(self) -> None:
        """Close what is open, whole or not."""
        if self._file is not None:
            self._file.close()

    def add_stream(self, name: str, height: int, width: int, pixels: str, options: dict[str, str]) -> Any:
        """Add the stream of frames to the open file, and return its context."""
        last = min(len(self._ticks) - 1, 1000)  # the encoder only shares out bits by it
        average = Fraction(last * self._rate, self._ticks[last]).limit_denominator(1_000_000)
        self._stream = self._file.add_stream(name, rate=average or Fraction(1, 1_000_000))
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, pixels
        self._stream.options = options
        context = self._stream.codec_context
        context.time_base = Fraction(1, self._rate)
        if self.converts:
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        return context

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts)
            self.beside(Fraction(packet.pts) * packet.time_base)
            self._file.mux(packet)
