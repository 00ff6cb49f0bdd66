"""Does a file hold together? A truncated or torn one must not pass for a shorter one.

FFmpeg gives out what it finds and skips what it does not understand; here a file has to be what its headers promise.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase

from veggie_pl.video.formats import GIF, JPEG, PNG
from veggie_pl.video.readers.base import Content
from veggie_pl.video.readers.whole_boxes import BOXES, PADDING, box_fault, truncated
from veggie_pl.video.readers.whole_pictures import picture_fault

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_IN_SEGMENT = {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x1941A469, 0x1043A770, _CLUSTER, 0xEC, 0xBF}
_IN_CLUSTER = {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854, 0xEC, 0xBF}


def fault(file: BufferedIOBase, size: int) -> str:
    """Tell what is wrong with the structure of an MP4, Matroska, AVI, PNG, JPEG, GIF or WebP; empty if nothing is.

    Other files are not judged.

    Args:
        file: Open at its start.
        size: Its length in bytes.
    """
    head = file.read(12)
    if head[4:8] in BOXES | PADDING:
        return box_fault(file, size)
    if head[:4] == b"RIFF":
        # A RIFF of more than 1 GiB goes on in further chunks, and its writer may not have come back to the first.
        end = int.from_bytes(head[4:8], "little") + 8
        if size < end < 2**30:
            return truncated(end - size)
        return _chunks(file, 12, end) if head[8:12] == b"AVI " and end <= size else ""
    if int.from_bytes(head[:4], "big") == _EBML:
        return _elements(file, size)
    if head.startswith((PNG, JPEG, *GIF)):
        file.seek(0)
        return picture_fault(file.read())
    return ""


@contextmanager
def opened_bytes(content: Content) -> Iterator[tuple[BufferedIOBase, int]]:
    """Return a file open at its start, and its length in bytes."""
    if isinstance(content, bytes):
        yield io.BytesIO(content), len(content)
        return
    with content.open("rb") as file:
        yield file, content.stat().st_size


def _chunks(file: BufferedIOBase, place: int, end: int) -> str:
    """Walk the chunks of an AVI and the frames among them."""
    while place + 8 <= end:
        file.seek(place)
        head = file.read(12)
        length = int.from_bytes(head[4:8], "little")
        if not all(32 <= letter < 127 for letter in head[:4]) or place + 8 + length > end:
            return f"damaged at byte {place}"
        if (
            head[:4] == b"LIST"
            and head[8:12] in (b"movi", b"rec ")
            and (wrong := _chunks(file, place + 12, place + 8 + length))
        ):
            return wrong
        place += 8 + length + length % 2
    return ""


def _elements(file: BufferedIOBase, size: int) -> str:
    """Walk the blocks of all clusters; live recordings, which never learnt their own length, as far as they go."""
    place = 0
    inside = [(size, False)]  # the file, its segment, a cluster: where each ends, and whether only the file's end tells
    while place < size:
        while len(inside) > 1 and place == inside[-1][0]:
            inside.pop()
        file.seek(place)
        head = file.read(16)
        width = 9 - head[0].bit_length() if head[0] else 9
        kind, length = int.from_bytes(head[:width], "big"), _length(head[width : width + 8])
        if len(inside) == 3 and inside[-1][1] and kind in _IN_SEGMENT - _IN_CLUSTER:
            inside.pop()  # a cluster of unknown length ends where what is no part of one begins
        known = (_IN_SEGMENT, _IN_CLUSTER)[len(inside) - 2] if len(inside) > 1 else {_EBML, _SEGMENT}
        if kind not in known:
            return "" if len(inside) == 1 and place else f"damaged at byte {place}"  # after the segment: not ours
        nests = kind in (_SEGMENT, _CLUSTER)
        if length is None or (length[1] is None and not nests):
            return f"damaged at byte {place}"
        content = place + width + length[0]
        end = inside[-1][0] if length[1] is None else content + length[1]
        if end > inside[-1][0]:
            return truncated(end - size) if end > size else f"damaged at byte {place}"
        if nests:
            inside.append((end, length[1] is None))
        place = content if nests else end
    return ""


def _length(data: bytes) -> tuple[int, int | None] | None:
    """EBML's number of variable width: (bytes, value), its value None if it says "unknown"; None if it is none."""
    if not data or not data[0]:
        return None
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & (1 << 7 * width) - 1
    if len(data) < width:
        return None
    return width, None if value == (1 << 7 * width) - 1 else value
