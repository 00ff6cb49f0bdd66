"""OpenVE-3M: one CSV per category, clips below videos/."""

import csv
from pathlib import Path

from support.layouts.tiny import Known, clip

ROWS = {
    "train": [
        Known("csv_files/local_change/0", "changing", "red", "blue", 'Replace the "STOP" sign with a tree', frames=4),
        Known("csv_files/local_remove/0", "removal", "red", "gray", "Remove the car, and its shadow", frames=4),
    ]
}
SKIPPED = {"train": ["videos/local_remove/1_edit.mp4: no such file"]}


def write(root: Path) -> None:
    """A change and a removal, and a removal whose clip is missing."""
    for row in ROWS["train"]:
        name = row.key.split("/")[1]
        clip(root / f"videos/{name}/0.mp4", row.source)
        clip(root / f"videos/{name}/0_edit.mp4", row.target)
        path = root / f"csv_files/{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["video", "original_video", "prompt"])
            writer.writerow([f"{name}/0_edit.mp4", f"{name}/0.mp4", row.instruction])
            if name == "local_remove":
                writer.writerow([f"{name}/1_edit.mp4", f"{name}/0.mp4", "Remove it"])
