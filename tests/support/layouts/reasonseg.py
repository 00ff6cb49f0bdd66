"""ReasonSeg in miniature: one JSON file per picture, targets with holes to ignore."""

import json
from pathlib import Path

import numpy as np

from support.layouts.answers import Answer
from support.layouts.drawing import box, corners, save_json, save_picture
from veggie_pl.batch import Skill


def shape(label: str, points: list, image: str) -> dict:
    return {"label": label, "labels": [label], "shape_type": "polygon", "image_name": image, "points": points}


def annotation(name: str, text: list, is_sentence: bool, *shapes: tuple[str, list]) -> dict:
    return {
        "text": text,
        "is_sentence": is_sentence,
        "shapes": [shape(label, points, f"{name}.jpg") for label, points in shapes],
    }


def write(root: Path) -> None:
    ring = [("ignore", corners(8, 10, 14, 18)), ("target", corners(4, 5, 20, 27)), ("flag", corners(0, 0, 24, 32))]
    asked = ["What would you hold to open the door?", "If it rains, which thing keeps you dry", "the round thing."]
    found = {
        "train/101_open": annotation("101_open", asked, True, *ring),
        "train/102_two": annotation(
            "102_two", ["camera lens"], False, ("target", corners(1, 1, 6, 6)), ("target", corners(10, 20, 18, 30))
        ),
        "train/103_ignored": annotation("103_ignored", ["all of it?"], True, ("ignore", corners(1, 1, 6, 6))),
        "train/104_no_picture": annotation("104_no_picture", ["where?"], True, ("target", corners(1, 1, 6, 6))),
        "train/106_no_label": {"text": ["where?"], "is_sentence": True, "shapes": [{"points": corners(1, 1, 6, 6)}]},
        "val/201": annotation("201", ["Who is it?"], True, ("target", corners(2, 3, 12, 13))),
        "test/301": annotation("301", ["Where is it?"], True, ("target", corners(2, 3, 12, 13))),
    }
    for name, one in found.items():
        save_json(root / f"{name}.json", one)
        if "no_picture" not in name:
            save_picture(root / f"{name}.jpg", len(name))
    save_picture(root / "train/105_no_annotation.jpg", 5)
    old = annotation("107_old", ["What is a caf\u00e9?"], True, ("target", corners(2, 3, 12, 13)))
    (root / "train/107_old.json").write_bytes(json.dumps(old, ensure_ascii=False).encode("cp1252"))
    save_picture(root / "train/107_old.jpg", 7)
    save_json(root / "explanatory/train.json", [{"image": "101_open.jpg", "query": "Why?", "outputs": "Because."}])


def answer(phrase: str, name: str, mask: np.ndarray) -> Answer:
    return Answer(Skill.REASONING, phrase, (f"{name}.jpg",), mask[None])


RING = box(4, 5, 20, 27) & ~box(8, 10, 14, 18)
ANSWERS = {
    "train": {
        "reasonseg/train/101_open/0": answer("What would you hold to open the door?", "train/101_open", RING),
        "reasonseg/train/101_open/1": answer(
            "What fits this description: If it rains, which thing keeps you dry?", "train/101_open", RING
        ),
        "reasonseg/train/101_open/2": answer("What fits this description: the round thing?", "train/101_open", RING),
        "reasonseg/train/102_two/0": answer(
            "What fits this description: camera lens?", "train/102_two", box(1, 1, 6, 6) | box(10, 20, 18, 30)
        ),
        "reasonseg/train/107_old/0": answer("What is a caf\u00e9?", "train/107_old", box(2, 3, 12, 13)),
    },
    "val": {"reasonseg/val/201/0": answer("Who is it?", "val/201", box(2, 3, 12, 13))},
    "test": {"reasonseg/test/301/0": answer("Where is it?", "test/301", box(2, 3, 12, 13))},
}
FAULTS = {
    "train": {
        "reasonseg/train/103_ignored": "empty",
        "reasonseg/train/104_no_picture": "104_no_picture.jpg: no such file",
        "reasonseg/train/105_no_annotation": "105_no_annotation.json: no such file",
        "reasonseg/train/106_no_label": "no field 'label'",
    },
    "val": {},
    "test": {},
}
