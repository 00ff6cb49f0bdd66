"""H.264 in MP4 through PyAV: one encoder for files and for bytes in memory."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from jaxtyping import UInt8

from veggie_pl.errors import UseError
from veggie_pl.video.encoder import Encoder
from veggie_pl.video.sound import Sound
from veggie_pl.video.timing import Timing

SMALL = 128  # pixels; frames with a side below keep colour at full resolution


class Mp4Encoder(Encoder):
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
        super().__init__(place, ticks, rate)
        self.sound, self.preset, self.lossless, self.threads = sound, preset, lossless, threads
        self.converts = not lossless

    @property
    def lead(self) -> int:
        """Parts of a second before the first frame, where the sound begins earlier."""
        return round(self.sound.lead * self._rate) if self.sound else 0

    def begin(self, height: int, width: int) -> None:
        """Open the file and its stream."""
        options = {"video_track_timescale": str(self._rate)}
        self._file = av.open(self.place, "w", format="mp4", container_options=options)
        # Half-resolution colour is what every player knows, but it needs even sides and blurs small pictures.
        whole_color = height % 2 or width % 2 or min(height, width) < SMALL
        pixels = "rgb24" if self.lossless else "yuv444p" if whole_color else "yuv420p"
        quality = {"qp": "0"} if self.lossless else {"crf": "10"}  # low, to keep colour fills readable
        given = quality if self.preset is None else quality | {"preset": self.preset}
        context = self.add_stream("libx264rgb" if self.lossless else "libx264", height, width, pixels, given)
        context.max_b_frames = 0  # frames lie in the file in the order and at the times in which they are shown
        if self.threads:
            context.thread_count = self.threads
        if not self.lossless:
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        if self.sound:
            self.sound.join(self._file)

    def beside(self, until: Fraction | None) -> None:
        """Copy the sound that belongs before some time."""
        if self.sound:
            self.sound.until(until, self._file)


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
