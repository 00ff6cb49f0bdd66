"""Ditto-1M: metadata in JSON, clips below videos/."""

import json
from pathlib import Path

from support.layouts.tiny import Known, clip

ROWS = {
    "train": [
        Known("training_metadata/global_style1/0", "stylization", "red", "green", "Make it anime style", frames=4),
        Known("training_metadata/local/0", "changing", "red", "blue", "Replace the swan with a duck", frames=4),
    ]
}
SKIPPED = {"train": ["videos/global_style2/a.mp4: no such file", "there is no source"]}


def write(root: Path) -> None:
    """A local edit and a style; one whose folder was not fetched, one without a source."""
    for name, color in {"source/a": "red", "local/a": "blue", "global_style1/a": "green"}.items():
        clip(root / f"videos/{name}.mp4", color)
    local = [_item("local/a.mp4", "Replace the swan with a duck"), {**_item("local/a.mp4", "x"), "source_path": None}]
    styles = [_item("global_style1/a.mp4", "Make it anime style"), _item("global_style2/a.mp4", "Make it anime style")]
    (root / "training_metadata").mkdir()
    (root / "training_metadata/local.json").write_text(json.dumps(local))
    (root / "training_metadata/global_style1.json").write_text(json.dumps(styles))


def _item(edited: str, instruction: str) -> dict[str, str | None]:
    return {"source_path": "source/a.mp4", "instruction": instruction, "edited_path": edited}
