"""InsViE-1M: one CSV, folders of sources and of edited clips."""

import csv
from pathlib import Path

from support.layouts.tiny import Known, clip

ROWS = {
    "train": [
        Known("insvie/train/0", "stylization", "red", "blue", "Make it look like a Van Gogh painting", frames=4),
        Known("insvie/train/1", "addition", "red", "green", 'Add a "stop" sign, please', frames=4),
        Known("insvie/train/3", "removal", "gray", "blue", "Remove the boat", frames=4),
    ]
}
SKIPPED = {"train": ["edited/pexel-2_1_7_3.mp4: no such file", "does not tell its source"]}


def write(root: Path) -> None:
    """An edited clip that is missing, and one whose name tells no source."""
    for name, color in {"pexel-1": "red", "pexel-2": "red", "magicbrush-9": "gray"}.items():
        clip(root / f"source/{name}.mp4", color)
    for name, color in {"pexel-1_0_2_1": "blue", "pexel-1_0_7_1": "green", "magicbrush-9_1_1_1": "blue"}.items():
        clip(root / f"edited/{name}.mp4", color)
    with (root / "info.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video", "instruct"])
        writer.writerow(["pexel-1_0_2_1.mp4", "Make it look like a Van Gogh painting"])
        writer.writerow(["pexel-1_0_7_1.mp4", 'Add a "stop" sign, please'])
        writer.writerow(["pexel-2_1_7_3.mp4", "Make it night"])
        writer.writerow(["magicbrush-9_1_1_1.mp4", "Remove the boat"])
        writer.writerow(["whole.mp4", "Remove the boat"])
