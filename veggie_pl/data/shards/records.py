"""Shards as records: any sample by number, in an order that stays within a few shards at a time."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from veggie_pl.batch import ClipNames, Example, Skill
from veggie_pl.data.proportions import shuffled
from veggie_pl.data.records import BadRecordError, Record
from veggie_pl.data.shards.cache import ShardCache, local_path
from veggie_pl.data.shards.index import ShardError, read_index
from veggie_pl.data.shards.tar import TEXTS, Members, find_member, read_part, read_text, samples_in
from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import ClipError, ClipFile, resize, sample_together, to_clip
from veggie_pl.video.frames import Sampling
from veggie_pl.video.media import Media

FIELDS = ("source", "target", "mask", *TEXTS)
Made = TypeVar("Made")


class ShardRecords:
    """Samples of shards that need not all fit on the disk.

    Members are found by extension: ``17.source.jpg`` or ``17.source.mp4`` is the source of sample 17. A JSON member may
    hold texts, by the names of the fields.

    Each epoch reads the shards in a seeded order, ``window`` at a time, and the samples of a window shuffled: an exact
    permutation, whose place is one number. Row numbers run over the shards as the index lists them.

    Args:
        index: JSON that ``python -m veggie_pl index`` wrote: a path or an address.
        cache: Folder to keep shards in that do not lie on this machine.
        skill: What all samples ask for; None: their ``skill`` says it.
        num_frames: Frames a clip.
        size: Height and width in pixels.
        columns: Extensions by field (source, target, mask, instruction, skill, phrase, fill), where they differ from
            its name: ``{source: input, phrase: json.noun}``, the latter inside the JSON member. A plain ``.txt`` is
            the instruction.
        sampling: Which frames of a clip.
        window: Shards that are read from at a time; more are mixed better, and fetched at once.
        max_cache_bytes: Most bytes of the cache.
        retries: New tries for a shard that cannot be fetched, before its samples are bad.
        storage_options: Of the file system, as fsspec takes them.

    Raises:
        ShardError: If there is no such index.
        UseError: If a column is unknown or the cache holds no window of shards.
    """

    def __init__(
        self,
        index: str,
        cache: str,
        skill: Skill | None = None,
        num_frames: int = 1,
        size: tuple[int, int] = (256, 256),
        columns: dict[str, str] | None = None,
        sampling: Sampling | None = None,
        window: int = 4,
        max_cache_bytes: int = 100 * 2**30,
        retries: int = 4,
        storage_options: dict[str, Any] | None = None,
    ) -> None:
        self.columns = {name: name for name in FIELDS} | (columns or {})
        if unknown := [name for name in self.columns if name not in FIELDS]:
            raise UseError(f"unknown columns {unknown}; the choices are {', '.join(FIELDS)}")
        if window < 1 or num_frames < 1:
            raise UseError(f"window and num_frames must be at least 1, got {window} and {num_frames}")
        self.shards = [shard for shard in read_index(index) if shard.samples]
        self.skill, self.num_frames, self.size = skill, num_frames, size
        self.sampling, self.window = sampling or Sampling(), window
        self.cache = ShardCache(cache, max_cache_bytes, retries, storage_options)
        self.counts = np.array([shard.samples for shard in self.shards], np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.counts)])
        remote = sorted(shard.size for shard in self.shards if local_path(shard.url) is None)
        if sum(remote[-window:]) > max_cache_bytes:
            raise UseError(
                f"a window of {window} shards is up to {sum(remote[-window:])} bytes, but max_cache_bytes is "
                f"{max_cache_bytes}: every sample would be fetched anew; set a larger one or a smaller window"
            )
        self._listings: dict[int, list[tuple[str, Members]]] = {}
        self._plans: dict[tuple[int | str, ...], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def bucket(self) -> str:
        """Frames and size of every clip."""
        return f"{self.num_frames}x{self.size[0]}x{self.size[1]}"

    @property
    def digest(self) -> str:
        """Changes with what the rows are."""
        content = repr([(shard.size, shard.samples) for shard in self.shards]) + str(self.window)
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()

    def order(self, draw: int, *key: int | str) -> int:
        """Row for ``draw``, in an order that depends on the key; each epoch reads every row once."""
        epoch, place = divmod(draw, len(self))
        shards, starts = self._plan(epoch, *key)
        number = int(np.searchsorted(starts, place, side="right")) - 1  # of the window
        first = int(starts[number])
        within = shuffled(place - first, int(starts[number + 1]) - first, *key, "window", epoch, number)
        inside = shards[number * self.window : (number + 1) * self.window]
        ends = np.cumsum(self.counts[inside])
        which = int(np.searchsorted(ends, within, side="right"))
        return int(self.starts[inside[which]]) + within - int(ends[which] - self.counts[inside[which]])

    def _plan(self, epoch: int, *key: int | str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Shards in the order of an epoch, and the place at which each window of them starts, and the end."""
        if (epoch, *key) not in self._plans:
            shards = numpy_rng("shards", *key, epoch).permutation(len(self.shards))
            ends = np.concatenate([[0], np.cumsum(self.counts[shards])])
            starts = np.append(ends[: -1 : self.window], ends[-1])
            self._plans = dict(list(self._plans.items())[-3:]) | {(epoch, *key): (shards, starts)}
        return self._plans[epoch, *key]

    def __getitem__(self, index: int) -> Record:
        """Record ``index``.

        Raises:
            IndexError: If there is none.
            BadRecordError: If its shard cannot be fetched or it cannot be decoded.
        """
        return self._with(index, self._record)

    def names(self, index: int) -> ClipNames:
        """Name the clips of record ``index`` by the bytes of its members, which are read but not decoded.

        Raises:
            IndexError: If there is none.
            BadRecordError: If its shard cannot be fetched.
        """
        return self._with(index, self._names)

    def _with(self, index: int, make: Callable[[str, dict[str, Media], dict[str, str]], Made]) -> Made:
        """Call with key, media and texts of a record; what it raises names the record."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        shard, place = self.shards[number], index - int(self.starts[number])
        key = f"{shard.url.rpartition('/')[2].removesuffix('.tar')}/{place}"
        try:
            with self.cache.open(shard) as file:
                name, members = self._listing(number, file)[place]
                key = f"{key.partition('/')[0]}/{name}"
                media = self._media(key, file, members)
                texts = {field: self._text(field, file, members) for field in TEXTS}
            return make(key, media, texts)
        except (ShardError, ClipError, OSError, ValueError, RecursionError, tarfile.TarError) as error:
            raise BadRecordError(key, " ".join(str(error).split())) from error

    def _names(self, key: str, media: dict[str, Media], texts: dict[str, str]) -> ClipNames:
        parts = [hashlib.blake2b(one.data or b"", digest_size=16).hexdigest() for one in media.values()]
        kinds = [PurePosixPath(one.path).suffix for one in media.values()]
        drawn = key if self.sampling.kind == "consecutive" else ""  # whose chance picks the frames
        source = f"{self.num_frames} {self.size} {self.sampling} {drawn} {kinds[0]} {parts[0]}"
        whole = [*zip(media, kinds, parts, strict=True)]
        return ClipNames(source, f"{source} {key} {self.skill} {whole} {sorted(texts.items())}")

    def _listing(self, number: int, file: BinaryIO) -> list[tuple[str, Members]]:
        if number not in self._listings:
            found = list(samples_in(file))
            if len(found) != self.shards[number].samples:
                raise ShardError(
                    f"{self.shards[number].url}: {len(found)} samples, the index says {self.shards[number].samples}"
                )
            kept = list(self._listings.items())[-2 * self.window :]
            self._listings = dict(kept) | {number: found}
        return self._listings[number]

    def _media(self, key: str, file: BinaryIO, members: Members) -> dict[str, Media]:
        """The bytes of source, target and mask, as many as there are."""
        found = {}
        for field in ("source", "target", "mask"):
            if (kind := find_member(members, field, self.columns[field])) is not None:
                found[field] = Media(f"{key}.{kind}", data=read_part(file, members[kind]))
        if "source" not in found:
            raise UseError(f"no member {self.columns['source']!r} among {', '.join(sorted(members))}")
        return found

    def _text(self, field: str, file: BinaryIO, members: Members) -> str:
        value = read_text(file, members, field, self.columns[field])
        return "" if value is None else str(value)

    def _record(self, key: str, media: dict[str, Media], texts: dict[str, str]) -> Record:
        clips = [ClipFile(one) for one in media.values()]
        _, frames = sample_together(clips, self.num_frames, self.sampling, numpy_rng("frames", key))
        ready = {name: resize(to_clip(one), *self.size) for name, one in zip(media, frames, strict=True)}
        skill = Skill(self.skill or texts["skill"] or "none is given")
        mask = ready["mask"].mean(1) > 0 if "mask" in ready else None
        if skill.is_painted and (mask is None or not mask.any()):
            raise UseError("it has no mask" if mask is None else "its mask is empty")
        example = Example(key, skill, texts["instruction"] or None, texts["phrase"], texts["fill"])
        return Record(example, ready["source"], ready.get("target"), mask, names=self._names(key, media, texts))
