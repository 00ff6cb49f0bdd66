"""ReVOS in miniature: one folder of frames and one file of masks for both splits; videos' names hold folders."""

from pathlib import Path

from support.layouts.answers import Answer
from support.layouts.drawing import save_json, save_picture
from support.layouts.mevis import BIRD, CAT, DOG, FRAMES, compressed, seen
from veggie_pl.batch import Skill

VIDEO, OTHER = "UVO/all/-fbscFfkh4M", "TAO/frames/train/ArgoVerse/rear_right"


def asked(exp: str, anno: list[int], type_id: int) -> dict:
    return {"exp": exp, "obj_id": anno, "anno_id": anno, "type_id": type_id}


TRAIN = {
    VIDEO: {
        "vid_id": 0,
        "height": 24,
        "width": 32,
        "frames": FRAMES,
        "expressions": {
            "0": asked("Which animal could catch the other one?", [1], 1),
            "1": asked("the pet that would chase a mouse.", [1, 2], 1),
            "2": asked("a bird flying", [0], 0),
            "3": asked("What is the elephant doing?", [], 2),
        },
    },
}
VALID = {
    OTHER: {"frames": FRAMES, "expressions": {"0": asked("Who can fly?", [0], 1), "1": asked("Who barks?", [7], 1)}},
}


def write(root: Path) -> None:
    for place, name in enumerate(FRAMES):
        save_picture(root / f"JPEGImages/{VIDEO}/{name}.jpg", place)
        save_picture(root / f"JPEGImages/{OTHER}/{name}.jpg", place + 5)
    save_json(root / "meta_expressions_train_.json", {"videos": TRAIN})
    save_json(root / "meta_expressions_valid_.json", {"videos": VALID})
    tracks = {str(place): [compressed(mask) for mask in track] for place, track in enumerate((BIRD, CAT, DOG))}
    save_json(root / "mask_dict.json", {**tracks, "7": [{"size": [24, 32], "counts": "not run lengths"}] * 3})


def frames(video: str) -> tuple[str, ...]:
    return tuple(f"JPEGImages/{video}/{name}.jpg" for name in FRAMES)


ANSWERS = {
    "train": {
        f"revos/train/{VIDEO}/0": Answer(
            Skill.REASONING, "Which animal could catch the other one?", frames(VIDEO), seen(CAT)
        ),
        f"revos/train/{VIDEO}/1": Answer(
            Skill.REASONING,
            "What fits this description: the pet that would chase a mouse?",
            frames(VIDEO),
            seen(CAT) | seen(DOG),
        ),
    },
    "val": {f"revos/val/{OTHER}/0": Answer(Skill.REASONING, "Who can fly?", frames(OTHER), seen(BIRD))},
}
FAULTS = {
    "train": {
        f"revos/train/{VIDEO}/2": "a referring expression .type_id 0., which the card leaves out",
        f"revos/train/{VIDEO}/3": "about nothing in the video .type_id 2.",
    },
    "val": {f"revos/val/{OTHER}/1": "run lengths with the character 'n'|run lengths|a run of"},
}
