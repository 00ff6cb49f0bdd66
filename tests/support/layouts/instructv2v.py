"""InstructV2V: folders of prompts, each with pairs of 16 pictures."""

import json
from pathlib import Path

from support.layouts.tiny import Known, picture

ROWS = {
    "train": [
        Known(
            "instructv2v/train/raw_generated/0000003/11",
            "stylization",
            "red",
            "blue",
            "make it a watercolor painting",
            frames=16,
        ),
        Known(
            "instructv2v/train/raw_generated/0000003/12",
            "stylization",
            "green",
            "blue",
            "make it a watercolor painting",
            frames=16,
        ),
        Known(
            "instructv2v/train/raw_generated_webvid/0000000/7",
            "changing",
            "gray",
            "green",
            "swap cat and dog",
            frames=16,
        ),
    ]
}
SKIPPED = {"train": ["sim_dir 0.1 is not above 0.2", "15 of 16 frames are missing", "prompt.json: "]}


def write(root: Path) -> None:
    """A pair that is not alike enough, one whose frames are missing, a folder without prompts."""
    folder = root / "raw_generated/0000003"
    prompt = {"input": "a boat", "edit": "make it a watercolor painting", "output": "a painting of a boat"}
    seeds = {11: ("red", "blue", 16), 12: ("green", "blue", 16), 13: ("red", "red", 0), 14: ("red", "red", 1)}
    _pairs(folder, prompt, seeds, bad={13})
    (root / "raw_generated/0000004/image").mkdir(parents=True)
    _pairs(root / "raw_generated_webvid/0000000", {**prompt, "edit": "swap cat and dog"}, {7: ("gray", "green", 16)})


def _pairs(
    folder: Path, prompt: object, seeds: dict[int, tuple[str, str, int]], bad: frozenset[int] | set[int] = frozenset()
) -> None:
    folder.mkdir(parents=True)
    (folder / "prompt.json").write_text(json.dumps(prompt))
    lines = []
    for seed, (source, target, frames) in seeds.items():
        for frame in range(frames):
            picture(folder / f"image/{seed}_0_{frame:04d}.jpg", source, frame)
            picture(folder / f"image/{seed}_1_{frame:04d}.jpg", target, frame)
        alike = {"sim_0": 0.26, "sim_1": 0.27, "sim_dir": 0.1 if seed in bad else 0.31, "sim_image": 0.8}
        lines.append(json.dumps({"seed": seed, "guidance_scale": 9, "edit_weight": 2, **alike}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
