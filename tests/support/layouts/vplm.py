"""VPLM: descriptions of objects beside ROVI's folders."""

import json
from pathlib import Path

from support.layouts.rovi import BIRD, MAN, write_clip
from support.layouts.tiny import Known

ROWS = {
    "train": [
        Known("vplm/train/0", "removal", "red", "gray", None, "Bird", 3, (BIRD, BIRD, None)),
        Known("vplm/train/1", "addition", "blue", "red", None, "Man", 3, (MAN, None, MAN)),
    ],
    "test": [Known("vplm/test/0", "removal", "red", "blue", None, "Man", 3, (MAN, None, MAN))],
}
SKIPPED = {"train": ["only removal and adding have a pair", "the object's number is a str, not a int"], "test": []}


def write(root: Path) -> None:
    """A removal, an addition, a repainting without a pair, and a number that leads out of the folder."""
    write_clip(root)
    train = [
        _example("removal", "1", "**Bird**: a small gray bird on a branch."),
        _example("adding", "2", "Man: he wears a hat."),
        _example("editing", "2", "Man: he wears a hat."),
        _example("removal", "../1", "Bird"),
    ]
    (root / "VPLM").mkdir()
    (root / "VPLM/gt_train.json").write_text(json.dumps(train))
    (root / "VPLM/gt_test.json").write_text(json.dumps([_example("removal", "2", "Man: he wears a hat.")]))


def _example(task: str, thing: str, description: str) -> dict[str, str]:
    return {"vid": "03c95b4dae", "task": task, "mask_id": thing, "description": description}
