"""MagicBrush: edits of COCO pictures in up to three turns. Card: data_cards/magicbrush.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from veggie_pl.data.layouts.asked import asked
from veggie_pl.data.layouts.base import Layout, LayoutError
from veggie_pl.data.layouts.fields import FieldError, mapping, media, number, read_json, shown, text
from veggie_pl.data.media import Media
from veggie_pl.data.rows import Row, Skipped

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
        files = sorted(path.relative_to(root).as_posix() for path in root.glob(f"data/{folder}-*.parquet"))
        for name in files:
            try:
                groups = pq.ParquetFile(root / name).num_row_groups
            except (pa.ArrowException, OSError) as error:
                raise LayoutError(f"{root / name}: is no Parquet ({shown(error)})") from error
            yield from ((name, group) for group in range(groups))
        if not files:
            name = f"{folder}/edit_turns.json"
            if not (root / name).is_file():
                raise LayoutError(f"{root}: neither data/{folder}-*.parquet nor {name}")
            yield name, 0

    def rows(self, root: Path, split: str, entry: tuple[str, int]) -> Iterator[Row | Skipped]:
        """Of a row group, or of the whole list of turns."""
        name, group = entry
        turns = _list(root, name) if name.endswith(".json") else _group(root, name, group)
        seen: set[str] = set()
        for index, turn in enumerate(turns):
            key = f"magicbrush/{split}/{name}/{group}/{index}"
            try:
                row = _from_names(root, split, mapping(turn)) if name.endswith(".json") else _embedded(split, turn)
                if row.key in seen:
                    raise FieldError(f"names {row.key} a second time")
            except FieldError as error:
                yield Skipped(key, str(error))
                continue
            seen.add(row.key)
            yield row


def _list(root: Path, name: str) -> list[Any]:
    turns = read_json(root, name)
    if not isinstance(turns, list):
        raise LayoutError(f"{root / name}: a list of turns expected, got {shown(type(turns).__name__)}")
    return turns


def _from_names(root: Path, split: str, turn: dict[str, Any]) -> Row:
    """``{"input": "12-input.png", "mask": "12-mask1.png", "output": "12-output1.png", "instruction": ...}``."""
    source, target = text(turn, "input"), text(turn, "output")
    folder = f"{FOLDERS[split]}/images/{source.split('-')[0]}"
    instruction = text(turn, "instruction")
    return Row(
        key=f"magicbrush/{split}/{target.rsplit('.', 1)[0]}",
        skill=asked(instruction),
        source=(media(root, folder, source),),
        target=(media(root, folder, target),),
        instruction=instruction,
    )


def _group(root: Path, name: str, group: int) -> list[dict[str, Any]]:
    try:
        table = pq.ParquetFile(root / name).read_row_group(group, columns=COLUMNS)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise LayoutError(f"{root / name}: row group {group} cannot be read ({shown(error)})") from error
    if missing := [column for column in COLUMNS if column not in table.column_names]:
        raise LayoutError(f"{root / name}: no columns {missing}; it has {table.column_names}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _embedded(split: str, turn: dict[str, Any]) -> Row:
    picture, place = text(turn, "img_id"), int(number(turn, "turn_index"))
    instruction = text(turn, "instruction")
    key = f"magicbrush/{split}/{picture}-output{place}"
    return Row(
        key=key,
        skill=asked(instruction),
        source=(_picture(turn, "source_img"),),
        target=(_picture(turn, "target_img"),),
        instruction=instruction,
    )


def _picture(turn: dict[str, Any], name: str) -> Media:
    """``{"bytes": ..., "path": "12-input.png"}``."""
    value = turn.get(name)
    if not isinstance(value, dict) or not isinstance(value.get("bytes"), bytes) or not value["bytes"]:
        raise FieldError(f"{name} holds no picture")
    return Media(value.get("path") or f"{name}.png", data=value["bytes"])
