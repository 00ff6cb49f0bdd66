"""What official files hold, checked one field at a time: a wrong one costs an example, not the data set."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veggie_pl.data.layouts.base import LayoutError
from veggie_pl.data.media import Media, MediaError, inside

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
MAX_SHOWN = 80  # characters of a wrong value that a message repeats


class FieldError(ValueError):
    """A field of one example that is missing or wrong; the message names it."""


def read_json(root: Path, name: str) -> Any:
    """A whole JSON file below the data root.

    Raises:
        LayoutError: If it is missing, lies elsewhere or is no JSON.
    """
    try:
        return json.loads(inside(root, name).read_text(encoding="utf-8"))
    except (OSError, MediaError) as error:
        raise LayoutError(f"{root / name}: {getattr(error, 'strerror', None) or error}") from error
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"{root / name}: is no JSON ({shown(error)})") from error


def read_lines(root: Path, name: str) -> Iterator[tuple[int, Any]]:
    """Number and value of each line of a JSONL file, from 1; a line that is no JSON comes as its ``FieldError``.

    Raises:
        LayoutError: If the file is missing or lies elsewhere.
    """
    try:
        with inside(root, name).open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _parsed(line)
    except (OSError, MediaError) as error:
        raise LayoutError(f"{root / name}: {getattr(error, 'strerror', None) or error}") from error


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return FieldError(f"is no JSON ({shown(error)})")


def mapping(value: Any) -> dict[str, Any]:
    """The value, if it is an object with named fields.

    Raises:
        FieldError: If it is not, or a line that could not be parsed.
    """
    if isinstance(value, FieldError):
        raise value
    if not isinstance(value, dict):
        raise FieldError(f"{shown(value)} where an object with fields belongs")
    return value


def text(record: dict[str, Any], name: str) -> str:
    """A field that must be words.

    Raises:
        FieldError: If it is missing, blank or no text.
    """
    value = record.get(name)
    if not isinstance(value, str) or not (words := " ".join(value.split())):
        raise FieldError(f"{name} is {shown(value)}, not words" if name in record else f"has no {name}")
    if not _writable(words):
        raise FieldError(f"{name} is {shown(value)}, which is no Unicode text")
    return words


def number(record: dict[str, Any], name: str) -> float:
    """A field that must be a finite number.

    Raises:
        FieldError: If it is not.
    """
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e18:
        raise FieldError(f"{name} is {shown(value)}, not a number" if name in record else f"has no {name}")
    return float(value)


def media(root: Path, *parts: str) -> Media:
    """A file below the data root, given by path parts of which the last may come from an annotation.

    Raises:
        FieldError: If it is missing or lies elsewhere.
    """
    path = "/".join(part.removeprefix("./") for part in parts if part)
    try:
        if inside(root, path).is_file():
            return Media(os.path.normpath(path).replace(os.sep, "/"))
    except (OSError, ValueError) as error:  # MediaError too: outside; a zero byte; a name too long
        raise FieldError(shown(error)) from error
    raise FieldError(f"no file {shown(path)}")


def frames(root: Path, *parts: str) -> tuple[Media, ...]:
    """The pictures of a folder, in the order of their names.

    Raises:
        FieldError: If it is missing, lies elsewhere or has no picture.
    """
    path = "/".join(parts)
    try:
        names = sorted(entry.name for entry in inside(root, path).iterdir())
    except (OSError, ValueError) as error:
        raise FieldError(f"no folder {shown(path)}") from error
    found = tuple(
        Media(f"{path}/{name}")
        for name in names
        if Path(name).suffix.lower() in PICTURES and not name.startswith(".") and _writable(name)
    )
    if not found:
        raise FieldError(f"no picture in the folder {shown(path)}")
    return found


def found(root: Path, pattern: str) -> list[str]:
    """Files below the data root that fit a pattern, in the order of their names.

    Raises:
        LayoutError: If there is none.
    """
    names = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file())
    if not names:
        raise LayoutError(f"{root}: no file {pattern}")
    return names


def shown(value: Any) -> str:
    """A value in one short line of plain characters."""
    line = str(value) if isinstance(value, Exception) else repr(value)
    line = " ".join(line.encode("utf-8", "backslashreplace").decode().split())
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 3]}..."


def part(name: object) -> str:
    """A name as a part of a key, in characters that a table can store."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def _writable(words: str) -> bool:
    """Whether a table can store the text: half a surrogate pair, which JSON allows, cannot be."""
    return words.isascii() or all(not 0xD800 <= ord(letter) <= 0xDFFF for letter in words)
