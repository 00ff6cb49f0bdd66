"""Names of files as people mean them: which are data at all, and which comes first."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath

# What systems leave beside files, under names that do not begin with a dot.
_LEFT_BY_SYSTEMS = frozenset(
    {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information"}
)
Key = tuple[tuple[tuple[str | tuple[int, str], ...], str, str], ...]


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder of this name is none of the user's data.

    Hidden are names that begin with a dot (``._1.png``, which macOS leaves beside ``1.png`` on foreign disks, or
    ``.DS_Store``), half-written files (``.partial``), locks of office programs (``~$``), and what Windows, macOS and
    network storage leave (``Thumbs.db``, ``__MACOSX``).

    >>> [is_hidden(name) for name in ("._1.png", "__MACOSX", "model.partial", "1.png", "..")]
    [True, True, True, False, False]

    Args:
        name: Of the file alone, without its folder.
    """
    if name in ("", ".", ".."):
        return False
    return name.startswith((".", "~$")) or name.endswith(".partial") or name.strip().lower() in _LEFT_BY_SYSTEMS


def in_hidden(path: str | PurePath) -> bool:
    """Tell whether a relative path is hidden, or a folder on its way is.

    >>> in_hidden("__MACOSX/clips/1.png")
    True
    """
    return any(is_hidden(part) for part in PurePosixPath(path).parts)


def natural_key(path: str | PurePath) -> Key:
    """Give what sorts names as people number them: 2 before 10, with or without zeros in front.

    Numbers are compared as numbers and the rest as text without regard to case, the folders first, then the name, then
    its suffix. Names that differ only in zeros or case keep the order of their characters.

    >>> sorted(["10.png", "2.png", "1.png", "a/3.png", "a.png", "a1.png"], key=natural_key)
    ['1.png', '2.png', '10.png', 'a/3.png', 'a.png', 'a1.png']
    """
    return tuple(_part(part) for part in PurePosixPath(path).parts)


def in_order(folder: str | Path) -> list[Path]:
    """List what is in a folder and not hidden, in natural order.

    Raises:
        OSError: If there is no such folder or it cannot be read.
    """
    return sorted((path for path in Path(folder).iterdir() if not is_hidden(path.name)), key=natural_key)


def matching(folder: Path, pattern: str) -> Iterator[Path]:
    """Give what a pattern finds below a folder, in natural order, without what is hidden.

    Args:
        folder: Where to look.
        pattern: As ``Path.glob`` takes it; hidden names that it spells out are found.
    """
    spelled = set(PurePosixPath(pattern).parts)
    found: Iterable[Path] = folder.glob(pattern)
    for path in sorted(found, key=natural_key):
        if not any(is_hidden(part) for part in path.relative_to(folder).parts if part not in spelled):
            yield path


def _part(name: str) -> tuple[tuple[str | tuple[int, str], ...], str, str]:
    """Split one name of a path: text and numbers take turns, so that like is always compared with like."""
    path = PurePosixPath(name)
    chunks: list[str | tuple[int, str]] = list(re.split(r"([0-9]+)", path.stem.casefold()))
    for place in range(1, len(chunks), 2):
        digits = str(chunks[place]).lstrip("0")
        chunks[place] = (len(digits), digits)  # as a number, however long
    return tuple(chunks), path.suffix.casefold(), name
