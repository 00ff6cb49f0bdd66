"""H.264 in MP4 through PyAV: one encoder for files and for bytes in memory."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from jaxtyping import UInt8

from veggie_pl.errors import UseError
from veggie_pl.video.sound import Sound
from veggie_pl.video.timing import Timing

SMALL = 128  # pixels; frames with a side below keep colour at full resolution


class Mp4Encoder:
    """Takes frames one after another; ``close`` ends the file.

    What opencv can write, browsers do not play, and it cuts odd sizes to even ones. Colours are converted by the matrix
    of BT.709 in its limited range, and the file says so: players take untagged files for one thing or another.

    Args:
        place: What ``av.open`` takes: an address, or a file to write to.
        ticks: When each frame appears, and one more; in parts of a second.
        rate: Parts of a second.
        sound: Copied into the video.
        preset: Of x264: how long it looks for a smaller file; None is its own choice.
        lossless: Keep every pixel. Most browsers do not play such files.
        threads: Of the encoder; 0 is as many as it likes. Its output depends on them.
    """

    def __init__(
        self,
        place: Any,
        ticks: Sequence[int],
        rate: int,
        sound: Sound | None = None,
        preset: str | None = None,
        lossless: bool = False,
        threads: int = 0,
    ) -> None:
        self.place, self.sound, self.preset = place, sound, preset
        self.lossless, self.threads = lossless, threads
        self._ticks, self._rate = ticks, rate
        self._file: Any = None
        self._stream: Any = None
        self._convert = VideoReformatter()
        self._durations: dict[int, int] = {}  # ticks of frames inside the encoder, which forgets that of the last one
        self.count = 0

    def append(self, frame: UInt8[np.ndarray, "h w 3"]) -> None:
        """Add a frame, of the size of the first one.

        Raises:
            UseError: If its size is another.
            av.FFmpegError: If the encoder refuses it, or it cannot be written.
        """
        if self._file is None:
            self._begin(*frame.shape[:2])
        if frame.shape[:2] != (self._stream.height, self._stream.width):
            raise UseError(f"the first frame has {self._stream.width} x {self._stream.height}")
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if not self.lossless:
            picture = self._convert.reformat(
                picture,
                format=self._stream.pix_fmt,
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        start, stop = self._ticks[self.count : self.count + 2]
        start += round(self.sound.lead * self._rate) if self.sound else 0
        picture.pts, picture.time_base = start, Fraction(1, self._rate)
        self._durations[start] = stop - self._ticks[self.count]
        self._mux(self._stream.encode(picture))
        self.count += 1

    def close(self) -> None:
        """End the file; nothing is written where no frame came."""
        if self._file is not None:
            self._mux(self._stream.encode())
            if self.sound:
                self.sound.until(None, self._file)
            self.drop()

    def drop(self) -> None:
        """Close what is open, whole or not."""
        if self._file is not None:
            self._file.close()

    def _begin(self, height: int, width: int) -> None:
        options = {"video_track_timescale": str(self._rate)}
        self._file = av.open(self.place, "w", format="mp4", container_options=options)
        last = min(len(self._ticks) - 1, 1000)  # the encoder only shares out bits by it
        average = Fraction(last * self._rate, self._ticks[last]).limit_denominator(1_000_000)
        name = "libx264rgb" if self.lossless else "libx264"
        self._stream = self._file.add_stream(name, rate=average or Fraction(1, 1_000_000))
        self._stream.height, self._stream.width = height, width
        # Half-resolution colour is what every player knows, but it needs even sides and blurs small pictures.
        whole_color = height % 2 or width % 2 or min(height, width) < SMALL
        self._stream.pix_fmt = "rgb24" if self.lossless else "yuv444p" if whole_color else "yuv420p"
        quality = {"qp": "0"} if self.lossless else {"crf": "10"}  # low, to keep colour fills readable
        self._stream.options = quality if self.preset is None else quality | {"preset": self.preset}
        context = self._stream.codec_context
        context.time_base = Fraction(1, self._rate)
        context.max_b_frames = 0  # frames lie in the file in the order and at the times in which they are shown
        if self.threads:
            context.thread_count = self.threads
        if not self.lossless:
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        if self.sound:
            self.sound.join(self._file)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts)
            if self.sound:
                self.sound.until(Fraction(packet.pts) * packet.time_base, self._file)
            self._file.mux(packet)


def encode_mp4(
    frames: UInt8[np.ndarray, "f h w 3"], fps: float, lossless: bool = False, preset: str = "veryfast"
) -> bytes:
    """Encode a clip in memory, with one thread: the same bytes wherever it is done.

    Args:
        frames: RGB, at least one.
        fps: Frames per second.
        lossless: Keep every pixel.
        preset: Of x264; slower ones give smaller files.

    Raises:
        UseError: If the rate is not positive, or there is no frame.
    """
    if not len(frames):
        raise UseError("a video of no frame cannot be written")
    ticks, rate = Timing.constant(fps).for_mp4()
    file = io.BytesIO()
    encoder = Mp4Encoder(file, ticks, rate, preset=preset, lossless=lossless, threads=1)
    try:
        for frame in frames:
            encoder.append(np.ascontiguousarray(frame))
        encoder.close()
    except BaseException:
        encoder.drop()
        raise
    return file.getvalue()


def decode_mp4(data: bytes) -> UInt8[np.ndarray, "f h w 3"]:
    """Decode a clip that ``encode_mp4`` made; what was encoded without loss comes back as it was.

    Raises:
        av.FFmpegError: If it is damaged.
    """
    with av.open(io.BytesIO(data), "r") as file:
        file.streams.video[0].thread_type = "NONE"  # starting threads takes longer than a short clip
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])
