"""Sets of clips that are lists: VEG-Edit, Señorita-2M, Ditto-1M, OpenVE-3M."""

import csv
import json
from pathlib import Path

from layouts.tiny import clip

INSTRUCTIONS = {"blue": "Replace the swan with a duck", "green": "Add a hat to the man", "gray": "Remove the car"}


def write_veg_edit(root: Path) -> None:
    """Three pairs, one with a skill; a line that is cut off."""
    lines = []
    for number, (color, instruction) in enumerate(INSTRUCTIONS.items()):
        name = f"{number:04d}.mp4"
        clip(root / "source" / name, "red")
        clip(root / "target" / name, color)
        lines.append({"key": f"{number:04d}", "source": f"source/{name}", "target": f"target/{name}"})
        lines[-1]["instruction"] = instruction
    lines[0]["skill"] = "visual_feature"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (root / "pairs.jsonl").write_text(text + '{"key": "0003", "source": "sou\n')


def write_senorita(root: Path) -> None:
    """Lists of additions and removals; one of a pair that lies in a folder of another name."""
    pairs = [_pair(root, f"./obj_removal_videos/{color}", color) for color in ("green", "gray")]
    addition = {
        "source_video_path": pairs[0][0],
        "target_video_path": pairs[0][1],
        "instruction": INSTRUCTIONS["green"],
    }
    removal = {"source_video_path": pairs[1][0], "target_video_path": pairs[1][1], "instruction": INSTRUCTIONS["gray"]}
    lost = {**removal, "target_video_path": "./obj_swap_videos/absent.mp4"}
    (root / "updated_data_obj_addition_videos.json").write_text(json.dumps([addition]))
    (root / "updated_data_obj_removal.json").write_text(json.dumps([removal, lost]))


def write_ditto(root: Path) -> None:
    """A local edit, and a style whose folder was not downloaded."""
    source, edited = _pair(root / "videos", "local/blue", "blue", "source/a")
    items = [
        {"source_path": source, "instruction": INSTRUCTIONS["blue"], "edited_path": edited},
        {"source_path": source, "instruction": "Make it anime style", "edited_path": "global_style1/a.mp4"},
    ]
    (root / "training_metadata").mkdir()
    (root / "training_metadata/local.json").write_text(json.dumps(items))


def write_openve(root: Path) -> None:
    """A removal and a change, in a list each; a clip that is missing."""
    for name, color in {"local_remove": "gray", "local_change": "blue"}.items():
        source, edited = _pair(root / "videos", f"{name}/0_edit", color, f"{name}/0")
        path = root / f"csv_files/{name}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["video", "original_video", "prompt"])
            writer.writerow([edited, source, INSTRUCTIONS[color]])
            if color == "gray":
                writer.writerow(["local_remove/1_edit.mp4", source, "Remove it"])


def _pair(root: Path, target: str, color: str, source: str = "") -> tuple[str, str]:
    source = source or f"{target}_source"
    clip(root / f"{source}.mp4", "red")
    clip(root / f"{target}.mp4", color)
    return f"{source}.mp4", f"{target}.mp4"
