"""A pass over a video's packets that decodes nothing: which frames there are, and who can be trusted to find them."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from veggie_pl.video.readers.base import (
    MAX_FRAME_PIXELS,
    MAX_FRAMES,
    ClipError,
    ClipInfo,
    Content,
    Seconds,
    check_size,
    one_line,
)
from veggie_pl.video.readers.keyframes import Start, start_of
from veggie_pl.video.readers.orientation import Turn
from veggie_pl.video.readers.wholeness import fault, opened_bytes

# Demuxers that may be used: FFmpeg also knows playlists and scripts, which open other files and addresses.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,ogg,asf,ivf,mpegvideo,m4v,h264,hevc,obu,mxf,yuv4mpegpipe"
# Containers whose packets carry the presentation time of their frame. The others give times of decoding at best.
TIMED = ("mov", "matroska", "flv", "mpegts")
if TYPE_CHECKING:
    VideoPacket = av.Packet[VideoStream]  # the stub is generic, the class is not
else:
    VideoPacket = av.Packet
BEFORE = -(2**63)  # earlier than any time
# What PyAV raises over hostile files; an IndexError, for one, when streams appear in the middle.
_FAILURES = (av.FFmpegError, OSError, ValueError, LookupError, RuntimeError, AssertionError, EOFError, MemoryError)
VP8_SHOWN = 0x10  # bit of a VP8 frame's first byte; frames without it are only there to be referred to


@dataclass(frozen=True)
class Packet:
    """One packet, in order of decoding; times in ticks."""

    pts: int | None
    dts: int | None
    start: Start  # whether decoding can begin here
    is_shown: bool  # False: decoded for others' sake, such as what an edit list cuts away


@dataclass(frozen=True)
class Listing:
    """The frames of a video.

    Args:
        info: Of what is shown: sizes after rotation.
        container: FFmpeg's name of the format.
        codec: FFmpeg's name of the codec.
        has_alpha: Whether frames have transparent parts.
        turn: Which way is up.
        packets: All of them, in order of decoding.
        times: Presentation time of each shown frame, ascending, in ticks; None if the container does not carry them
            for each frame, so that only decoding from the start tells.
        base: Seconds per tick.
        last: Ticks for which the last shown frame stays on screen; 0 if the container does not say.
        num_unsure: Packets that the container calls key frames although decoding cannot begin there.
        num_streams: Video streams.
    """

    info: ClipInfo
    container: str
    codec: str
    has_alpha: bool
    turn: Turn
    packets: tuple[Packet, ...]
    times: NDArray[np.int64] | None
    base: Fraction
    last: int
    num_unsure: int
    num_streams: int

    @property
    def seconds(self) -> Seconds:
        """When each frame appears."""
        if self.times is None:
            return np.arange(self.info.num_frames) / self.info.fps
        seconds: Seconds = (self.times - self.times[0]) * float(self.base)
        return seconds

    @property
    def is_plain(self) -> bool:
        """Whether every packet is one shown frame and no frame looks across a key frame."""
        if self.times is None or self.num_unsure or not all(packet.is_shown for packet in self.packets):
            return False
        key = latest = BEFORE
        for packet in self.packets:
            assert packet.pts is not None
            if packet.start is Start.FRESH and packet.pts > latest:
                key = packet.pts
            elif packet.start or packet.pts < key or key == BEFORE:
                return False
            latest = max(latest, packet.pts)
        return True


@contextmanager
def opened(content: Content, name: str) -> Iterator[InputContainer]:
    """Return an open container.

    Raises:
        ClipError: If it is none that we read, or reading it fails anywhere in the block.
    """
    with reading(name):
        container = open_container(content)
        with container:
            yield container


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn every way in which FFmpeg fails into one error."""
    try:
        yield
    except ClipError:
        raise
    except _FAILURES as error:
        raise ClipError(f"{name}: not a video that can be read ({_reason(error)})") from error


def open_container(content: Content) -> InputContainer:
    """Open a video by its contents, whatever its name."""
    # An absolute path behind "file:" is no address and no pattern, whatever colons and percents are in its name.
    source = f"file:{content.absolute()}" if isinstance(content, Path) else io.BytesIO(content)
    options = {"format_whitelist": CONTAINERS, "max_pixels": str(MAX_FRAME_PIXELS)}
    return av.open(source, "r", options=options, metadata_errors="replace")


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the first video stream, ready to be decoded; the cover picture of a sound file is none.

    Raises:
        ClipError: If there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise ClipError(f"{name}: there is no decoder for its codec")
            stream.codec_context.thread_count = 1  # loaders have a process per core
            stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}  # also of frames that grow later
            return stream
    kinds = sorted({stream.type for stream in container.streams} - {"video"})
    raise ClipError(f"{name}: holds no video, only {', '.join(kinds) or 'a picture'}")


def list_frames(content: Content, name: str) -> Listing:
    """Read a video's headers and packets.

    Raises:
        ClipError: If it cannot be read, is truncated, has no frames, or frames too large.
    """
    with opened_whole(content, name) as (container, stream):
        context = stream.codec_context
        num_keys = 0
        codec, header = context.codec.canonical_name, context.extradata
        packets: list[Packet] = []
        durations: dict[int | None, int] = {}  # by presentation time
        first: VideoFrame | None = None
        for packet in whole_packets(container, stream, name):
            packets.append(read_packet(packet, codec, header))
            durations.setdefault(packet.pts, packet.duration or 0)
            num_keys += packet.is_keyframe
            if first is None and num_keys:
                first = first_frame(packet)
        if packets and first is None:
            first = next(iter(context.decode(None)), None)
        kind = container.format.name.split(",")[0]
        if kind == "mov" and len(packets) < len(stream.index_entries):
            there, listed = len(packets), len(stream.index_entries)
            raise ClipError(f"{name}: truncated, {listed} frames are listed and {there} are there")
        if kind != "mpegts" and packets and not packets[0].start:
            raise ClipError(f"{name}: does not begin with a key frame; its start is missing or broken")
        times = _times(packets) if kind in TIMED else None
        num_frames = len(packets) if times is None else len(times)
        if not num_frames:
            raise ClipError(f"{name}: the video has no frames")
        if first is None:
            raise ClipError(f"{name}: none of its frames can be decoded")
        turn, size = shown(first)
        return Listing(
            info=ClipInfo(num_frames, _rate(stream, times), *size),
            container=kind,
            codec=codec,
            has_alpha=any(component.is_alpha for component in first.format.components),
            turn=turn,
            packets=tuple(packets),
            times=times,
            base=Fraction(stream.time_base or 0),
            last=0 if times is None else durations[int(times[-1])],
            num_unsure=num_keys - sum(packet.start > Start.NONE for packet in packets),
            num_streams=len(container.streams.video),
        )


@contextmanager
def opened_whole(content: Content, name: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Return a video whose structure is whole and whose headers name a possible size.

    Raises:
        ClipError: If it is none, or reading it fails anywhere in the block.
    """
    with opened_bytes(content) as (file, size):
        reason = fault(file, size)
    if reason:
        raise ClipError(f"{name}: {reason}")
    with opened(content, name) as container:
        stream = video_stream(container, name)
        check_size(name, stream.codec_context.height, stream.codec_context.width)
        yield container, stream


def shown(frame: VideoFrame) -> tuple[Turn, tuple[int, int]]:
    """Tell which way up frames like this one are, and their (height, width) as they are seen."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    turn = Turn() if matrix is None else Turn.of_matrix(bytes(matrix))
    return turn, (frame.width, frame.height) if turn.swaps else (frame.height, frame.width)


def whole_packets(container: InputContainer, stream: VideoStream, name: str) -> Iterator[VideoPacket]:
    """Packets in order of decoding, without those that hold nothing.

    Raises:
        ClipError: If one is damaged, or they are too many.
    """
    for number, packet in enumerate(container.demux(stream)):
        if packet.is_corrupt:
            raise ClipError(f"{name}: packet {number} is truncated or broken")
        if number > MAX_FRAMES:
            raise ClipError(f"{name}: more than {MAX_FRAMES} frames")
        if packet.size:
            yield packet


def first_frame(packet: VideoPacket) -> VideoFrame | None:
    """Return the frame that tells what the headers may not: its real size, format and which way is up."""
    try:
        return next(iter(packet.decode()), None)
    except av.FFmpegError:
        return None


def read_packet(packet: VideoPacket, codec: str, header: bytes | None) -> Packet:
    """Read what is to be known of a packet."""
    is_hidden = packet.is_discard or (codec == "vp8" and not bytes(packet)[0] & VP8_SHOWN)
    start = start_of(codec, header, bytes(packet)) if packet.is_keyframe else Start.NONE
    return Packet(packet.pts, packet.dts, start, not is_hidden)


def _times(packets: list[Packet]) -> NDArray[np.int64] | None:
    """Presentation times of what is shown, ascending; None if packets share a time or have none."""
    first = next((place for place, packet in enumerate(packets) if packet.start), len(packets))
    if any(packet.pts is None for packet in packets):
        return None
    # What comes before the first key frame cannot be decoded, nor what is shown before it and needs what is not there.
    keys = packets[first].pts if first < len(packets) else 0
    times = [packet.pts for packet in packets[first:] if packet.is_shown and packet.pts >= keys]  # type: ignore[operator]
    unique = np.unique(np.array(times, np.int64))
    return unique if len(unique) == len(times) else None


def _rate(stream: VideoStream, times: NDArray[np.int64] | None) -> float:
    """Frames per second on average."""
    if times is not None and len(times) > 1 and stream.time_base:
        return float((len(times) - 1) / ((times[-1] - times[0]) * stream.time_base))
    rate = float(stream.average_rate or 0)
    return rate if 0 < rate < math.inf else 25.0


def _reason(error: BaseException) -> str:
    """FFmpeg's own words, without the number and the path that PyAV adds."""
    return str(getattr(error, "strerror", None) or one_line(error))
