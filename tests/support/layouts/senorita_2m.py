"""Señorita-2M: lists at the top, clips in folders."""

import json
from pathlib import Path

from support.layouts.tiny import Known, clip

ROWS = {
    "train": [
        Known("updated_data_obj_addition_videos/0", "addition", "gray", "red", "Add a car to the street", frames=4),
        Known("updated_data_obj_removal/0", "removal", "red", "gray", "Remove the car", frames=4),
    ]
}
SKIPPED = {"train": ["obj_swap_videos/absent.mp4: no such file"]}


def write(root: Path) -> None:
    """One pair, read both ways by two lists; one pair in a folder that is called otherwise."""
    clip(root / "obj_removal_videos/7.mp4", "red")
    clip(root / "obj_removal_videos/7_edit.mp4", "gray")
    there, gone = "./obj_removal_videos/7.mp4", "./obj_removal_videos/7_edit.mp4"
    addition = [_item(gone, there, "Add a car to the street")]
    removal = [_item(there, gone, "Remove the car"), _item(there, "./obj_swap_videos/absent.mp4", "Swap the car")]
    (root / "updated_data_obj_addition_videos.json").write_text(json.dumps(addition))
    (root / "updated_data_obj_removal.json").write_text(json.dumps(removal))


def _item(source: str, target: str, instruction: str) -> dict[str, str]:
    return {"source_video_path": source, "target_video_path": target, "instruction": instruction}
