"""Samples in a tar as WebDataset packs them: which files belong together, where they lie, and what is in them.

A sample may have a second JSON member, ``17.reversed.json``: the words of the same edit read backwards. It makes
another sample, ``17.reversed``, whose source is the first one's target and the other way round; the clips are there
once.
"""

import itertools
import json
import tarfile
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, Literal

from veggie_pl.errors import UseError
from veggie_pl.file_names import in_hidden

Span = tuple[int, int]  # of a member in its tar: first byte and length
Members = dict[str, Span]  # of one sample, by extension in lower case, such as "source.jpg"
MAX_TEXT = 2**24  # bytes of a text or JSON member
TEXTS = ("instruction", "skill", "phrase", "fill")  # fields that a JSON member may hold by their own names
REVERSED = "reversed.json"  # the member that makes a sample read backwards
_SWAPPED = {"source": "target", "target": "source"}


def samples_in(file: BinaryIO | Any, mode: Literal["r:", "r|"] = "r:") -> Iterator[tuple[str, Members]]:
    """Give key and members of each sample in order: files that follow one another, named alike up to the first dot.

    One that is read backwards follows that whose clips it has.

    Args:
        file: The tar.
        mode: "r|" reads on and on, where the file cannot be read at any place.

    Raises:
        tarfile.TarError, OSError, ValueError: After the last sample that is known to be whole, if it is no tar, is
            compressed, damaged, or ends without the mark of an end.
    """
    with tarfile.open(fileobj=file, mode=mode, tarinfo=_Header) as tar:
        found: Iterator[tuple[str, str, tarfile.TarInfo]] = (
            (member.name[: len(member.name) - len(kind) - 1] if kind else member.name, kind.lower(), member)
            for member in _files(tar)
            for kind in [member.name.rpartition("/")[2].partition(".")[2]]
        )
        for key, group in itertools.groupby(found, key=lambda one: one[0]):
            members = {kind: (member.offset_data, member.size) for _, kind, member in group}
            backwards = reversed_members(members)
            if backwards is not None:
                del members[REVERSED]
            yield key, members
            if backwards is not None:
                yield f"{key}.{REVERSED.partition('.')[0]}", backwards


def reversed_members(members: Members) -> Members | None:
    """Give the members of a sample read backwards; None where it is not, or lacks one of the two clips.

    >>> reversed_members({"source.mp4": (0, 1), "target.mp4": (1, 1), "json": (2, 1), "reversed.json": (3, 1)})
    {'source.mp4': (1, 1), 'target.mp4': (0, 1), 'json': (3, 1)}
    """
    found = {}
    for kind, span in members.items():
        field, dot, rest = kind.partition(".")
        if field in _SWAPPED:
            found[f"{_SWAPPED[field]}{dot}{rest}"] = span
    if REVERSED not in members or {kind.partition(".")[0] for kind in found} != _SWAPPED.keys():
        return None
    return dict(sorted(found.items())) | {"json": members[REVERSED]}


def find_member(members: Collection[str], field: str, column: str) -> str | None:
    """Find the extension of the member that holds a field.

    Args:
        members: Extensions of one sample, in lower case.
        field: What is looked for, such as "instruction".
        column: What it is called: the extension, with or without its last part; "source" finds "source.jpg". A plain
            "txt" is the instruction where that is called by its own name.
    """
    wanted = column.lower()
    if wanted in members:
        return wanted
    named = next((kind for kind in members if kind.rpartition(".")[0] == wanted), None)
    return "txt" if named is None and field == wanted == "instruction" and "txt" in members else named


def read_text(file: BinaryIO, members: Members, field: str, column: str) -> Any:
    """Read a field that is no media: its text, the value of its JSON member, or its value in a JSON member of all.

    Args:
        file: The tar.
        members: Of the sample.
        field: As ``find_member`` takes it.
        column: The same; or "json.caption", a name inside the JSON member. Names there may have capitals.

    Returns:
        None where there is none.

    Raises:
        UseError: If the text is too long.
        OSError, ValueError, RecursionError: If it cannot be read.
    """
    if (kind := find_member(members, field, column)) is not None:
        return _content(file, kind, members[kind])
    if "json" in members and (column.startswith("json.") or field in TEXTS):
        found = _content(file, "json", members["json"])
        return found.get(column.removeprefix("json.")) if isinstance(found, dict) else None
    return None


def read_part(file: BinaryIO, span: Span) -> bytes:
    """Read the bytes of a member."""
    file.seek(span[0])
    return file.read(span[1])


def _content(file: BinaryIO, kind: str, span: Span) -> Any:
    if span[1] > MAX_TEXT:
        raise UseError(f"{kind}: {span[1]} bytes of text, but at most {MAX_TEXT} are read")
    data = read_part(file, span)
    return json.loads(data) if kind.rpartition(".")[2] == "json" else data.decode("utf-8-sig").strip()


def _files(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files that are not hidden, without keeping them all in memory."""
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]
        if member.isreg() and not in_hidden(member.name):
            yield member


class _Header(tarfile.TarInfo):
    """A header that is damaged or cut off is an error; ``tarfile`` takes one after the first for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        if buf == bytes(tarfile.BLOCKSIZE):  # the mark of an end
            return super().frombuf(buf, encoding, errors)
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}" if buf else "no end mark") from error
