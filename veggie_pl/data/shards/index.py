"""What is in a set of shards: one line of JSON for each, so that any sample has a number before a shard is fetched."""

import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fsspec

from veggie_pl.data.shards.tar import samples_in
from veggie_pl.errors import UseError
from veggie_pl.file_names import is_hidden
from veggie_pl.files import write_text

VERSION = 1


class ShardError(UseError):
    """Shards or an index that cannot be read; the message names the one and the reason."""


@dataclass(frozen=True)
class Shard:
    """One tar.

    Args:
        url: A path, or any address that fsspec reads.
        size: Bytes.
        samples: How many samples it holds.
    """

    url: str
    size: int
    samples: int


def make_index(
    shards: Iterable[str],
    output: str | Path,
    options: dict[str, Any] | None = None,
    on_shard: Callable[[], Any] = bool,
) -> list[Shard]:
    """Read every shard once and write the index, whole or not at all.

    Args:
        shards: Paths or addresses; ``{000..127}`` in one stands for all numbers between. Hidden files are no shards.
        output: JSON to write. Paths are kept relative to its folder, so that both can be moved together.
        options: Of the file system, as fsspec takes them.
        on_shard: Called after each.

    Raises:
        ShardError: If there is none, or one cannot be read to its end.
    """
    output = Path(output)
    found = []
    for url in shards_of(shards):
        found.append(_count(url, options or {}))
        on_shard()
    if not found:
        raise ShardError("no shards to index")
    kept = [asdict(shard) | {"url": _relative(shard.url, output.parent)} for shard in found]
    write_text(output, json.dumps({"version": VERSION, "shards": kept}, indent=0) + "\n")
    return found


def read_index(url: str) -> list[Shard]:
    """The shards of an index, with paths relative to it made whole.

    Raises:
        ShardError: If it is missing or is no index.
    """
    try:
        with fsspec.open(url, "rt", encoding="utf-8", **_streaming(url)) as file:
            content = json.load(file)
        if content["version"] != VERSION:
            raise UseError(f"version {content['version']}, this program reads {VERSION}")
        shards = [Shard(str(one["url"]), int(one["size"]), int(one["samples"])) for one in content["shards"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        raise ShardError(f"{url}: no index of shards ({reason}); `python -m veggie_pl index` makes one") from error
    base = url.rpartition("/")[0]
    whole = [one.url if "://" in one.url or one.url.startswith("/") else f"{base or '.'}/{one.url}" for one in shards]
    return [Shard(place, one.size, one.samples) for place, one in zip(whole, shards, strict=True)]


def numbered(pattern: str) -> Sequence[str]:
    """``a-{08..10}.tar`` -> a-08.tar, a-09.tar, a-10.tar."""
    found = re.search(r"\{(\d+)\.\.(\d+)\}", pattern)
    if found is None:
        return [pattern]
    first, last = found[1], found[2]
    numbers = [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
    return [name for number in numbers for name in numbered(pattern.replace(found[0], number, 1))]


def shards_of(shards: Iterable[str]) -> list[str]:
    """Give the shards that patterns stand for, without hidden files such as ``._a.tar``."""
    names = itertools.chain.from_iterable(map(numbered, shards))
    return [name for name in names if not is_hidden(name.rpartition("/")[2])]


def _count(url: str, options: dict[str, Any]) -> Shard:
    """Read a shard from first to last byte."""
    reason = ""
    try:
        with fsspec.open(url, "rb", **_streaming(url), **options) as file:
            counting = _Counting(file)
            samples = sum(1 for _ in samples_in(counting, "r|"))
            while counting.read(2**20):  # what follows the end of the archive
                pass
    except Exception as error:  # every file system has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ShardError(f"{url}: a shard that cannot be read to its end ({reason})") from error
    return Shard(url, counting.count, samples)


class _Counting:
    """Counts the bytes that are read."""

    def __init__(self, file: Any) -> None:
        self.file, self.count = file, 0

    def read(self, size: int) -> bytes:
        data: bytes = self.file.read(size)
        self.count += len(data)
        return data


def _streaming(url: str) -> dict[str, Any]:
    """Many web servers do not serve parts of a file."""
    return {"block_size": 0} if url.startswith("http") else {}


def _relative(url: str, folder: Path) -> str:
    if "://" in url:
        return url
    place, base = Path(url).resolve(), folder.resolve()
    return place.relative_to(base).as_posix() if place.is_relative_to(base) else str(place)
