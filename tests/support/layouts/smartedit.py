"""SmartEdit's synthetic editing data: one JSON file with paths of the authors' checkout."""

import json
from pathlib import Path

from support.layouts.tiny import Known, picture

ROWS = {
    "train": [
        Known(
            "smartedit/train/0000/0", "changing", "red", "green", "replace the food with the most vitamins by an orange"
        ),
        Known("smartedit/train/0000/1", "changing", "red", "green", "Swap what the rabbit wants for an orange"),
        Known("smartedit/train/0001/0", "removal", "blue", "gray", "Remove the object that can tell time"),
    ]
}
SKIPPED = {"train": ["edited/0002.png: no such file", "no instruction"]}


def write(root: Path) -> None:
    """Two pairs, one whose target is missing, one without an instruction."""
    pairs = {
        "0000": _pair(root, "0000", "red", "green", [row.instruction for row in ROWS["train"][:2]]),
        "0001": _pair(root, "0001", "blue", "gray", ["Remove the object that can tell time"]),
        "0002": _pair(root, "0002", "blue", None, ["Remove the clock"]),
        "0003": _pair(root, "0003", "blue", "gray", []),
    }
    (root / "SyntheticData_info_new.json").write_text(json.dumps(pairs))


def _pair(root: Path, name: str, source: str, target: str | None, instructions: list[str | None]) -> dict[str, object]:
    picture(root / f"origin/{name}.png", source)
    if target is not None:
        picture(root / f"edited/{name}.png", target)
    return {
        "origin_img_path": f"./dataset/SyntheticData/origin/{name}.png",
        "target_img_path": f"./dataset/SyntheticData/edited/{name}.png",
        "instruction": instructions,
    }
