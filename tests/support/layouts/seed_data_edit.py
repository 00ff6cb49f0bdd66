"""SEED-Data-Edit: two automatic parts, collected edits and multi-turn edits, unpacked."""

import json
from pathlib import Path

from support.layouts.tiny import Known, picture

ROWS = {
    "train": [
        Known(
            "seed_data_edit/train/openimages/0001/1/1", "removal", "red", "gray", "Erase the car in front of the shop."
        ),
        Known(
            "seed_data_edit/train/openimages/0001/3/1", "stylization", "red", "blue", "Make it look like a watercolor"
        ),
        Known("seed_data_edit/train/unsplash/0001/1/1", "addition", "gray", "green", "Add a boat to the lake"),
        Known("seed_data_edit/train/real/split_0001/1/1", "visual_feature", "gray", "blue", "make my eyes blue"),
        Known("seed_data_edit/train/multi_turn/split_0001/1/1", "addition", "gray", "red", "add a kite"),
        Known(
            "seed_data_edit/train/multi_turn/split_0001/1/2", "visual_feature", "red", "green", "make the kite green"
        ),
        Known("seed_data_edit/train/multi_turn/split_0001/1/3", "removal", "green", "gray", "remove the kite"),
        Known(
            "seed_data_edit/train/multi_turn/split_0001/2/1", "changing", "red", "blue", "replace the cup with a vase"
        ),
    ]
}
SKIPPED = {
    "train": [
        "absent.jpg: no such file",
        "the line is not JSON",
        "no field 'instruction_2'",
        "neither target_image nor edit_image_1",
    ]
}


def write(root: Path) -> None:
    """A missing picture, a line cut off, a turn without instruction, a line of another kind."""
    part = root / "SEED-Data-Edit-Part1-Openimages/auto_editing/openimages"
    lines = [
        _pair(part, "a.jpg", "red", "gray", "Erase the car in front of the shop."),
        '{"source_image": "source_images/b.jpg", "targ',
        {**_pair(part, "c.jpg", "red", "blue", "style"), "instruction_new": "Make it look like a watercolor"},
        {**_pair(part, "d.jpg", "red", "gray", "Remove it"), "target_image": "target_images/absent.jpg"},
    ]
    _lines(part / "annotations/0001.jsonl", lines)
    part = root / "SEED-Data-Edit-Part1-Unsplash/auto_editing/unsplash"
    _lines(part / "annotations/0001.jsonl", [_pair(part, "e.jpg", "gray", "green", "Add a boat to the lake")])
    part = root / "SEED-Data-Edit-Part2-3/real_editing"
    _lines(part / "annotations/split_0001.jsonl", [_pair(part, "f.jpg", "gray", "blue", "make my eyes blue")])
    part = root / "SEED-Data-Edit-Part2-3/multi_turn_editing"
    for name, color in {"0": "gray", "1": "red", "2": "green", "3": "gray", "4": "blue"}.items():
        picture(part / f"images/20240330_315P/Data/{name}.jpg", color)
    place = "20240330_315P/Data/"
    turns = {"instruction_1": "add a kite", "edit_image_1": f"{place}1.jpg", "instruction_2": "make the kite green"}
    turns |= {"edit_image_2": f"{place}2.jpg", "instruction_3": "remove the kite", "edit_image_3": f"{place}3.jpg"}
    broken = {"instruction_1": "replace the cup with a vase", "edit_image_1": f"{place}4.jpg"}
    broken |= {"instruction_2": None, "edit_image_2": f"{place}2.jpg"}
    lines = [
        {"source_image": f"{place}0.jpg", **turns, "instruction_4": None, "edit_image_4": None},
        {"source_image": f"{place}1.jpg", **{key: value for key, value in broken.items() if value is not None}},
        {"source_image": f"{place}1.jpg", "caption": "a cup"},
    ]
    _lines(part / "annotations/split_0001.jsonl", lines)


def _pair(part: Path, name: str, source: str, target: str, instruction: str) -> dict[str, str]:
    picture(part / "images/source_images" / name, source)
    picture(part / "images/target_images" / name, target)
    return {
        "source_image": f"source_images/{name}",
        "target_image": f"target_images/{name}",
        "instruction": instruction,
    }


def _lines(path: Path, lines: list[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
