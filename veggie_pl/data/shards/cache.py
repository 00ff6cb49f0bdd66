"""Shards that lie elsewhere, as many on this disk as there is room for."""

import errno
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import fsspec
from filelock import FileLock, Timeout

from veggie_pl.data.shards.index import Shard, ShardError

log = logging.getLogger(__name__)
PAUSE = 0.2  # seconds before the first new try; each further one waits twice as long
PATIENCE = 600.0  # seconds to wait until other processes' downloads leave room
FORGET = 120.0  # seconds until a shard that could not be fetched is tried again
# All else in the folder is the user's: not counted, never deleted.
OWN = re.compile(r"[0-9a-f]{24}\.(tar|[0-9]+\.partial)")


class ShardCache:
    """A folder of shards that any number of processes share; those read longest ago make room for new ones.

    Other files that lie there are left alone.

    A shard appears under its name only when it is whole. One that is removed while another process reads it stays
    readable there. Shards on this machine's file system are read in place.

    Args:
        folder: Where to keep them.
        max_bytes: Most bytes of shards in it, those just being fetched included.
        retries: New tries after a shard could not be fetched.
        options: Of the file system, as fsspec takes them.
    """

    def __init__(
        self, folder: str | Path, max_bytes: int, retries: int = 4, options: dict[str, Any] | None = None
    ) -> None:
        self.folder, self.max_bytes, self.retries = Path(folder), max_bytes, retries
        self.options = options or {}
        self._failed: dict[str, tuple[float, str]] = {}

    @contextmanager
    def open(self, shard: Shard) -> Iterator[BinaryIO]:
        """A shard, fetched if it is not here.

        Raises:
            ShardError: If it cannot be fetched, or is not the one in the index.
        """
        own = local_path(shard.url)
        for _ in range(100):  # another process may remove it between fetching and opening
            place = own or self._fetch(shard)
            try:
                with place.open("rb") as file:
                    if own is None:
                        os.utime(place)  # read last now
                    yield file
                return
            except FileNotFoundError:
                if own is not None:
                    raise ShardError(f"{own}: no such shard") from None
        raise ShardError(
            f"{shard.url}: always removed before it could be read; is the cache of {self.folder} too small?"
        )

    def _fetch(self, shard: Shard) -> Path:
        name = hashlib.blake2b(shard.url.encode(), digest_size=12).hexdigest()
        place = self.folder / f"{name}.tar"
        if place.exists():
            return place
        when, reason = self._failed.get(shard.url, (-FORGET, ""))
        if time.monotonic() - when < FORGET:
            raise ShardError(reason)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{name}.lock"):
            if not place.exists():
                try:
                    self._download(shard, place)
                except ShardError as error:
                    self._failed[shard.url] = time.monotonic(), str(error)
                    raise
        return place

    def _download(self, shard: Shard, place: Path) -> None:
        partial = self._reserve(shard, place)
        reason = ""
        try:
            for turn in range(self.retries + 1):
                if turn:
                    log.warning("%s: %s; trying again", shard.url, reason)
                    time.sleep(PAUSE * 2 ** (turn - 1))
                try:
                    files, path = fsspec.core.url_to_fs(shard.url, **_patient(shard.url, self.options))
                    files.get_file(path, str(partial))
                    if (size := partial.stat().st_size) == shard.size:
                        partial.replace(place)
                        return
                    reason = f"{size} bytes came, the index says {shard.size}"
                except FileNotFoundError:
                    raise ShardError(f"{shard.url}: no such shard") from None
                except Exception as error:  # every file system has errors of its own
                    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                        raise ShardError(f"{self.folder}: the disk is full") from error
                    reason = " ".join(str(error).split()) or type(error).__name__
            raise ShardError(f"{shard.url}: could not be fetched in {self.retries + 1} tries ({reason})")
        finally:
            partial.unlink(missing_ok=True)

    def _reserve(self, shard: Shard, place: Path) -> Path:
        """The name to write to, once there is room for all of it."""
        partial = place.with_suffix(f".{shard.size}.partial")
        partial.unlink(missing_ok=True)
        deadline = time.monotonic() + (PATIENCE if shard.size <= self.max_bytes else 0.0)
        while time.monotonic() < deadline:
            with FileLock(self.folder / "cache.lock"):
                if self._make_room(shard.size):
                    partial.touch()
                    return partial
            time.sleep(0.05)
        raise ShardError(
            f"{shard.url}: {shard.size} bytes have no room in {self.folder}, which may hold {self.max_bytes}"
        )

    def _make_room(self, size: int) -> bool:
        own = [path for path in self.folder.iterdir() if OWN.fullmatch(path.name)]
        whole = sorted((path.stat().st_mtime, path) for path in own if path.suffix == ".tar")
        sizes = {path: path.stat().st_size for _, path in whole}
        total = sum(sizes.values())
        for partial in (path for path in own if path.suffix == ".partial"):
            try:
                with FileLock(self.folder / f"{partial.name.partition('.')[0]}.lock", timeout=0):
                    partial.unlink(missing_ok=True)  # nobody is at it any more
            except Timeout:
                total += int(partial.suffixes[-2].lstrip("."))
        for _, path in whole:
            if total + size <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= sizes[path]
        return total + size <= self.max_bytes


def local_path(url: str) -> Path | None:
    """The path that an address names on this machine, if it does."""
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    return None if "://" in url else Path(url)


def _patient(url: str, options: dict[str, Any]) -> dict[str, Any]:
    """Over HTTP: as long as data come, a shard may take its time; a server that falls silent is given up on."""
    if not url.startswith("http") or "client_kwargs" in options:
        return options
    return {**options, "client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)}}
