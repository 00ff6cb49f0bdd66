"""A bench of real files in miniature: clips, masks and lists in the form of data_cards/bench/veg.md."""

import json
from pathlib import Path

from support.layouts.tiny import HEIGHT, WIDTH, clip, indexed
from veggie_pl.batch import Skill
from veggie_pl.prepare import prepare
from veggie_pl.prepare.card import read_card

BOX = (4, 6, 16, 20)  # of the object: top, left, bottom, right
SIZE = (HEIGHT, WIDTH)
FRAMES = 4


def write_veg(root: Path, each: int = 2, target: bool = False) -> None:
    """Write some requests of each skill; the object is a box, and edits have a caption and a checklist."""
    for name, color in (("swan", "red"), ("boat", "green")):
        clip(root / f"videos/{name}.mp4", color, FRAMES)
    clip(root / "videos/edited.mp4", "blue", FRAMES)
    for frame in range(FRAMES):
        indexed(root / f"masks/box/{frame:04d}.png", {1: BOX})
    for skill in Skill:
        rows = [veg_row(skill, number) for number in range(each)]
        if target and not skill.is_painted:
            rows = [{**row, "target": "videos/edited.mp4"} for row in rows]
        write_rows(root / f"{skill}.jsonl", rows)


def veg_row(skill: Skill, number: int) -> dict[str, object]:
    row: dict[str, object] = {"key": f"{skill}/{number}", "skill": str(skill), "phrase": "swan"}
    row["source"] = f"videos/{('swan', 'boat')[number % 2]}.mp4"
    if skill.is_painted:
        return {**row, "mask": "masks/box"}
    asked = {
        "instruction": f"Do thing {number} to the swan",
        "caption": "A swan in a hat.",
        "source_caption": "A swan.",
    }
    return {**row, **asked, "checklist": ["Is there a hat?"]}


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def prepare_bench(name: str, root: Path, prepared: Path) -> None:
    """Make the table of a bench card."""
    card = read_card(name)
    assert card.bench is not None
    prepare(card, root, prepared, [card.bench.split])
