"""VEG-Edit: the list and the clips that synthesis writes."""

import json
from pathlib import Path

from support.layouts.tiny import Known, clip

ROWS = {
    "train": [
        Known("0000", "visual_feature", "red", "blue", "Let the swan be as the sea", frames=4),
        Known("0001", "addition", "red", "green", "Add a hat to the man", frames=4),
        Known("0002", "removal", "red", "gray", "Remove the car", frames=4),
    ]
}
SKIPPED = {"train": ["JSON", "target/0004.mp4: no such file"]}


def write(root: Path) -> None:
    """Three pairs, one of which says its skill; a line that is cut off, a clip that is missing."""
    lines = [_pair(row.key, row.instruction) for row in ROWS["train"]]
    lines[0]["skill"] = "visual_feature"
    for row in ROWS["train"]:
        clip(root / f"source/{row.key}.mp4", row.source)
        clip(root / f"target/{row.key}.mp4", row.target)
    clip(root / "source/0004.mp4", "red")
    text = [*map(json.dumps, lines), '{"key": "0003", "source": "sou', json.dumps(_pair("0004", "Remove the car"))]
    (root / "pairs.jsonl").write_text("\n".join(text) + "\n")


def _pair(key: str, instruction: str | None) -> dict[str, str | None]:
    return {"key": key, "source": f"source/{key}.mp4", "target": f"target/{key}.mp4", "instruction": instruction}
