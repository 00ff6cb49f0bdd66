"""Clips whose every frame carries its own number, so that a reader can be asked which frame it really returned."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

GRID = 4  # blocks a side: eight bits of the number, then their complement
UNREADABLE = -1


def numbered_frame(number: int, height: int = 64, width: int = 64) -> np.ndarray:
    """A grid of black and white blocks, (h, w, 3)."""
    bits = [number >> place & 1 for place in range(8)]
    blocks = np.array([*bits, *(1 - bit for bit in bits)], np.uint8).reshape(GRID, GRID) * 200 + 27
    rows, columns = np.arange(height) * GRID // height, np.arange(width) * GRID // width
    return blocks[rows][:, columns, None].repeat(3, 2)


def read_number(frame: np.ndarray) -> int:
    """The number that a decoded frame carries; ``UNREADABLE`` if its blocks contradict each other."""
    height, width = (side // GRID for side in frame.shape[:2])
    blocks = frame[: height * GRID, : width * GRID].reshape(GRID, height, GRID, width, 3)
    inner = blocks[:, height // 4 : -(height // 4), :, width // 4 : -(width // 4)]
    level = inner.mean((1, 3, 4)).reshape(2, 8)
    if not (np.abs(level - 127) > 60).all() or not ((level[0] > 127) != (level[1] > 127)).all():
        return UNREADABLE
    return int(((level[0] > 127) << np.arange(8)).sum())


def read_numbers(frames: np.ndarray) -> list[int]:
    return [read_number(frame) for frame in frames]


@dataclass(frozen=True)
class Encoding:
    """How a numbered clip is written.

    Args:
        codec: FFmpeg's name of the encoder.
        suffix: Container.
        num_frames: At most 256.
        times: Presentation time of each frame in ticks of 1/600 s; None is 24 frames per second.
    """

    codec: str
    suffix: str = ".mp4"
    num_frames: int = 40
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] = (64, 64)  # height, width
    times: Sequence[int] | None = None
    audio: bool = False
    frame: Callable[[int, int, int], np.ndarray] = numbered_frame
    gop_size: int = 8


TICKS = Fraction(1, 600)


def encode(path: Path, encoding: Encoding) -> Path:
    """Write it; the name gets the container's suffix."""
    path = path.with_suffix(encoding.suffix)
    times = encoding.times or [25 * number for number in range(encoding.num_frames)]
    with av.open(str(path), "w", container_options=encoding.container) as file:
        stream = file.add_stream(encoding.codec, rate=24)
        stream.height, stream.width = encoding.size
        stream.pix_fmt, stream.options = encoding.pix_fmt, encoding.options
        stream.gop_size = encoding.gop_size
        if encoding.codec in ("mpeg4", "msmpeg4v3", "mpeg2video", "h263", "mjpeg"):
            stream.codec_context.time_base = Fraction(1, 24)
        else:
            stream.codec_context.time_base = TICKS
        base = stream.codec_context.time_base
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(encoding.frame(number, *encoding.size), format="rgb24")
            frame.pts, frame.time_base = round(time * TICKS / base), base
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def cut_by_edit_list(path: Path, first: int) -> Path:
    """Rewrite an mp4's edit list so that the presentation starts ``first`` ticks of its track later."""
    data = bytearray(path.read_bytes())
    place = data.find(b"elst") + 4
    assert place > 4
    version, entries = data[place], struct.unpack_from(">I", data, place + 4)[0]
    assert (version, entries) == (0, 1)
    duration, start = struct.unpack_from(">Ii", data, place + 8)
    struct.pack_into(">Ii", data, place + 8, duration, start + first)
    path.write_bytes(bytes(data))
    return path
