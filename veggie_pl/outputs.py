"""What a command reads and what it writes must not be the same file: judged before either is done."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veggie_pl.errors import UseError

Role = tuple[str, str | Path]  # what a file is to the command, such as "source", and where it lies


class OutputError(UseError):
    """A file that would be written over another one; the message names both."""


def refuse_overlap(inputs: Iterable[Role], outputs: Iterable[Role]) -> None:
    """Look whether anything would be written over what is read, or two things to one place.

    Two names are one file if they lead to the same place, links followed, if they are hard links, or if the file
    system does not tell them apart.

    Args:
        inputs: All that is read.
        outputs: All that is written, half-written files too.

    Raises:
        OutputError: If so.
    """
    outputs = list(outputs)
    taken: dict[object, Role] = {}
    for role in inputs:
        taken |= dict.fromkeys(_identities(Path(role[1])), role)
    for name, path in outputs:
        identities = _identities(Path(path))
        for identity in identities:
            if identity in taken:
                raise OutputError(f"{path} is the {taken[identity][0]} itself; name another {name}")
    written: dict[object, Role] = {}
    for name, path in outputs:
        identities = _identities(Path(path))
        for identity in identities:
            if identity in written:
                other, place = written[identity]
                also = "" if str(place) == str(path) else f" ({place})"
                raise OutputError(f"{path} would be both the {other}{also} and the {name}; name another")
        written |= dict.fromkeys(identities, (name, path))


def check_place(path: Path) -> None:
    """Look whether a file can be written here, before any work is done for it.

    Raises:
        OutputError: If its folder is not there or cannot be written to, or a folder of its name is there.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: the folder {path.parent} does not exist or cannot be written to")


def check_folder(path: Path) -> None:
    """Look whether files can be written into a folder, which is made if it is not there.

    Raises:
        OutputError: If something else has its name or that of a folder on the way, or the disk cannot be written to.
    """
    there = next(one for one in (path, *path.absolute().parents) if one.exists() or one.is_symlink())
    if not there.is_dir():
        raise OutputError(f"{path}: no folder can be made there, {there} is a file; name another")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: {there} cannot be written to")


def refuse_inside(inputs: Iterable[Role], folder: Path) -> None:
    """Look whether a folder that is replaced holds what is read.

    Raises:
        OutputError: If so.
    """
    for name, path in inputs:
        if Path(path).resolve().is_relative_to(folder.resolve()):
            raise OutputError(f"{path}, the {name}, lies in {folder}, which is replaced; name another output")


def configs_read(config: Any) -> list[Role]:
    """Give the files that a command's config came from.

    Args:
        config: As jsonargparse gives it, with the files given by ``--config`` under ``config``.
    """
    return [("config", str(getattr(path, "absolute", path))) for path in config.get("config") or []]


def _identities(path: Path) -> list[object]:
    """Return all that tells that two paths are one file, whether it is there or not yet."""
    try:
        place = path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        place = path.absolute()
    found: list[object] = [str(place)]
    if place.exists():
        status = place.stat()
        found.append((status.st_dev, status.st_ino))
    elif _ignores_case(place.parent):
        found.append(unicodedata.normalize("NFC", str(place)).casefold())
    return found


def _ignores_case(folder: Path) -> bool:
    """Tell whether a file system takes "a" and "A" for one name, as those of macOS and Windows do."""
    other = folder.with_name(folder.name.swapcase())
    try:
        return other != folder and folder.exists() and other.exists() and os.path.samefile(folder, other)
    except OSError:
        return False
