"""Tar shards as WebDataset packs them, of one size, the same bytes for the same examples."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from veggie_pl.data.table.schema import Row
from veggie_pl.synthesis.publish.rows import PairRow
from veggie_pl.video.media import Media


class ShardWriter:
    """Writes examples one after another; a shard is closed when it has reached its size.

    A clip that several examples of a shard have in common is in it once for each: members of an example follow one
    another, so that a shard can be read from front to back.

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

    def add(self, row: PairRow, clips: tuple[bytes, bytes]) -> Row:
        """Append an example.

        Args:
            row: What it is.
            clips: Both encoded clips of its pair.

        Returns:
            A row of a table whose media lie in the shard.
        """
        if self._tar is None:
            self.names.append(f"{self.split}-{len(self.names):05d}.tar")
            self._tar = tarfile.open(self.folder / self.names[-1], "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        name = f"{self.count:08d}"
        source, target = (
            self._member(f"{name}.{field}.mp4", clips[which])
            for field, which in (("source", row.source), ("target", row.target))
        )
        self._member(f"{name}.json", json.dumps(_facts(row), ensure_ascii=True).encode())
        self.count += 1
        if self._tar.offset >= self.max_bytes:
            self.close()
        return Row(row.example, (source,), (target,))

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


def _facts(row: PairRow) -> dict[str, Any]:
    """What readers of shards find in the JSON member."""
    facts = row.example._asdict().items()
    told = {
        name: value
        for name, value in facts
        if value and name not in ("fill", "place", "start", "stop", "stream", "row")
    }
    return {name: [*value] if isinstance(value, tuple) else str(value) for name, value in told.items()}
