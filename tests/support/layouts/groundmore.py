"""GroundMoRe in miniature: clips of two seconds, twelve frames, with masks for a while."""

from pathlib import Path

import numpy as np

from support.layouts.answers import Answer
from support.layouts.drawing import box, save_json, save_palette, save_picture
from veggie_pl.batch import Skill

CLIP, OTHER, LOST = "pMxE2CBwjmM_0415_0417", "Ql2eVk6oiPk_1002_1004", "nPLi8vhcYeA_0000_0002"
NUM_FRAMES = 12
BALL = [box(2 + place, 3 + place, 6 + place, 7 + place) for place in range(NUM_FRAMES)]
MAN = [box(8, 16, 22, 24)] * NUM_FRAMES


def asked(question: str, obj_id: str, start: str, end: str) -> dict:
    return {
        "question": question,
        "answer": "the ball",
        "obj_id": obj_id,
        "q_type": "Sequential",
        "action_start": start,
        "action_end": end,
    }


TRAIN = {
    CLIP: {
        "questions": {
            "0": asked("What does the man throw before he turns?", "1", "4:15", "4:16"),
            "1": asked("Who throws what", "1, 2", "4:15", "4:17"),
            "2": asked("Who comes too late?", "1", "4:18", "4:20"),
            "3": asked("Who has no time?", "1", "later", "4:20"),
        }
    },
    LOST: {"questions": {"0": asked("Where are the frames?", "1", "0:00", "0:01")}},
    "a_clip_without_times": {"questions": {"0": asked("When?", "1", "0:00", "0:01")}},
}
TEST = {OTHER: {"questions": {"0": asked("Who waits?", "2", "0:10:02", "0:10:04")}}}


def write(root: Path) -> None:
    for video in (CLIP, OTHER):
        for place in range(NUM_FRAMES):
            save_picture(root / f"annotations/{video}/images/frame_{place:06d}.jpg", place)
            if place < 9:  # masks end before the clip does
                objects = np.where(BALL[place], 1, MAN[place] * 2)
                save_palette(root / f"annotations/{video}/masks/frame_{place:06d}.png", objects)
    save_json(root / "trainval_v2.json", {"videos": TRAIN})
    save_json(root / "test_v2.json", {"videos": TEST})


def during(track: list, first: int, end: int) -> np.ndarray:
    return np.stack([mask if first <= place < end else box(0, 0, 0, 0) for place, mask in enumerate(track)])


def frames(video: str) -> tuple[str, ...]:
    return tuple(f"annotations/{video}/images/frame_{place:06d}.jpg" for place in range(NUM_FRAMES))


BOTH = [ball | man for ball, man in zip(BALL, MAN, strict=True)]
ALONE = [man & ~ball for ball, man in zip(BALL, MAN, strict=True)]  # the ball is in front
ANSWERS = {
    "train": {
        f"groundmore/train/{CLIP}/0": Answer(
            Skill.REASONING, "What does the man throw before he turns?", frames(CLIP), during(BALL, 0, 6)
        ),
        f"groundmore/train/{CLIP}/1": Answer(Skill.REASONING, "Who throws what?", frames(CLIP), during(BOTH, 0, 9)),
    },
    "test": {f"groundmore/test/{OTHER}/0": Answer(Skill.REASONING, "Who waits?", frames(OTHER), during(ALONE, 0, 9))},
}
FAULTS = {
    "train": {
        f"groundmore/train/{CLIP}/2": "empty in every frame",
        f"groundmore/train/{CLIP}/3": "'later' is no time such as 4:15",
        f"groundmore/train/{LOST}": "No such file",
        "groundmore/train/a_clip_without_times": "does not end in its times",
    },
    "test": {},
}
