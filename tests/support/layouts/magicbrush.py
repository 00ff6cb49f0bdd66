"""MagicBrush: train and dev as Parquet with the pictures inside, test as the zip's folder."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from support.layouts.tiny import Known, picture, picture_bytes

ROWS = {
    "train": [
        Known("magicbrush/train/100-output1", "addition", "gray", "red", "add a red balloon"),
        Known("magicbrush/train/100-output2", "visual_feature", "red", "blue", "Make the balloon blue"),
        Known("magicbrush/train/200-output1", "changing", "green", "red", "What if the tree were a red car?"),
    ],
    "val": [Known("magicbrush/val/300-output1", "removal", "red", "gray", "remove the person")],
    "test": [
        Known("magicbrush/test/400-output1", "addition", "gray", "green", "Put a hat on the dog"),
        Known("magicbrush/test/400-output2", "background", "green", "blue", "Make the background a beach."),
    ],
}
SKIPPED = {
    "train": ["target_img holds no picture", "instruction is a NoneType, not a str"],
    "val": [],
    "test": ["test/images/500/500-output1.png: no such file", "magicbrush/test/400-output1 a second time"],
}


def write(root: Path) -> None:
    """Two row groups for train, one for dev, five turns for test of which two cannot be used."""
    turns = [
        ("100", 1, "gray", "red", "add a red balloon"),
        ("100", 2, "red", "blue", "Make the  balloon blue"),
        ("150", 1, "red", None, "remove it"),
        ("200", 1, "green", "red", "What if the tree were a red car?"),
        ("201", 1, "green", "red", None),
    ]
    _parquet(root / "data/train-00000-of-00001-ab12.parquet", turns, row_group_size=3)
    _parquet(root / "data/dev-00000-of-00001-cd34.parquet", [("300", 1, "red", "gray", "remove the person")], 1)
    listed = [
        _turn(root, "400", 0, "gray", "green", "Put a hat on the dog"),
        _turn(root, "400", 1, "green", "blue", "Make the background a beach."),
        {"input": "500-input.png", "mask": "500-mask1.png", "output": "500-output1.png", "instruction": "add rain"},
    ]
    listed.append(listed[0])
    picture(root / "test/images/500/500-input.png", "gray")
    (root / "test/edit_turns.json").write_text(json.dumps(listed))


def _turn(root: Path, image: str, turn: int, source: str, target: str, instruction: str) -> dict[str, str]:
    names = [f"{image}-input.png" if turn == 0 else f"{image}-output{turn}.png", f"{image}-output{turn + 1}.png"]
    for name, color in zip(names, (source, target), strict=True):
        picture(root / "test/images" / image / name, color)
    return {"input": names[0], "mask": f"{image}-mask{turn + 1}.png", "output": names[1], "instruction": instruction}


def _parquet(path: Path, turns: list[tuple[str, int, str, str | None, str | None]], row_group_size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[object]] = {
        "img_id": [turn[0] for turn in turns],
        "turn_index": [turn[1] for turn in turns],
        "source_img": [_image(f"{turn[0]}-input.png", turn[2]) for turn in turns],
        "mask_img": [_image(f"{turn[0]}-mask{turn[1]}.png", "gray") for turn in turns],
        "instruction": [turn[4] for turn in turns],
        "target_img": [_image(f"{turn[0]}-output{turn[1]}.png", turn[3]) for turn in turns],
    }
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


def _image(name: str, color: str | None) -> dict[str, object]:
    return {"bytes": None if color is None else picture_bytes(color, ".png"), "path": name}
