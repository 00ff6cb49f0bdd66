"""Outputs of steps on disk, each named by all that it depends on: a run that was stopped or changed goes on there."""

import errno
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from veggie_pl.errors import UseError, one_line
from veggie_pl.file_names import in_order
from veggie_pl.files import whole_file, write_text

log = logging.getLogger(__name__)
VERSION = 1  # of the files here and of what names are made of
HEAD = "synthesis.json"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StoreError(UseError):
    """A store that cannot be used; no item is to blame."""


class Store:
    """Facts and files by step and name. They appear whole or not at all; several processes may write one store.

    ``FOLDER/STEP/AB/NAME.json`` holds facts, and size and hash of the files beside it, which are written before it.
    Whatever is not as that says counts as not there.

    Args:
        folder: Made if it is not there.

    Raises:
        StoreError: If it is the store of another version, holds something else, or cannot be written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        head = self.folder / HEAD
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not head.exists():
                if in_order(self.folder):
                    raise StoreError(f"{folder} is no store of synthesis, but holds something; name another --store")
                write_text(head, json.dumps({"version": VERSION}) + "\n")
            found = json.loads(head.read_text(encoding="utf-8")).get("version")
        except OSError as error:
            raise self._failed(error) from error
        except (ValueError, AttributeError) as error:
            raise StoreError(f"{head} cannot be read ({one_line(error)}); name another --store") from error
        if found != VERSION:
            raise StoreError(
                f"{folder} is a store of version {found}, this program writes {VERSION}: name another --store, or "
                "remove it; all in it can be made again"
            )

    def get(self, step: str, name: str) -> dict[str, Any] | None:
        """Return the facts that are kept under a name; None where there are none, or their files are not whole."""
        path = self._path(step, name)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            for file, (size, _) in found["files"].items():
                if self._file(step, name, file).stat().st_size != size:
                    raise StoreError(f"{file} has another size")
            return dict(found["facts"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is not whole (%s) and is made again", path, one_line(error))
            return None

    def read(self, step: str, name: str, file: str) -> bytes | None:
        """Return the bytes of a file that belongs to a name; None where they are not those that were written."""
        try:
            size, digest = json.loads(self._path(step, name).read_text(encoding="utf-8"))["files"][file]
            data = self._file(step, name, file).read_bytes()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return data if len(data) == size and digest_of(data) == digest else None

    def size(self, step: str, name: str) -> int:
        """Return the bytes on disk of what is kept under a name."""
        path = self._path(step, name)
        return sum(one.stat().st_size for one in path.parent.glob(f"{name}.*"))

    def put(self, step: str, name: str, facts: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> None:
        """Keep facts, which are plain JSON, and the files that belong to them.

        Raises:
            StoreError: If the disk is full or cannot be written to.
        """
        path = self._path(step, name)
        listed = {file: (len(data), digest_of(data)) for file, data in (files or {}).items()}
        text = json.dumps({"facts": facts, "files": listed}, allow_nan=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for file, data in (files or {}).items():
                with whole_file(self._file(step, name, file), shared=True) as partial:
                    partial.write_bytes(data)
            with whole_file(path, shared=True) as partial:
                partial.write_text(text, encoding="utf-8")
        except OSError as error:
            raise self._failed(error) from error

    def forget(self, step: str, name: str) -> None:
        """Drop what is kept under a name."""
        self._path(step, name).unlink(missing_ok=True)

    def _path(self, step: str, name: str) -> Path:
        return self.folder / step / name[:2] / f"{name}.json"

    def _file(self, step: str, name: str, file: str) -> Path:
        return self._path(step, name).with_name(f"{name}.{file}")

    def _failed(self, error: OSError) -> StoreError:
        if is_full(error):
            return StoreError(
                f"no space left to write {self.folder} ({error.strerror or error}): make room and run the same command "
                "again; what is done is kept"
            )
        return StoreError(f"{self.folder} cannot be written to ({error.strerror or error})")


def is_full(error: BaseException) -> bool:
    """Tell whether an error says that a disk is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def digest_of(data: bytes) -> str:
    """Hash bytes; 32 letters."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def name_of(*parts: object) -> str:
    """Make a name of all that an output depends on: plain JSON."""
    return digest_of(json.dumps([VERSION, *parts], sort_keys=True).encode())
