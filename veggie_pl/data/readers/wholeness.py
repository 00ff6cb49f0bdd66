"""Does a container hold together? A truncated or torn video must not pass for a shorter one.

FFmpeg gives out what it finds and skips what it does not understand; here a file has to be what its headers promise.
"""

from io import BufferedIOBase

_BOXES = {b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"styp", b"mfra"}  # of MP4; others are padding to us
_PADDING = {b"free", b"skip", b"wide"}
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_IN_SEGMENT = {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x1941A469, 0x1043A770, _CLUSTER, 0xEC, 0xBF}
_IN_CLUSTER = {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854, 0xEC, 0xBF}


def fault(file: BufferedIOBase, size: int) -> str:
    """What is wrong with the structure of an MP4, Matroska or AVI file; empty if nothing is, or for other files.

    Args:
        file: Open at its start.
        size: Its length in bytes.
    """
    head = file.read(12)
    if head[4:8] in _BOXES | _PADDING:
        return _boxes(file, size)
    if head[:4] == b"RIFF":
        # A RIFF of more than 1 GiB goes on in further chunks, and its writer may not have come back to the first.
        end = int.from_bytes(head[4:8], "little") + 8
        return _truncated(end - size) if size < end < 2**30 else ""
    if int.from_bytes(head[:4], "big") == _EBML:
        return _elements(file, size)
    return ""


def _boxes(file: BufferedIOBase, size: int) -> str:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            return ""  # 0: up to the end of the file
        if place + length > size:
            return _truncated(place + length - size) if kind in _BOXES else ""
        place += length
    return ""


def _elements(file: BufferedIOBase, size: int) -> str:
    """Walks the blocks of all clusters; recordings that never learnt their own length are not judged."""
    place, ends = 0, [size]
    while place < size:
        while len(ends) > 1 and place == ends[-1]:
            ends.pop()
        if place == size:
            break
        file.seek(place)
        head = file.read(16)
        width = 9 - head[0].bit_length() if head[0] else 9
        kind, length = int.from_bytes(head[:width], "big"), _length(head[width : width + 8])
        known = (_IN_SEGMENT, _IN_CLUSTER)[len(ends) - 2] if len(ends) > 1 else {_EBML, _SEGMENT}
        if length is None:
            return "" if kind in (_SEGMENT, _CLUSTER) else f"damaged at byte {place}"
        content = place + width + length[0]
        end = content + length[1]
        if kind not in known:
            return "" if len(ends) == 1 and place else f"damaged at byte {place}"  # after the segment: nothing of ours
        if end > ends[-1]:
            return _truncated(end - size) if end > size else f"damaged at byte {place}"
        if kind in (_SEGMENT, _CLUSTER):
            ends.append(end)
            place = content
        else:
            place = end
    return ""


def _length(data: bytes) -> tuple[int, int] | None:
    """EBML's number of variable width: (bytes, value); None if it says "unknown" or is none."""
    if not data or not data[0]:
        return None
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & (1 << 7 * width) - 1
    return None if value == (1 << 7 * width) - 1 or len(data) < width else (width, value)


def _truncated(missing: int) -> str:
    return f"truncated, the last {missing} bytes are missing"
