"""Does a file end before its own headers say that it does? A truncated video must not pass for a shorter one."""

from io import BufferedIOBase

_SEGMENT = b"\x18\x53\x80\x67"  # Matroska's outermost element, which holds the frames
_CONTENTS = {b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"styp", b"mfra"}  # MP4's boxes that are no padding


def missing_bytes(file: BufferedIOBase, size: int) -> int:
    """Bytes that MP4, Matroska or AVI headers promise beyond the end of the file; 0 where they are silent.

    Args:
        file: Open at its start.
        size: Its length in bytes.
    """
    head = file.read(64)
    if head[4:8] in _CONTENTS or head[4:8] in (b"free", b"skip", b"wide"):
        return _missing_boxes(file, size)
    if head[:4] == b"RIFF":
        # A RIFF of more than 1 GiB goes on in further chunks, and its writer may not have come back to the first.
        promised = int.from_bytes(head[4:8], "little") + 8
        return max(0, promised - size) if 8 < promised < 2**30 else 0
    if head[:4] == b"\x1a\x45\xdf\xa3":
        place = head.find(_SEGMENT)
        length = _vint(head[place + 4 : place + 12]) if place >= 0 else None
        if length is not None:
            width, value = length
            return max(0, place + 4 + width + value - size)
    return 0


def _missing_boxes(file: BufferedIOBase, size: int) -> int:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8:
            return 0  # 0: up to the end of the file
        if place + length > size:
            return place + length - size if kind in _CONTENTS else 0
        place += length
    return 0


def _vint(data: bytes) -> tuple[int, int] | None:
    """EBML's number of variable width: (bytes, value); None if it says "unknown", as live recordings do."""
    if len(data) < 8 or not data[0]:
        return None
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & (1 << 7 * width) - 1
    return None if value == (1 << 7 * width) - 1 else (width, value)
