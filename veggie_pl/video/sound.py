"""The sound of an edited clip: its source's, packet by packet as it is, not encoded again."""

import io
import logging
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from veggie_pl.video.readers.listing import open_container

log = logging.getLogger(__name__)
LEAD = Fraction(1, 10)  # seconds; sound that begins less before the pictures is what an encoder put in front
_FAILURES = (av.FFmpegError, OSError, ValueError, LookupError, RuntimeError, AssertionError, EOFError)


class Sound:
    """Copies all sound of one file into an MP4, in step with its pictures.

    What an MP4 cannot hold is left out, and so is what comes after a fault in the sound; both are told in one line.

    Args:
        source: Video or anything else; what has no sound adds none.
        origin: Second of the source's clock at which its first frame appears; None if nobody knows.
    """

    def __init__(self, source: Path, origin: Fraction | None) -> None:
        self.source, self.origin = source, origin
        self.lead = Fraction(0)  # seconds by which sound comes before the pictures, so that these begin later
        self._file: InputContainer | None = None
        self._streams: dict[int, Any] = {}  # of the output, by their place in the source
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None

    def __enter__(self) -> "Sound":
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def join(self, output: OutputContainer) -> None:
        """Add the streams to a file that has not been begun."""
        try:
            self._file = open_container(self.source)
            found = [*self._file.streams.audio]
            kept = [stream for stream in found if self._fits(stream.index)]
        except _FAILURES:  # pictures, for one, are no container
            return
        if lost := [stream for stream in found if stream not in kept]:
            names = ", ".join(sorted({stream.name or "unknown" for stream in lost}))
            log.warning("%s: its sound (%s) is left out: an .mp4 cannot hold it", self.source, names)
        if not kept:
            return
        for stream in kept:
            self._streams[stream.index] = output.add_stream_from_template(stream)
        if self.origin is None:
            self.origin = Fraction(0)
            for video in self._file.streams.video[:1]:
                self.origin = (video.start_time or 0) * Fraction(video.time_base or 0)
        self._packets = self._file.demux(kept)
        self._advance()
        if self._next is not None:
            before = self.origin - self._time(self._next)
            self.lead = before if before >= LEAD else Fraction(0)

    def until(self, seconds: Fraction | None, output: OutputContainer) -> None:
        """Write what is heard up to some second of the output; None is all that is left."""
        assert self.origin is not None or self._next is None
        while self._next is not None:
            packet = self._next
            time = self._time(packet) - self.origin + self.lead  # type: ignore[operator]
            if seconds is not None and time > seconds:
                return
            stream = self._streams[packet.stream.index]
            shift = round((self.lead - self.origin) / packet.time_base)  # type: ignore[operator]
            packet.dts = None if packet.dts is None else packet.dts + shift
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.stream = stream
            output.mux(packet)
            self._advance()

    def _time(self, packet: Any) -> Fraction:
        return Fraction(packet.dts if packet.dts is not None else packet.pts) * Fraction(packet.time_base)

    def _advance(self) -> None:
        self._next = None
        try:
            for packet in self._packets:
                if packet.size and (packet.dts is not None or packet.pts is not None):
                    self._next = packet
                    return
        except _FAILURES as error:
            log.warning("%s: its sound breaks off before its end (%s)", self.source, error)

    def _fits(self, index: int) -> bool:
        """Tell whether an MP4 with this sound can be begun and ended."""
        try:
            with closing(open_container(self.source)) as source, av.open(io.BytesIO(), "w", format="mp4") as trial:
                stream = source.streams[index]
                copy = trial.add_stream_from_template(stream)
                for packet in source.demux(stream):
                    if packet.size:
                        packet.stream = copy
                        trial.mux(packet)
                        break
        except _FAILURES:
            return False
        return True
