"""PhraseCut in miniature: regions of pictures as polygons, per instance."""

from pathlib import Path

import numpy as np

from support.layouts.answers import Answer
from support.layouts.drawing import H, W, box, corners, save_json, save_picture
from veggie_pl.batch import Skill

TRIANGLE = [[4, 2], [24, 2], [4, 22]]


def task(task_id: str, image_id: int, phrase: str, polygons: list) -> dict:
    return {
        "task_id": task_id,
        "image_id": image_id,
        "ann_ids": [1],
        "instance_boxes": [[0, 0, 1, 1] for _ in polygons],
        "Polygons": polygons,
        "phrase": phrase,
        "phrase_structure": {"name": phrase, "attributes": [], "relation_descriptions": [], "type": "name"},
    }


TRAIN = [
    task("61525__1", 61525, "the wooden  table", [[corners(3, 4, 11, 20)]]),
    task("2400__2", 2400, "windows", [[corners(1, 1, 6, 6), corners(1, 8, 6, 13)], [corners(14, 20, 22, 31)]]),
    task("61525__3", 61525, "sky", [[corners(0, 0, 2, W), [[5, 5], [6, 6]]]]),  # two corners cover nothing
    task("61525__4", 61525, "nothing at all", [[]]),
    task("61525__5", 61525, "bad corner", [[[[1, 1], [5, 1], [5, "five"]]]]),
    task("61525__1", 61525, "the same name again", [[corners(3, 4, 11, 20)]]),
    task("7__6", 7, "picture that is missing", [[corners(3, 4, 11, 20)]]),
    task("8__7", 8, "picture of another size", [[corners(3, 4, 11, 20)]]),
    task("9__8", 9, "picture that nobody declared", [[corners(3, 4, 11, 20)]]),
    task("61525__9", 61525, "corner of the roof", [[TRIANGLE]]),
]
VAL = [task("61525__10", 61525, "table", [[corners(3, 4, 11, 20)]])]
MINIV = [task("2400__11", 2400, "window", [[corners(1, 1, 6, 6)]])]


def write(root: Path) -> None:
    for image in (61525, 2400, 8, 9):
        save_picture(root / f"images/{image}.jpg", image, (16, 16) if image == 8 else (H, W))
    declared = [{"image_id": image, "width": W, "height": H, "split": "train"} for image in (61525, 2400, 7, 8)]
    save_json(root / "image_data_split3000.json", declared)
    for part, tasks in (("train", TRAIN), ("val", VAL), ("miniv", MINIV), ("test", VAL)):
        save_json(root / f"refer_{part}.json", tasks)


def answer(phrase: str, image: int, mask: np.ndarray, slack: int = 0) -> Answer:
    return Answer(Skill.GROUNDING, phrase, (f"images/{image}.jpg",), mask[None], slack)


WINDOWS = box(1, 1, 6, 6) | box(1, 8, 6, 13) | box(14, 20, 22, 31)
ROWS, COLUMNS = np.indices((H, W))
CORNER = (ROWS >= 2) & (COLUMNS >= 4) & (ROWS + COLUMNS <= 24)  # pixels whose centre TRIANGLE covers
ANSWERS = {
    "train": {
        "phrasecut/train/61525__1": answer("wooden table", 61525, box(3, 4, 11, 20)),
        "phrasecut/train/61525__3": answer("sky", 61525, box(0, 0, 2, W)),
        "phrasecut/train/61525__1#5": answer("same name again", 61525, box(3, 4, 11, 20)),
        "phrasecut/train/61525__9": answer("corner of the roof", 61525, CORNER, slack=1),
        "phrasecut/train/2400__2": answer("windows", 2400, WINDOWS),
    },
    "val": {
        "phrasecut/val/61525__10": answer("table", 61525, box(3, 4, 11, 20)),
        "phrasecut/val/2400__11": answer("window", 2400, box(1, 1, 6, 6)),
    },
    "test": {"phrasecut/test/61525__10": answer("table", 61525, box(3, 4, 11, 20))},
}
FAULTS = {
    "train": {
        "phrasecut/train/61525__4": "empty",
        "phrasecut/train/61525__5": "'five' is no coordinate",
        "phrasecut/train/7__6": "images/7.jpg: no such file",
        "phrasecut/train/8__7": r"polygons for .24, 32. pixels .height, width., but the picture has .16, 16.",
        "phrasecut/train/9__8": "image 9 is not in image_data_split",
    },
    "val": {},
    "test": {},
}
