"""Ref-YouTube-VOS and Ref-DAVIS17 in miniature, the latter as ReferFormer converts it."""

from pathlib import Path

import numpy as np

from support.layouts.answers import Answer
from support.layouts.drawing import box, save_json, save_palette, save_picture
from veggie_pl.batch import Skill

YOUTUBE, DAVIS = "ref-youtube-vos", "ref-davis"
FRAMES = ["00000", "00005", "00010"]
PERSON = [box(2, 2, 12, 8), box(3, 3, 13, 9), box(4, 4, 14, 10)]
BOARD = [box(0, 0, 0, 0), box(15, 10, 20, 25), box(16, 12, 21, 27)]


def objects(place: int) -> np.ndarray:
    """Frame ``place`` as numbers of objects: 1 the person, 2 the board."""
    return PERSON[place] * 1 + BOARD[place] * 2


def describe(*expressions: tuple[str, str]) -> dict:
    said = {str(place): {"exp": exp, "obj_id": one} for place, (exp, one) in enumerate(expressions)}
    return {"expressions": said, "frames": FRAMES}


def save_clip(root: Path, part: str, video: str, masks: bool = True) -> None:
    for place, name in enumerate(FRAMES):
        save_picture(root / part / f"JPEGImages/{video}/{name}.jpg", place)
        if masks:
            save_palette(root / part / f"Annotations/{video}/{name}.png", objects(place))


def write(root: Path) -> None:
    youtube, davis = root / YOUTUBE, root / DAVIS
    for video in ("003234408d", "0043f083b5", "00917dcfc4"):
        save_clip(youtube, "train", video)
    (youtube / "train/Annotations/0043f083b5/00005.png").unlink()
    save_palette(youtube / "train/Annotations/00917dcfc4/00000.png", np.ones((16, 16)))
    train = {
        "003234408d": describe(
            ("a person on a surfboard", "1"), ("the white board  in the water", "2"), ("a third thing", "3")
        ),
        "0043f083b5": describe(("a mask file is missing", "1")),
        "00917dcfc4": describe(("a mask of another size", "1")),
    }
    save_json(youtube / "meta_expressions/train/meta_expressions.json", {"videos": train})
    categories = {"1": {"category": "person"}, "2": {"category": "surfboard"}}
    save_json(youtube / "train/meta.json", {"videos": {video: {"objects": categories} for video in train}})
    valid = {"0062f687f1": {"expressions": {"0": {"exp": "nobody knows"}}, "frames": FRAMES}}  # no masks are public
    save_json(youtube / "meta_expressions/valid/meta_expressions.json", {"videos": valid})
    save_clip(youtube, "valid", "0062f687f1", masks=False)
    for part, video in (("train", "bear"), ("valid", "kite-surf")):
        save_clip(davis, part, video)
        found = {video: describe(("surfer", "1"), ("board under the surfer", "2"))}
        save_json(davis / f"meta_expressions/{part}/meta_expressions.json", {"videos": found})
        save_json(davis / f"{part}/meta.json", {"videos": {video: {"objects": categories}}})


def frames(folder: str, video: str) -> tuple[str, ...]:
    return tuple(f"{folder}/JPEGImages/{video}/{name}.jpg" for name in FRAMES)


def answer(phrase: str, folder: str, video: str, track: list) -> Answer:
    return Answer(Skill.GROUNDING, phrase, frames(folder, video), np.stack(track))


ANSWERS = {
    "train": {
        "ref_youtube_vos/train/ref-youtube-vos/003234408d/0": answer(
            "person on a surfboard", f"{YOUTUBE}/train", "003234408d", PERSON
        ),
        "ref_youtube_vos/train/ref-youtube-vos/003234408d/1": answer(
            "white board in the water", f"{YOUTUBE}/train", "003234408d", BOARD
        ),
        "ref_youtube_vos/train/ref-davis/bear/0": answer("surfer", f"{DAVIS}/train", "bear", PERSON),
        "ref_youtube_vos/train/ref-davis/bear/1": answer("board under the surfer", f"{DAVIS}/train", "bear", BOARD),
    },
    "val": {
        "ref_youtube_vos/val/ref-davis/kite-surf/0": answer("surfer", f"{DAVIS}/valid", "kite-surf", PERSON),
        "ref_youtube_vos/val/ref-davis/kite-surf/1": answer(
            "board under the surfer", f"{DAVIS}/valid", "kite-surf", BOARD
        ),
    },
}
FAULTS = {
    "train": {
        "ref_youtube_vos/train/ref-youtube-vos/003234408d/2": "empty in every frame",
        "ref_youtube_vos/train/ref-youtube-vos/0043f083b5/0": "Annotations/0043f083b5/00005.png: no such file",
        "ref_youtube_vos/train/ref-youtube-vos/00917dcfc4/0": "16 x 16 pixels, but its picture has 24 x 32",
    },
    "val": {},
}
