"""Samples in a tar as WebDataset packs them: which files belong together, where they lie, and what is in them."""

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


def samples_in(file: BinaryIO | Any, mode: Literal["r:", "r|"] = "r:") -> Iterator[tuple[str, Members]]:
    """Give key and members of each sample in order: files that follow one another, named alike up to the first dot.

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
            yield key, {kind: (member.offset_data, member.size) for _, kind, member in group}


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
