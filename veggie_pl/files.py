"""Files and folders that are there whole or not at all; and where the project's own lie."""

import ctypes
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the checkout
CONF = ROOT / "conf"
TRAINING = [str(CONF / name) for name in ("base.yaml", "backbone/nano.yaml", "data/shapes.yaml")]
TESTING = [str(CONF / name) for name in ("data/shapes.yaml", "eval.yaml")]
TRAINED = ["runs/stage2/*/model", "runs/stage1/*/model", "weights/nano/model"]  # what `test` and `edit` look for


_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h
_HERE = -100  # AT_FDCWD of fcntl.h


def partial_of(place: Path) -> Path:
    """Name what a file or folder is called while it is not whole: hidden, so that patterns such as */model* miss it."""
    return place.with_name(f".{place.name}.partial")


@contextmanager
def whole_file(place: Path, shared: bool = False) -> Iterator[Path]:
    """Write a file beside its place; it goes there when all is written and on the disk.

    Args:
        place: Where to; what is there is replaced. Its folder has to be there.
        shared: Other processes may write this file, too: take a name that none of them takes. For what can be made
            again: the file may be empty after a power cut.

    Yields:
        The name to write under.

    Raises:
        OSError: If it cannot be written; what was there before stays, and nothing half-written.
    """
    partial = place.with_name(f".{place.name}.{uuid.uuid4().hex}.partial") if shared else partial_of(place)
    try:
        yield partial
        if shared:
            partial.replace(place)
        else:
            put_file(partial, place)
    finally:
        partial.unlink(missing_ok=True)


def put_file(partial: Path, place: Path) -> None:
    """Give a file that is written its name, when it is on the disk."""
    _to_disk(partial)
    partial.replace(place)
    _to_disk(place.parent)  # the new name, too


def write_text(place: Path, text: str) -> None:
    """Write a small file that appears whole or not at all.

    Raises:
        OSError: If it cannot be written; then nothing is left behind.
    """
    with whole_file(place) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """Build a folder beside its place; it goes there when all is written and on the disk.

    Whenever the process dies there is the old folder or the new one under this name, but on file systems that cannot
    exchange two names (NFS): there the old one may be left as ``.NAME.old``, which ``restore`` puts back.

    Args:
        place: Where to; what is there is replaced.

    Yields:
        The folder to write into.

    Raises:
        OSError: If it cannot be written; what was there before stays.
    """
    place = place.resolve()
    restore(old := name_of_old(place))
    shutil.rmtree(old, ignore_errors=True)
    building = partial_of(place)
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        yield building
        for path in [*building.rglob("*"), building]:
            _to_disk(path)
        put_folder(building, place)
    finally:  # half of the new one, or the whole of the old one
        shutil.rmtree(building, ignore_errors=True)
    _to_disk(place.parent)


def restore(old: Path) -> None:
    """Put back a folder whose replacement was stopped between two moves.

    Args:
        old: As ``name_of_old`` calls it.
    """
    place = old.with_name(old.name.removeprefix(".").removesuffix(".old"))
    if old.is_dir() and not place.exists():
        old.rename(place)


def name_of_old(place: Path) -> Path:
    """Tell where a folder is while another takes its place."""
    return place.with_name(f".{place.name}.old")


def put_folder(new: Path, place: Path) -> None:
    """Give a folder that is written its name; the one before it is there until then, or ``restore`` puts it back."""
    if not place.exists():
        new.rename(place)
    elif _exchange(new, place):
        shutil.rmtree(new, ignore_errors=True)  # the older one
    else:
        old = name_of_old(place)
        place.rename(old)
        try:
            new.rename(place)
        except BaseException:
            old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names at once; False where system or file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one.absolute()), _HERE, os.fsencode(other.absolute()), _EXCHANGE) == 0:
        return True
    if (number := ctypes.get_errno()) in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
