"""Is a key frame really a fresh start? Containers also mark frames from which a decoder only slowly recovers."""

from collections.abc import Iterator
from enum import IntEnum

_LENGTH_AT = {"h264": 4, "hevc": 21}  # byte of the codec's header that tells how many bytes a unit's length takes


class Start(IntEnum):
    """What decoding is like that begins at a packet."""

    NONE = 0  # not to be begun with
    OPEN = 1  # right for what is shown from here on; frames stored later but shown before may look further back
    FRESH = 2  # right for all that follows


def start_of(codec: str, header: bytes | None, packet: bytes) -> Start:
    """Tell what a packet is that its container calls a key frame.

    In H.264 and HEVC only IDR pictures reset the decoder. Open groups of pictures begin with a picture that is whole in
    itself but resets nothing; an intra refresh with one that is not even whole. Key frames of other codecs reset.

    Args:
        codec: FFmpeg's name.
        header: The codec's header; where it begins with 1, units in packets have their length in front instead of a
            start code.
        packet: Of the key frame.
    """
    if codec not in _LENGTH_AT:
        return Start.FRESH
    units = list(_units(codec, header or b"", packet))
    starts = [_h264(unit) if codec == "h264" else _hevc(unit) for unit in units]
    return min((start for start in starts if start is not None), default=Start.NONE)


def _h264(unit: bytes) -> Start | None:
    """By the types of unit and slice (ITU-T H.264, 7.3.1 and 7.3.3); None if it is part of no picture."""
    kind = unit[0] & 31
    if kind == 5:
        return Start.FRESH
    if kind not in (1, 2, 3, 4):
        return None
    bits = int.from_bytes(unit[1:9].ljust(8, b"\0"), "big")
    left, value = 64, 0
    for _ in ("first_mb_in_slice", "slice_type"):  # two Exp-Golomb numbers
        zeros = left - bits.bit_length()
        left -= 2 * zeros + 1
        if left < 0:
            return Start.NONE
        value, bits = (bits >> left) - 1, bits & (1 << left) - 1
    return Start.OPEN if value in (2, 7) else Start.NONE  # I slices


def _hevc(unit: bytes) -> Start | None:
    """By the type of unit (ITU-T H.265, table 7-1); None if it is part of no picture."""
    kind = unit[0] >> 1 & 63
    if kind > 31:
        return None
    return Start.FRESH if kind in (19, 20) else Start.OPEN if 16 <= kind <= 21 else Start.NONE


def _units(codec: str, header: bytes, packet: bytes) -> Iterator[bytes]:
    if not header or header[0] != 1 or len(header) <= _LENGTH_AT[codec]:
        yield from (unit for unit in packet.split(b"\0\0\1")[1:] if unit)
        return
    width, place = (header[_LENGTH_AT[codec]] & 3) + 1, 0
    while place + width < len(packet):
        length = int.from_bytes(packet[place : place + width], "big")
        yield packet[place + width : place + width + max(length, 1)]
        place += width + length
