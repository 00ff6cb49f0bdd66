"""Does an MP4 hold together? Where its samples lie in fragments, a damaged header hides all that follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase

BOXES = {b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"styp", b"mfra"}  # others are padding to us
PADDING = {b"free", b"skip", b"wide"}
_NESTED = {b"moof", b"traf"}
_FRAGMENT = b"moof\0\0\0\x10mfhd"  # how a fragment begins, behind its length


@dataclass(frozen=True)
class Box:
    """One box: its kind, where it lies, in bytes, and where its content begins."""

    kind: bytes
    start: int
    content: int
    end: int

    @property
    def is_named(self) -> bool:
        """Whether its kind is four letters, as of every real box."""
        return all(32 <= letter < 127 or letter == 0xA9 for letter in self.kind)


def boxes(file: BufferedIOBase, start: int, end: int) -> Iterator[Box]:
    """Boxes one after the other; the last one may be impossible: shorter than its header, or beyond the end."""
    place = start
    while place + 8 <= end:
        file.seek(place)
        head = file.read(16)
        length, kind, content = int.from_bytes(head[:4], "big"), head[4:8], place + 8
        if length == 1:
            length, content = int.from_bytes(head[8:], "big"), place + 16
        if length == 0 and kind == b"mdat":
            length = end - place  # up to the end of the file
        yield Box(kind, place, content, place + length)
        if length < content - place or place + length > end:
            return
        place += length


def is_fragmented(file: BufferedIOBase, size: int) -> bool:
    """Tell whether there are, or should be, fragments that list samples of their own."""
    return any(_has_fragments(file, box, size) for box in boxes(file, 0, size))


def box_fault(file: BufferedIOBase, size: int) -> str:
    """Tell what is wrong; empty if nothing is.

    Without fragments all samples are listed in one place, and what lies between them is of no account; with them,
    every box counts.
    """
    fragmented, box = False, None
    for box in boxes(file, 0, size):
        fragmented |= _has_fragments(file, box, size)
        if fragmented and (fault := _fault(file, box, size, False)):
            return fault
        if box.end > size and box.kind in BOXES:
            return truncated(box.end - size)
    if fragmented and box is not None and box.end < size:
        return f"damaged at byte {box.end}"
    return ""


def truncated(missing: int) -> str:
    """Tell how it is said that bytes are missing."""
    return f"truncated, the last {missing} bytes are missing"


def _has_fragments(file: BufferedIOBase, box: Box, size: int) -> bool:
    if box.kind == b"moov" and box.end <= size:
        return any(inner.kind == b"mvex" for inner in boxes(file, box.content, box.end))
    return box.kind in (b"moof", b"styp")


def _fault(file: BufferedIOBase, box: Box, end: int, is_inner: bool) -> str:
    """Of a box of a fragmented file, and of those within it."""
    damaged = f"damaged at byte {box.start}"
    if not box.is_named or box.end < box.content or (is_inner and box.end > end):
        return damaged
    if box.end > end:
        return truncated(box.end - end)
    if box.kind == b"mdat" and box.end == end:  # by its length or, where that is 0, as what is left
        file.seek(box.content)
        return damaged if _FRAGMENT in file.read(end - box.content) else ""
    if box.kind == b"trun":
        file.seek(box.content + 4)
        return "" if any(file.read(4)) else damaged  # a run of no sample
    if box.kind not in _NESTED:
        return ""
    place = box.content
    for inner in boxes(file, box.content, box.end):
        if fault := _fault(file, inner, box.end, True):
            return fault
        place = inner.end
    return "" if place == box.end else f"damaged at byte {place}"
