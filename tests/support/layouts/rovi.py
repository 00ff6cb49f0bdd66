"""ROVI: JPEGImages, Annotations, InpaintImages and one JSON per split."""

import json
from pathlib import Path

from support.layouts.tiny import Known, clip_frames, indexed

BIRD, MAN = (4, 6, 12, 16), (14, 20, 22, 30)
ROWS = {
    "train": [
        Known("rovi/train/03c95b4dae/0", "removal", "red", "gray", None, "bird on the left", 3, (BIRD, BIRD, None)),
        Known("rovi/train/03c95b4dae/1", "removal", "red", "gray", None, "flying bird", 3, (BIRD, BIRD, None)),
        Known("rovi/train/03c95b4dae/2", "removal", "red", "blue", None, "man", 3, (MAN, None, MAN)),
        Known("rovi/train/i4CbI7HILpI/0", "removal", "green", "gray", None, "ball", 2),
    ],
    "test": [Known("rovi/test/i4CbI7HILpI/0", "removal", "green", "gray", None, "ball", 2)],
}
SKIPPED = {
    "train": ["InpaintImages/03c95b4dae/3: No such file", "JPEGImages/empty: no pictures"],
    "test": [],
}


def write(root: Path) -> None:
    """A YouTube-VOS clip with masks, an A2D clip without; an object nobody inpainted, a clip without frames."""
    _clip(root)
    clip_frames(root / "JPEGImages/i4CbI7HILpI", "green", 2)
    clip_frames(root / "InpaintImages/i4CbI7HILpI/1", "gray", 2)
    (root / "JPEGImages/empty").mkdir()
    ball = {"expressions": {"0": {"exp": "the ball", "obj_id": 1}}}
    birds = {"0": _says("a bird on the left.", 1), "1": _says("flying bird", "1"), "2": _says("Remove the man", 2)}
    train = {
        "03c95b4dae": {"expressions": {**birds, "3": _says("cat", 3)}},
        "i4CbI7HILpI": ball,
        "empty": {"expressions": {"0": _says("dog", 1)}},
    }
    (root / "train.json").write_text(json.dumps(train))
    (root / "test.json").write_text(json.dumps({"videos": {"i4CbI7HILpI": ball}}))


def _says(words: str, thing: int | str) -> dict[str, object]:
    return {"exp": words, "obj_id": thing}


def _clip(root: Path) -> None:
    """The clip of a bird (1) and a man (2), which VPLM describes too."""
    clip_frames(root / "JPEGImages/03c95b4dae", "red", 3)
    clip_frames(root / "InpaintImages/03c95b4dae/1", "gray", 3)
    clip_frames(root / "InpaintImages/03c95b4dae/2", "blue", 3)
    for frame, (bird, man) in enumerate(((BIRD, MAN), (BIRD, None), (None, MAN))):
        indexed(root / f"Annotations/03c95b4dae/{5 * frame:05d}.png", {1: bird, 2: man})


def write_clip(root: Path) -> None:
    """Only that clip, for VPLM."""
    _clip(root)
