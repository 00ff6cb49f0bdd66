"""What official annotation files have in common: JSON of any shape, texts, and names that must stay below the root.

Nothing here trusts a file: whatever is wrong with one example is an ``ExampleError``, which becomes a ``Skipped``.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.errors import UseError
from veggie_pl.file_names import is_hidden
from veggie_pl.masks.rle import MaskError
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.video.media import MediaError, inside

_VERBS = {"is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would"}
ASKING = {"what", "who", "whom", "whose", "which", "where", "when", "why", "how", *_VERBS}  # a question's first word


class ExampleError(UseError):
    """A fault of one example; the message says what is wrong."""


FAULTS = (ExampleError, MaskError)


def load(root: Path, path: str) -> Any:
    """What a JSON file below the root holds.

    Raises:
        LayoutError: If it is missing, lies outside or is not JSON.
    """
    try:
        return read_json(root, path)
    except ExampleError as error:
        raise LayoutError(f"{root}: {error}") from error


def read_json(root: Path, path: str) -> Any:
    """What a JSON file of one example holds.

    Raises:
        ExampleError: If it is missing, lies outside or is not JSON.
    """
    data = contents(root, path)
    try:
        return parse(data)
    except ExampleError as error:
        raise ExampleError(f"{path}: {error}") from error


def contents(root: Path, path: str) -> bytes:
    """A file's bytes.

    Raises:
        ExampleError: If it is missing, no plain file (a pipe would never end), or lies outside the root.
    """
    place = below(root, path)
    try:
        if not place.is_file():
            raise ExampleError(f"{path}: no such file")
        return place.read_bytes()
    except OSError as error:
        raise ExampleError(f"{path}: {error.strerror or error}") from error


def parse(data: bytes) -> Any:
    """JSON in UTF-8 or, as some of ReasonSeg's files are, in Windows' western code page.

    Raises:
        ExampleError: If it is none.
    """
    try:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ExampleError(f"not JSON ({line(error)})") from error


def key(kind: str, split: str, *parts: object) -> str:
    """An example's key; characters that no table can hold are written out."""
    return "/".join([kind, split, *(str(part)[:200] for part in parts)]).encode("utf-8", "backslashreplace").decode()


def rows_of(examples: Sequence[tuple[str, Any]], make: Callable[[str, Any], Row]) -> Iterator[Row | Skipped]:
    """A row for each (key, example), or why there is none.

    Args:
        examples: What ``make`` takes.
        make: ``make(key, example) -> Row``, which may raise ``ExampleError`` or ``MaskError``.
    """
    for name, example in examples:
        try:
            yield make(name, example)
        except FAULTS as error:
            yield Skipped(name, line(error))


def field(record: Any, name: str, kind: type) -> Any:
    """A field of this type.

    Raises:
        ExampleError: If there is none, or its type is another; a truth value is no number.
    """
    if not isinstance(record, dict):
        raise ExampleError(f"fields were expected, not a {type(record).__name__}")
    if name not in record:
        raise ExampleError(f"no field {name!r}")
    return typed(record[name], kind, name)


def typed(value: Any, kind: type, name: str) -> Any:
    """The value, if it is of this type."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ExampleError(f"{name} is a {type(value).__name__}, not a {kind.__name__}")
    return value


def text(record: Any, name: str) -> str:
    """A text with single spaces, not empty."""
    found = " ".join(named(field(record, name, str)).split())
    if not found:
        raise ExampleError(f"{name} is empty")
    return found


def named(name: Any) -> str:
    """A name or text that files and tables can hold."""
    typed(name, str, "a name")
    if not name or "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise ExampleError(f"{ascii(name)[:40]} is no name")
    return str(name)


def number(value: Any, name: str) -> int:
    """A whole number that is not negative, also if it is written as a text."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        return int(value)
    if typed(value, int, name) < 0:
        raise ExampleError(f"{name} is {value}")
    return int(value)


def expression(said: str) -> str:
    """A referring expression as wordings take it, after "the": without an article or a full stop of its own."""
    bare = said.rstrip(" .")
    first, _, rest = bare.partition(" ")
    return rest if first.lower() in ("the", "a", "an") and rest else bare or said


def question(said: str) -> str:
    """What is asked, as a question; descriptions are turned into one."""
    bare = said.rstrip(" .!?")
    if said.endswith("?") or bare.split(" ")[0].lower() in ASKING:
        return bare + "?"
    return f"What fits this description: {bare}?"


def below(root: Path, path: str) -> Path:
    """The file, links resolved.

    Raises:
        ExampleError: If the path leads out of the root or is no path.
    """
    try:
        return inside(root, named(path))
    except (MediaError, OSError) as error:
        raise ExampleError(line(error)) from error


def listed(root: Path, folder: str) -> set[str]:
    """Names of the files right in a folder; links out of the root and hidden files do not count.

    Raises:
        ExampleError: If there is no such folder below the root.
    """
    place, names = below(root, folder), set[str]()
    try:
        with os.scandir(place) as files:
            for file in files:
                if is_hidden(file.name):
                    continue
                if not file.is_symlink() or _leads_inside(root, f"{folder}/{file.name}"):
                    names.add(file.name)
    except OSError as error:
        raise ExampleError(f"{folder}: {error.strerror or error}") from error
    return names


def _leads_inside(root: Path, path: str) -> bool:
    """Whether a link leads to a file below the root."""
    try:
        return inside(root, path).is_file()
    except MediaError:
        return False


def line(error: BaseException) -> str:
    """What an error says, in one line that any file can hold."""
    return " ".join(str(error).split()).encode("utf-8", "backslashreplace").decode()[:300]
