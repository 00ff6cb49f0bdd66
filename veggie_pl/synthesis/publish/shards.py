"""Tar shards as WebDataset packs them, of one size, the same bytes for the same examples."""

import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from veggie_pl.data.shards.tar import REVERSED
from veggie_pl.data.table.schema import Row
from veggie_pl.synthesis.publish.rows import PairRow
from veggie_pl.video.media import Media


class ShardWriter:
    """Writes pairs one after another; a shard is closed when it has reached its size.

    A pair's clips are there once. What makes of them an example that is read backwards is a JSON member of its own, see
    ``data.shards.tar``.

    Args:
        folder: Where to.
        split: Shards are called ``SPLIT-00000.tar``.
        max_bytes: Of a shard, before it is closed.
    """

    def __init__(self, folder: Path, split: str, max_bytes: int) -> None:
        self.folder, self.split, self.max_bytes = folder, split, max_bytes
        self.names: list[str] = []
        self.count = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, rows: Sequence[PairRow], clips: tuple[bytes, bytes]) -> list[Row]:
        """Append a pair.

        Args:
            rows: Its examples: one, or two of which the second has the first one's target as its source.
            clips: Both encoded clips.

        Returns:
            The rows of a table whose media lie in the shard.
        """
        if self._tar is None:
            self.names.append(f"{self.split}-{len(self.names):05d}.tar")
            self._tar = tarfile.open(self.folder / self.names[-1], "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        first, *others = rows
        assert all(other.source == first.target for other in others)
        assert len(others) <= 1
        name = f"{self.count:08d}"
        source = self._member(f"{name}.source.mp4", clips[first.source])
        target = self._member(f"{name}.target.mp4", clips[first.target])
        made = [Row(first.example, (source,), (target,))]
        self._member(f"{name}.json", _facts(first))
        for other in others:
            self._member(f"{name}.{REVERSED}", _facts(other))
            back = f"{name}.{REVERSED.partition('.')[0]}"
            own = (replace(target, name=f"{back}.source.mp4"), replace(source, name=f"{back}.target.mp4"))
            made.append(Row(other.example, (own[0],), (own[1],)))
        self.count += 1
        if self._tar.offset >= self.max_bytes:
            self.close()
        return made

    def close(self) -> None:
        """End the shard that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None

    def _member(self, name: str, data: bytes) -> Media:
        assert self._tar is not None
        info = tarfile.TarInfo(name)  # no times and no owners: the same bytes whoever writes them
        info.size, info.mode = len(data), 0o644
        self._tar.addfile(info, io.BytesIO(data))
        start = self._tar.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return Media(self.names[-1], start, len(data), name=name)


def _facts(row: PairRow) -> bytes:
    """What readers of shards find in a JSON member."""
    facts = row.example._asdict().items()
    told = {
        name: value
        for name, value in facts
        if value and name not in ("fill", "place", "start", "stop", "stream", "row")
    }
    plain = {name: [*value] if isinstance(value, tuple) else str(value) for name, value in told.items()}
    return json.dumps(plain, ensure_ascii=True).encode()
