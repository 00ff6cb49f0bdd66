"""PyAV: finds every frame by its presentation time, in any container, at the price of more decoding at times."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from veggie_pl.video.readers.base import ClipError, ClipInfo, Content, Frames, Seconds, over_white
from veggie_pl.video.readers.listing import BEFORE, Listing, VideoPacket, open_container, reading, video_stream

Picture = UInt8[np.ndarray, "h w 3"]


class PyavReader:
    """Frames through PyAV.

    Where the container carries presentation times, it seeks to the key frame before a frame and decodes until the frame
    with the wanted time comes out; if that one does not, it begins at an earlier key frame, at last from the start. Of
    other containers it decodes all once, to count, and from then on always from the start.

    Args:
        content: File or bytes.
        name: For messages.
        listing: Of this file.

    Raises:
        ClipError: If nothing can be decoded.
    """

    def __init__(self, content: Content, name: str, listing: Listing) -> None:
        self.content, self.name, self.listing = content, name, listing
        self._container: InputContainer | None = None
        self._stream: VideoStream | None = None
        self._coming: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._from, self._passed = BEFORE, BEFORE  # times of the key frame begun with, and of the frame last out
        self._convert = VideoReformatter()  # kept: building one takes longer than converting a small frame
        packets = listing.packets
        self._places = {packet.pts: place for place, packet in enumerate(packets) if packet.is_shown}
        self._keys = [place for place, packet in enumerate(packets) if packet.start]
        with reading(name):
            self._times = self._count() if listing.times is None else listing.times.tolist()
        if not self._times:
            raise ClipError(f"{name}: none of its frames can be decoded")

    @property
    def info(self) -> ClipInfo:
        """Of what is shown: after rotation."""
        info = self.listing.info
        return ClipInfo(len(self._times), info.fps, info.height, info.width)

    @property
    def seconds(self) -> Seconds:
        """When each frame appears; of containers without times, at equal distances."""
        if self.listing.times is None:
            return np.arange(len(self._times)) / self.info.fps
        return self.listing.seconds

    def get(self, numbers: Sequence[int]) -> Frames:
        """Return the frames of these numbers, in their order.

        Raises:
            ClipError: If one cannot be decoded.
        """
        with reading(self.name):
            found = {number: self._find(number) for number in sorted(set(numbers))}
        return np.stack([found[number] for number in numbers])

    def _find(self, number: int) -> Picture:
        time = self._times[number]
        for is_before in self._positions(time):
            frame = self._until(time) if is_before else None
            if frame is not None:
                return self._picture(frame, number)
        raise ClipError(f"{self.name}: frame {number} of {len(self._times)} is missing or broken")

    def _until(self, time: int) -> av.VideoFrame | None:
        """Return the frame of this time; None if decoding ends or passes it."""
        for passed, frame in self._coming:
            self._passed = passed
            if passed >= time:
                return frame if passed == time else None
        return None

    def _positions(self, time: int) -> Iterator[bool]:
        """Go somewhere before a frame, the cheapest place first; False is an attempt that failed."""
        packets = self.listing.packets
        # A frame shown before a key frame but stored after it may need what was before the key frame.
        keys = [] if self.listing.times is None else self._keys[: bisect_right(self._keys, self._places[time])]
        keys = [key for key in keys if packets[key].pts <= time]  # type: ignore[operator]
        nearest = packets[keys[-1]].pts if keys else BEFORE
        if self._from <= time and nearest <= self._passed < time:  # type: ignore[operator]
            yield True
        for key in keys[-1:-3:-1]:
            yield self._seek(key)
        self._restart()
        yield True

    def _seek(self, place: int) -> bool:
        """Continue decoding at a key frame; False if the container does not lead there."""
        if self._container is None:
            self._restart()
        assert self._container is not None
        assert self._stream is not None
        key, stream = self.listing.packets[place], self._stream
        target = key.pts if key.dts is None else key.dts
        assert target is not None
        self._coming = iter(())
        try:
            self._container.seek(target, stream=stream)
        except av.FFmpegError:
            return False
        packets = _whole(self._container.demux(stream))
        for packet in packets:
            landed = self._places.get(packet.pts)
            if packet.pts == key.pts and packet.is_keyframe:
                self._coming = _decoded(chain([packet], packets))
                self._from, self._passed = key.pts or 0, BEFORE
                return True
            if landed is not None and landed > place:
                return False
        return False

    def _restart(self) -> None:
        """Continue with the first frame, in a fresh decoder that remembers nothing."""
        if self._container is not None:
            self._container.close()
        self._container = open_container(self.content)
        self._stream = video_stream(self._container, self.name)
        frames = _decoded(_whole(self._container.demux(self._stream)))
        is_timed = self.listing.times is not None
        self._coming = frames if is_timed else ((number, frame) for number, (_, frame) in enumerate(frames))
        self._from, self._passed = BEFORE, BEFORE

    def _count(self) -> list[int]:
        self._restart()
        return [number for number, _ in self._coming]

    def _picture(self, frame: av.VideoFrame, number: int) -> Picture:
        if frame.is_corrupt:
            raise ClipError(f"{self.name}: frame {number} of {len(self._times)} is broken")
        kind = "rgba" if self.listing.has_alpha else "rgb24"
        # one thread: small frames are converted before helpers would have started
        picture = self._convert.reformat(frame, format=kind, threads=1).to_ndarray()
        picture = self.listing.turn(over_white(picture) if self.listing.has_alpha else picture)
        if picture.shape[:2] != (self.info.height, self.info.width):
            size = f"{picture.shape[1]}x{picture.shape[0]}, not {self.info.width}x{self.info.height}"
            raise ClipError(f"{self.name}: frame {number} of {len(self._times)} is {size} as the first one")
        return picture


def _whole(packets: Iterable[VideoPacket]) -> Iterator[VideoPacket]:
    """Without packets that hold nothing, but for the last, which asks the decoder for what it kept back."""
    return (packet for packet in packets if packet.size or packet.dts is None)


def _decoded(packets: Iterator[VideoPacket]) -> Iterator[tuple[int, av.VideoFrame]]:
    for packet in packets:
        for frame in packet.decode():
            yield BEFORE if frame.pts is None else frame.pts, frame
