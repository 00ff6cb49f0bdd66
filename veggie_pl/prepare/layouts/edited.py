"""What layouts of editing data sets share: lists of examples line by line, and files that must be there."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from veggie_pl.file_names import natural_key
from veggie_pl.prepare.layouts.annotations import ExampleError, below, line, listed, named, parse
from veggie_pl.prepare.layouts.base import LayoutError
from veggie_pl.video.formats import IMAGES
from veggie_pl.video.media import Media, MediaError, inside


def lines(root: Path, path: str) -> Iterator[tuple[int, Any]]:
    """Number, from 1, and value of each line of a JSONL file; one that is no JSON has an ``ExampleError`` as value.

    Raises:
        LayoutError: If the file is missing or lies outside the root.
    """
    try:
        with inside(root, path).open("rb") as file:
            for number, said in enumerate(file, 1):
                if said.strip():
                    yield number, _parsed(said)
    except MediaError as error:
        raise LayoutError(str(error)) from error
    except OSError as error:
        raise LayoutError(f"{root / path}: {error.strerror or error}") from error


def _parsed(said: bytes) -> Any:
    try:
        return parse(said)
    except (ValueError, RecursionError) as error:
        return ExampleError(f"the line is not JSON ({line(error)[:100]})")


def fields(value: Any) -> dict[str, Any]:
    """The value of a line, if it has fields.

    Raises:
        ExampleError: If it has none, or the line could not be parsed.
    """
    if isinstance(value, ExampleError):
        raise value
    if not isinstance(value, dict):
        raise ExampleError(f"fields were expected, not a {type(value).__name__}")
    return value


def there(root: Path, folder: str, name: str) -> Media:
    """A file in a folder below the root, by the name that an annotation gives it.

    Raises:
        ExampleError: If it is missing or lies outside the root.
    """
    below(root, name)  # an absolute name would replace the folder when they are joined
    path = PurePosixPath(folder, named(name)).as_posix()
    try:
        if below(root, path).is_file():
            return Media(path)
    except OSError as error:
        raise ExampleError(f"{ascii(path)[1:-1][:200]}: {error.strerror or error}") from error
    raise ExampleError(f"{ascii(path)[1:-1][:200]}: no such file")


def pictures(root: Path, folder: str) -> tuple[Media, ...]:
    """The pictures of a folder, in natural order of their names: a clip.

    Raises:
        ExampleError: If there is no such folder or no picture in it.
    """
    names = [name for name in listed(root, folder) if Path(name).suffix.lower() in IMAGES]
    if not names:
        raise ExampleError(f"{folder}: no pictures")
    return tuple(Media(f"{folder}/{named(name)}") for name in sorted(names, key=natural_key))


def only(kind: str, split: str, *splits: str) -> None:
    """Stop at a split that a data set does not have.

    Raises:
        LayoutError: If it is not among these.
    """
    if split not in splits:
        raise LayoutError(f"{kind} has no split {split}; it has {' and '.join(splits)}")
