"""Videos with an alpha channel through PyAV: ProRes 4444 in .mov for editing programs, VP9 in .webm for browsers."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from jaxtyping import UInt8

from veggie_pl.errors import UseError

_KINDS: dict[str, tuple[str, str, dict[str, str]]] = {  # suffix -> encoder, pixel format, options
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "8"}),
    # Alternate reference frames would carry no alpha. A constant quality, low as that of our .mp4.
    ".webm": ("libvpx-vp9", "yuva420p", {"crf": "10", "b": "0", "auto-alt-ref": "0", "cpu-used": "4"}),
}
ALPHA = frozenset(_KINDS)


class AlphaEncoder:
    """Takes frames one after another; ``close`` ends the file. Alpha is straight: colours are not multiplied by it.

    Args:
        place: What ``av.open`` takes: an address, or a file to write to.
        suffix: One of ``ALPHA``.
        ticks: When each frame appears, and one more; in parts of a second. A .webm rounds to milliseconds.
        rate: Parts of a second.
    """

    def __init__(self, place: str, suffix: str, ticks: Sequence[int], rate: int) -> None:
        self.place, self.suffix = place, suffix
        self._ticks, self._rate = ticks, rate
        self._file: Any = None
        self._stream: Any = None
        self._convert = VideoReformatter()
        self._durations: dict[int, int] = {}  # the encoder forgets that of the last frame
        self.count = 0

    def append(self, frame: UInt8[np.ndarray, "h w 4"]) -> None:
        """Add a frame, red, green, blue and alpha, of the size of the first one.

        Raises:
            UseError: If its size is another.
            av.FFmpegError: If the encoder refuses it, or it cannot be written.
        """
        if self._file is None:
            self._begin(*frame.shape[:2])
        if frame.shape[:2] != (self._stream.height, self._stream.width):
            raise UseError(f"the first frame has {self._stream.width} x {self._stream.height}")
        picture = self._convert.reformat(
            av.VideoFrame.from_ndarray(frame, format="rgba"),
            format=self._stream.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        start, stop = self._ticks[self.count : self.count + 2]
        picture.pts, picture.time_base = start, Fraction(1, self._rate)
        self._durations[start] = stop - start
        self._mux(self._stream.encode(picture))
        self.count += 1

    def close(self) -> None:
        """End the file; nothing is written where no frame came."""
        if self._file is not None:
            self._mux(self._stream.encode())
            self.drop()

    def drop(self) -> None:
        """Close what is open, whole or not."""
        if self._file is not None:
            self._file.close()

    def _begin(self, height: int, width: int) -> None:
        name, pixels, options = _KINDS[self.suffix]
        container = {"video_track_timescale": str(self._rate)} if self.suffix == ".mov" else {}
        self._file = av.open(self.place, "w", format=self.suffix[1:], container_options=container)
        last = min(len(self._ticks) - 1, 1000)  # the encoder only shares out bits by it
        average = Fraction(last * self._rate, self._ticks[last]).limit_denominator(1_000_000)
        self._stream = self._file.add_stream(name, rate=average or Fraction(1, 1_000_000))
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, pixels
        self._stream.options = options
        context = self._stream.codec_context
        context.time_base = Fraction(1, self._rate)
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts)
            self._file.mux(packet)
