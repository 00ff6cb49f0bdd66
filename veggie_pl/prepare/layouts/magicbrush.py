"""MagicBrush: edits of COCO pictures in up to three turns. Card: data_cards/magicbrush.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from veggie_pl.batch import Example
from veggie_pl.data.instructions.skills import editing_skill_of
from veggie_pl.data.table.schema import Row, Skipped
from veggie_pl.file_names import matching
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError, field, key, line, load, number, text
from veggie_pl.prepare.layouts.base import Layout, LayoutError
from veggie_pl.prepare.layouts.edited import there
from veggie_pl.video.media import Media

FOLDERS = {"train": "train", "val": "dev", "test": "test"}
COLUMNS = ["img_id", "turn_index", "source_img", "target_img", "instruction"]


class MagicBrush(Layout):
    """Both published forms, side by side under one root.

    ``data/train-*.parquet`` and ``data/dev-*.parquet`` hold the pictures themselves; ``test/edit_turns.json`` (or
    ``train/``, ``dev/`` of the zip files) names pictures in ``test/images/<COCO id>/``. Parquet goes before it.
    The free-form masks are not read: they bound where an editor may paint, and do not tell what changed.
    """

    kind: ClassVar[str] = "magicbrush"

    def entries(self, root: Path, split: str) -> Iterator[tuple[str, int]]:
        """File and number of its row group; 0 for the folder form."""
        folder = FOLDERS[split]
        files = [path.relative_to(root).as_posix() for path in matching(root, f"data/{folder}-*.parquet")]
        for name in files:
            try:
                groups = pq.ParquetFile(root / name).num_row_groups
            except (pa.ArrowException, OSError) as error:
                raise LayoutError(f"{root / name}: not Parquet ({line(error)})") from error
            yield from ((name, group) for group in range(groups))
        if not files:
            name = f"{folder}/edit_turns.json"
            if not (root / name).is_file():
                raise LayoutError(f"{root}: neither data/{folder}-*.parquet nor {name}")
            yield name, 0

    def rows(self, root: Path, split: str, entry: tuple[str, int]) -> Iterator[Row | Skipped]:
        """Of a row group, or of the whole list of turns."""
        name, group = entry
        listing = name.endswith(".json")
        turns = _list(root, name) if listing else _group(root, name, group)
        seen: set[str] = set()
        for index, turn in enumerate(turns):
            try:
                row = _from_names(root, split, turn) if listing else _embedded(split, turn)
                if row.key in seen:
                    raise ExampleError(f"{row.key} a second time")
            except FAULTS as error:
                yield Skipped(key(self.kind, split, name, group, index), str(error))
                continue
            seen.add(row.key)
            yield row


def _list(root: Path, name: str) -> list[Any]:
    turns = load(root, name)
    if not isinstance(turns, list):
        raise LayoutError(f"{root / name}: a {type(turns).__name__}, not a list of turns")
    return turns


def _from_names(root: Path, split: str, turn: Any) -> Row:
    """``{"input": "12-input.png", "mask": "12-mask1.png", "output": "12-output1.png", "instruction": ...}``."""
    source, target, instruction = (text(turn, name) for name in ("input", "output", "instruction"))
    folder = f"{FOLDERS[split]}/images/{source.split('-')[0]}"
    return Row(
        Example(key(MagicBrush.kind, split, target.rsplit(".", 1)[0]), editing_skill_of(instruction), instruction),
        (there(root, folder, source),),
        (there(root, folder, target),),
    )


def _group(root: Path, name: str, group: int) -> list[Any]:
    try:
        table = pq.ParquetFile(root / name).read_row_group(group, columns=COLUMNS)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LayoutError(f"{root / name}: row group {group} cannot be read ({line(error)})") from error
    if missing := [column for column in COLUMNS if column not in table.column_names]:
        raise LayoutError(f"{root / name}: no columns {missing}; it has {table.column_names}")
    return table.to_pylist()  # type: ignore[no-any-return]


def _embedded(split: str, turn: Any) -> Row:
    instruction = text(turn, "instruction")
    place = number(field(turn, "turn_index", int), "turn_index")
    return Row(
        Example(
            key(MagicBrush.kind, split, f"{text(turn, 'img_id')}-output{place}"),
            editing_skill_of(instruction),
            instruction,
        ),
        (_picture(turn, "source_img"),),
        (_picture(turn, "target_img"),),
    )


def _picture(turn: Any, name: str) -> Media:
    """``{"bytes": ..., "path": "12-input.png"}``."""
    value = field(turn, name, dict)
    if not isinstance(value.get("bytes"), bytes) or not value["bytes"]:
        raise ExampleError(f"{name} holds no picture")
    return Media(value.get("path") or f"{name}.png", data=value["bytes"])
