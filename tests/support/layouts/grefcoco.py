"""gRefCOCO in miniature: one, several and no objects; polygons, run lengths and a crowd."""

from pathlib import Path
from typing import Any

import numpy as np

from support.layouts.answers import Answer
from support.layouts.drawing import H, W, box, corners, runs, save_json, save_picture
from support.layouts.mevis import compressed
from veggie_pl.batch import Skill

FILE = "COCO_train2014_000000000{:03d}.jpg"


def flat(*edges: int) -> list[float]:
    return [value for corner in corners(*edges) for value in corner]


def object_(number: int, image: int, segmentation: Any, iscrowd: int = 0) -> dict:
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": iscrowd,
        "area": 1.0,
        "bbox": [0, 0, 1, 1],
        "segmentation": segmentation,
    }


OBJECTS = [
    object_(11, 1, [flat(2, 2, 10, 8)]),
    object_(12, 1, [flat(4, 12, 12, 18), flat(14, 12, 20, 18)]),  # in two parts
    object_(13, 1, {"size": [H, W], "counts": runs(box(5, 22, 20, 30))}),
    object_(14, 1, {"size": [H, W], "counts": runs(box(0, 0, 24, 32))}, iscrowd=1),
    object_(15, 1, [[1, 2, 3]]),
    object_(21, 2, compressed(box(6, 6, 18, 26))),
]


def reference(number: int, image: int, split: str, ann_id: Any, *sentences: str) -> dict:
    return {
        "ref_id": number,
        "image_id": image,
        "file_name": FILE.format(image).replace(".jpg", f"_{number}.jpg"),
        "split": split,
        "ann_id": ann_id,
        "category_id": [1],
        "no_target": ann_id == [-1],
        "sent_ids": [number * 10 + place for place in range(len(sentences))],
        "sentences": [
            {"sent_id": number * 10 + place, "sent": sent, "raw": sent, "tokens": sent.split()}
            for place, sent in enumerate(sentences)
        ],
    }


REFERENCES = [
    reference(1, 1, "train", [11], "the kid in red", "left kid"),
    reference(2, 1, "train", [11, 12, 13], "everyone"),
    reference(3, 1, "train", [-1], "the kid in blue"),
    reference(4, 1, "train", [13, 14], "kid before the crowd"),
    reference(5, 1, "train", [15], "an odd polygon"),
    reference(6, 1, "train", [99], "nobody's object"),
    reference(7, 1, "train", [21], "an object elsewhere"),
    reference(8, 3, "train", [11], "a picture that is not declared"),
    reference(9, 2, "val", 21, "a dog"),  # one alone need not be in a list
    reference(10, 2, "testA", [21], "man"),
    reference(11, 2, "testB", [21], "big dog"),
]


def write(root: Path) -> None:
    for image in (1, 2):
        save_picture(root / "images/train2014" / FILE.format(image), image)
    images = [{"id": image, "file_name": FILE.format(image), "height": H, "width": W} for image in (1, 2)]
    instances = {"images": images, "annotations": OBJECTS, "categories": [{"id": 1, "name": "person"}]}
    save_json(root / "grefcoco/instances.json", instances)
    save_json(root / "grefcoco/grefs(unc).json", REFERENCES)


def answer(phrase: str, image: int, mask: np.ndarray) -> Answer:
    return Answer(Skill.GROUNDING, phrase, (f"images/train2014/{FILE.format(image)}",), mask[None])


PARTS = box(4, 12, 12, 18) | box(14, 12, 20, 18)
ANSWERS = {
    "train": {
        "grefcoco/train/1/10": answer("kid in red", 1, box(2, 2, 10, 8)),
        "grefcoco/train/1/11": answer("left kid", 1, box(2, 2, 10, 8)),
        "grefcoco/train/2/20": answer("everyone", 1, box(2, 2, 10, 8) | PARTS | box(5, 22, 20, 30)),
        "grefcoco/train/4/40": answer("kid before the crowd", 1, box(5, 22, 20, 30)),
    },
    "val": {"grefcoco/val/9/90": answer("dog", 2, box(6, 6, 18, 26))},
    "test": {
        "grefcoco/test/10/100": answer("man", 2, box(6, 6, 18, 26)),
        "grefcoco/test/11/110": answer("big dog", 2, box(6, 6, 18, 26)),
    },
}
FAULTS = {
    "train": {
        "grefcoco/train/3/30": "names nothing in the picture",
        "grefcoco/train/5/50": "a polygon of 3 values",
        "grefcoco/train/6/60": "no object 99",
        "grefcoco/train/7/70": "object 21 lies in another picture",
        "grefcoco/train/8/80": "no image 3",
    },
    "val": {},
    "test": {},
}
