"""Does a picture hold together? Decoders stop when they have pixels enough, and never look at what tells of damage."""

import re
import zlib
from collections.abc import Iterator
from io import BufferedIOBase

from veggie_pl.video.formats import GIF, JPEG, PNG

_TEXTS = {b"eXIf", b"tEXt", b"zTXt", b"iTXt"}  # chunks of PNG that may say which way is up
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # of JPEG, other than stuffing, filling and restarts
_END = 0xD9


def picture_fault(data: bytes) -> str:
    """Tell what is wrong with the structure of a PNG, JPEG or GIF; empty if nothing is, or for other files."""
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(JPEG):
        return _jpeg(data)
    return _gif(data) if data.startswith(GIF) else ""


def has_late_text(file: BufferedIOBase) -> bool:
    """Tell whether texts or EXIF follow the pixels of a PNG, unknown to a reader of its head; moves nothing."""
    before, is_late = file.tell(), False
    file.seek(len(PNG))
    for kind, length in _chunks(file):
        is_late |= kind in (b"IDAT", b"fdAT")
        if is_late and kind in _TEXTS:
            file.seek(before)
            return True
        file.seek(length + 4, 1)
    file.seek(before)
    return False


def _chunks(file: BufferedIOBase) -> Iterator[tuple[bytes, int]]:
    """Kind and length of each chunk; whoever asks has to go on to the next one."""
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        yield head[4:], int.from_bytes(head[:4], "big")


def _png(data: bytes) -> str:
    """Look whether every chunk has its checksum, and IEND is the last one."""
    place, view = len(PNG), memoryview(data)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(view[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return f"damaged: the checksum of its part at byte {place} is wrong"
        if data[place + 4 : place + 8] == b"IEND":
            return ""
        place = end + 4
    return "truncated, it has no end"


def _jpeg(data: bytes) -> str:
    """Segments of known length, and scans that go on to the next marker, up to the end of the picture."""
    place = 2
    while (found := _MARKER.search(data, place)) is not None:
        kind, place = data[found.end() - 1], found.end()
        if kind == _END:
            return ""
        if kind != 0x01:  # the only other marker without a length
            place += int.from_bytes(data[place : place + 2], "big")
    return "truncated, it has no end"


def _gif(data: bytes) -> str:
    """Blocks up to the trailer."""
    place = 13 + _table(data, 10)
    while place < len(data):
        kind = data[place]
        if kind == 0x3B:
            return ""
        if kind == 0x21:
            place += 2
        elif kind == 0x2C:
            place += 11 + _table(data, place + 9)
        else:
            return f"damaged at byte {place}"
        while place < len(data) and data[place]:  # runs of up to 255 bytes, then an empty one
            place += 1 + data[place]
        place += 1
    return "truncated, it has no end"


def _table(data: bytes, place: int) -> int:
    """Bytes of the colour table that this byte of flags tells of."""
    flags = data[place] if place < len(data) else 0
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
