"""Media files that are damaged or made to do harm: each a pure function of its number."""

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import av
import cv2
import numpy as np
from PIL import Image

from support.fake import pattern
from veggie_pl.seeding import numpy_rng

FRAMES, WIDTH, HEIGHT = 6, 64, 48
VIDEOS = {  # suffix -> container, encoder, pixel format
    ".mp4": ("mp4", "libx264", "yuv420p"),
    ".mkv": ("matroska", "libvpx-vp9", "yuv420p"),
    ".webm": ("webm", "libvpx-vp9", "yuv420p"),
    ".avi": ("avi", "mpeg4", "yuv420p"),
}
PICTURES = (".png", ".jpg", ".webp")
SUFFIXES = (*VIDEOS, *PICTURES, ".gif")


@lru_cache
def good(suffix: str) -> bytes:
    """A file as it should be."""
    frames = pattern(FRAMES, WIDTH, HEIGHT)
    if suffix in PICTURES:
        return bytes(cv2.imencode(suffix, frames[0, ..., ::-1])[1])
    data = io.BytesIO()
    if suffix == ".gif":
        pictures = [Image.fromarray(frame) for frame in frames]
        pictures[0].save(data, "GIF", save_all=True, append_images=pictures[1:], duration=100)
        return data.getvalue()
    return video(suffix, frames, range(FRAMES))


def video(suffix: str, frames: np.ndarray, times: range | list[int]) -> bytes:
    """Frames at given times, in ticks of 1/10 s."""
    container, encoder, pixels = VIDEOS[suffix]
    data = io.BytesIO()
    with av.open(data, "w", format=container) as file:
        stream = file.add_stream(encoder, rate=10)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.codec_context.time_base = Fraction(1, 10)
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 10)
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    return data.getvalue()


def png(width: int, height: int, rows: int) -> bytes:
    """A PNG that claims a size and holds some of its rows, all black: few bytes, many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(bytes(1 + (width + 7) // 8)) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def truncated(data: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of a file."""
    return data[: int(rng.integers(1, len(data)))]


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """One to sixty-four bits flipped."""
    found = bytearray(data)
    for place in rng.integers(0, len(data), int(2 ** rng.integers(0, 7))).tolist():
        found[place] ^= 1 << int(rng.integers(8))
    return bytes(found)


def head_flipped(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes of the headers replaced: sizes, counts, types."""
    found = bytearray(data)
    for place in rng.integers(0, min(len(data), 400), int(rng.integers(1, 5))).tolist():
        found[place] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
    return bytes(found)


def spliced(data: bytes, rng: np.random.Generator) -> bytes:
    """A piece missing, or doubled, in the middle."""
    first, last = sorted(rng.integers(0, len(data), 2).tolist())
    return data[:first] + data[last:] if rng.random() < 0.5 else data[:last] + data[first:]


def zeroed(data: bytes, rng: np.random.Generator) -> bytes:
    """A piece of zeros: what a disk that lost blocks gives."""
    first, last = sorted(rng.integers(0, len(data), 2).tolist())
    return data[:first] + bytes(last - first) + data[last:]


def header_only(data: bytes, rng: np.random.Generator) -> bytes:
    """A file without any frame: of MP4 all boxes but the one with the frames, else the first bytes."""
    kept, place = b"", 0
    while place + 8 <= len(data) and data[4:8] == b"ftyp":
        size = int.from_bytes(data[place : place + 4], "big")
        kept += b"" if data[place + 4 : place + 8] == b"mdat" else data[place : place + max(size, 8)]
        place += max(size, 8)
    return kept or data[:32]


def mistimed(suffix: str, rng: np.random.Generator) -> bytes:
    """Frames days apart, or all but at once."""
    far = {".avi": 7, ".mp4": 10**5}.get(suffix, 10**8)  # as far as the writers go along
    steps = rng.choice([1, 1, 7, far, far], FRAMES - 1)
    return video(suffix, pattern(FRAMES, WIDTH, HEIGHT), [0, *np.cumsum(steps).tolist()])


def nan_rate(data: bytes, rng: np.random.Generator) -> bytes:
    """Every number of timescale and duration in MP4's headers, or NaN in Matroska's, and a lie in AVI's."""
    value = rng.choice([b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00"])
    found = bytearray(data)
    for name, place, number in ((b"mvhd", 16, value), (b"mdhd", 16, value), (b"avih", 8, value)):
        if (at := data.find(name)) >= 0:
            found[at + place : at + place + 4] = number
    if (at := data.find(b"\x44\x89\x88")) >= 0:  # Matroska's duration, a double
        found[at + 3 : at + 11] = struct.pack(">d", float(rng.choice([np.nan, np.inf, -1.0, 1e300])))
    return bytes(found)


MUTATIONS: tuple[Callable[[bytes, np.random.Generator], bytes], ...] = (
    *(truncated, flipped, flipped, head_flipped, head_flipped, spliced, zeroed, header_only, nan_rate),
)
BOMBS: dict[str, Callable[[], bytes]] = {
    "claims_60000.png": lambda: png(60_000, 60_000, 1),
    "bomb_30000.png": lambda: png(30_000, 30_000, 30_000),
    "wide_16k.png": lambda: png(16_000, 40, 40),
    "tall_16k.png": lambda: png(40, 16_000, 16_000),
    "thin.png": lambda: png(1, 1, 1),
    "thin.jpg": lambda: bytes(cv2.imencode(".jpg", np.zeros((1, 1, 3), np.uint8))[1]),
    "thin.mkv": lambda: video(".mkv", pattern(2, 16, 16)[:, :2, :2], range(2)),
    "wide_16k.mkv": lambda: video(".mkv", pattern(1, 16_000, 16), range(1)),
    "one_frame.mp4": lambda: video(".mp4", pattern(1, WIDTH, HEIGHT), range(1)),
    "nothing.mp4": lambda: b"",
    "nothing.png": lambda: b"",
    "one_byte.gif": lambda: b"G",
}


def hostile(number: int) -> tuple[str, bytes]:
    """Name and content of file ``number``, from a seed."""
    rng = numpy_rng("hostile media", number)
    if number < len(BOMBS):
        name, make = list(BOMBS.items())[number]
        return f"{number:04d}_{name}", make()
    suffix = SUFFIXES[number % len(SUFFIXES)]
    kind = number // len(SUFFIXES) % (len(MUTATIONS) + 4)
    if kind < len(MUTATIONS):
        mutate = MUTATIONS[kind]
        return f"{number:04d}_{mutate.__name__}{suffix}", mutate(good(suffix), rng)
    if kind == len(MUTATIONS):
        return f"{number:04d}_noise{suffix}", rng.bytes(int(rng.integers(1, 3000)))
    if kind == len(MUTATIONS) + 1:
        return f"{number:04d}_head{suffix}", good(suffix)[:48] + rng.bytes(int(rng.integers(1, 3000)))
    if kind == len(MUTATIONS) + 2 and suffix in VIDEOS:
        return f"{number:04d}_mistimed{suffix}", mistimed(suffix, rng)
    other = SUFFIXES[int(rng.integers(len(SUFFIXES)))]
    return f"{number:04d}_named{suffix}", good(other)
