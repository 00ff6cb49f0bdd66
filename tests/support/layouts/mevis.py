"""MeViS in miniature: two clips to train on, one to validate on, one of the official valid without masks."""

from pathlib import Path

import numpy as np
from pycocotools import mask as coco

from support.layouts.answers import Answer
from support.layouts.drawing import H, W, box, runs, save_json, save_picture
from veggie_pl.batch import Skill

FRAMES = ["00000", "00001", "00002"]
BIRD = [box(2, 3, 8, 9), box(2, 6, 8, 12), None]  # flies out of the picture
CAT = [box(12, 4, 20, 14), box(12, 4, 20, 14), box(13, 5, 21, 15)]
DOG = [None, box(5, 20, 15, 30), box(5, 22, 15, 32)]


def compressed(mask: np.ndarray | None) -> dict | None:
    """As the official files have it: pycocotools' text, or null."""
    if mask is None:
        return None
    found = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": found["size"], "counts": found["counts"].decode()}


def seen(track: list) -> np.ndarray:
    return np.stack([box(0, 0, 0, 0) if mask is None else mask for mask in track])


def said(*expressions: tuple[str, list[int]]) -> dict:
    """Expressions as the official files have them; objects are numbered within a video, masks across all."""
    return {
        str(place): {"exp": exp, "obj_id": list(range(len(anno))), "anno_id": anno}
        for place, (exp, anno) in enumerate(expressions)
    }


def describe(expressions: dict, frames: list[str] = FRAMES) -> dict:
    return {"expressions": expressions, "vid_id": 0, "frames": frames}


TRAIN = {
    "0ab4afe7fb46": describe(
        said(
            ("The bird flying away", [0]),
            ("all animals that stay or leave", [0, 1]),
            ("a plane that is not there", []),
            ("an object without masks", [9]),
        )
    ),
    "377b1c5f365c": describe(said(("dog entering from the right.", [2]), ("a ghost", [3])), FRAMES[::-1]),
    "cut_short": describe(said(("one frame is missing", [0])), [*FRAMES, "00003"]),
    "../../outside": describe(said(("a way out", [0]))),
    "other_size": describe(said(("a mask of another size", [0]))),
}
MASKS = {
    "0": [compressed(mask) for mask in BIRD],
    "1": [compressed(mask) for mask in CAT],
    "2": [None if mask is None else {"size": [H, W], "counts": runs(mask)} for mask in DOG],  # uncompressed
    "3": [None, None, None],
}


def write(root: Path) -> None:
    for video in ("0ab4afe7fb46", "377b1c5f365c", "cut_short"):
        for place, name in enumerate(FRAMES):
            save_picture(root / f"train/JPEGImages/{video}/{name}.jpg", place)
    for name in FRAMES:
        save_picture(root / f"train/JPEGImages/other_size/{name}.jpg", 7, (16, 16))
        save_picture(root / f"valid_u/JPEGImages/d56a6ec78cfa/{name}.jpg", 8)
        save_picture(root / f"valid/JPEGImages/0fea0cb75a25/{name}.jpg", 9)
    save_json(root / "train/meta_expressions.json", {"videos": TRAIN})
    save_json(root / "train/mask_dict.json", MASKS)
    val = {"d56a6ec78cfa": describe(said(("the cat lying still", [4])))}
    save_json(root / "valid_u/meta_expressions.json", {"videos": val})
    save_json(root / "valid_u/mask_dict.json", {"4": MASKS["1"]})
    valid = {"0fea0cb75a25": {"expressions": {"0": {"exp": "nobody knows"}}, "vid_id": 1, "frames": FRAMES}}
    save_json(root / "valid/meta_expressions.json", {"videos": valid})


def frames(video: str, folder: str = "train") -> tuple[str, ...]:
    return tuple(f"{folder}/JPEGImages/{video}/{name}.jpg" for name in FRAMES)


BOTH = seen(BIRD) | seen(CAT)
ANSWERS = {
    "train": {
        "mevis/train/0ab4afe7fb46/0": Answer(Skill.GROUNDING, "bird flying away", frames("0ab4afe7fb46"), seen(BIRD)),
        "mevis/train/0ab4afe7fb46/1": Answer(
            Skill.GROUNDING, "all animals that stay or leave", frames("0ab4afe7fb46"), BOTH
        ),
        "mevis/train/377b1c5f365c/0": Answer(
            Skill.GROUNDING, "dog entering from the right", frames("377b1c5f365c"), seen(DOG)
        ),
    },
    "val": {
        "mevis/val/d56a6ec78cfa/0": Answer(
            Skill.GROUNDING, "cat lying still", frames("d56a6ec78cfa", "valid_u"), seen(CAT)
        ),
    },
}
FAULTS = {
    "train": {
        "mevis/train/0ab4afe7fb46/2": "names nothing in the video",
        "mevis/train/0ab4afe7fb46/3": "no masks of object 9",
        "mevis/train/377b1c5f365c/1": "empty in every frame",
        "mevis/train/cut_short": "1 of 4 frames are missing, such as train/JPEGImages/cut_short/00003.jpg",
        "mevis/train/../../outside": "no such file|No such file|outside the data root",
        "mevis/train/other_size/0": "a mask of 24 x 32 pixels for a picture of 16 x 16",
    },
    "val": {},
}
