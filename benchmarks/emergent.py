"""Abilities that were never trained: a reference picture instead of words, and examples instead of words.

    python -m benchmarks.emergent [--model FOLDER] [--num 200] [--frames 4]

Each request is also made with the reference or the examples of *another* request: what the model scores then is chance,
for it is told nothing. Prints and writes ``docs/EMERGENT.md``.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Batch, Sample, Skill, collate
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Edit, Stylization
from veggie_pl.data.shapes.render import render
from veggie_pl.data.shapes.scene import Background, Motion, Scene
from veggie_pl.data.streams import EditingStream
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.files import TRAINED
from veggie_pl.inference.which_model import find_model
from veggie_pl.metrics.intervals import mean_interval
from veggie_pl.metrics.skills import SkillTable
from veggie_pl.model_folder import load_model
from veggie_pl.module import VeggieModule

ROOT = Path(__file__).resolve().parent.parent
NO_WORDS = "."  # an instruction cannot be empty
SIZE = 32
Pictures = Float[Tensor, "r 3 h w"]


@dataclass(frozen=True)
class Task:
    """One way of asking without the words that say what."""

    name: str
    skill: Skill
    say: Callable[[Edit], str]
    show: Callable[[Edit, Scene], Pictures]  # of the edit asked for, with another scene to show it on


def picture(scene: Scene) -> Float[Tensor, "1 3 h w"]:
    return render(scene, SIZE, 1)


def show_thing(edit: Edit, other: Scene) -> Pictures:
    """The thing to add, alone before a wall."""
    assert isinstance(edit, Addition)
    return picture(Scene(Background("wall"), (replace(edit.thing, motion=Motion(), start=(0.5, 0.5)),)))


def show_result(edit: Edit, other: Scene) -> Pictures:
    """Another scene after the edit."""
    return picture(edit.edited_scene(other))


def show_pair(edit: Edit, other: Scene) -> Pictures:
    """Another scene before and after the edit."""
    return torch.cat([picture(other), picture(edit.edited_scene(other))])


def say_place(edit: Edit) -> str:
    """Where to add what is shown."""
    assert isinstance(edit, Addition)
    return f"Add the object in the reference image {edit.place}."


TASKS = (
    Task("reference: add the object", Skill.ADDITION, say_place, show_thing),
    Task(
        "reference: transfer the style",
        Skill.STYLIZATION,
        lambda edit: "Transfer the style in the reference image.",
        show_result,
    ),
    Task("one example, no text: style", Skill.STYLIZATION, lambda edit: NO_WORDS, show_pair),
    Task("one example, no text: background", Skill.BACKGROUND, lambda edit: NO_WORDS, show_pair),
)


def told(edit: Edit) -> object:
    """What the request is about, so that controls are shown something else."""
    match edit:
        case Addition():
            return edit.thing.phrase
        case BackgroundChange():
            return edit.background.kind
        case Stylization():
            return edit.style
    return None


def requests(task: Task, num: int, frames: int) -> tuple[list[Sample], list[Pictures], list[Pictures]]:
    """Samples, what is shown with each, and what is shown in the control."""
    records = ShapesRecords("test", skills={task.skill.value: 1.0}, num_frames=frames, size=SIZE)
    others = ShapesRecords("val", skills={task.skill.value: 1.0}, num_frames=1, size=SIZE)
    drawn = [records.draw(i)[1] for i in range(num)]
    shown = [task.show(edit, others.draw(i)[0]) for i, edit in enumerate(drawn)]
    wrong = []
    for i, edit in enumerate(drawn):
        j = next(j % num for j in range(i + 1, i + num) if told(drawn[j % num]) != told(edit))
        wrong.append(shown[j])
    stream = EditingStream(records)
    samples = [
        replace(one, example=one.example._replace(instruction=task.say(edit)))
        for one, edit in zip(map(stream.__getitem__, range(len(drawn))), drawn, strict=True)
    ]
    return samples, shown, wrong


def score(module: VeggieModule, skill: Skill, batch: Batch, shown: list[Pictures] | None) -> Float[np.ndarray, " n"]:
    """Success of each request, in %."""
    edited = []
    for start in range(0, len(batch.key), 25):
        rows = slice(start, start + 25)
        seeds = [(0, "emergent", key) for key in batch.key[rows]]
        references = None if shown is None else torch.stack(shown[rows])
        source, said = batch.source[rows], batch.instruction[rows]
        edited.append(module.edit(source, said, Guidance(), seeds, references=references))
    output = torch.cat(edited)
    return SkillTable(ShapeDetector(), aspects=["answer"]).of_skill(skill)(output, batch)["success"].numpy()


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=None, help="model folder; the newest under runs/, else weights/nano"
    )
    parser.add_argument("--num", type=int, default=200, help="requests a task")
    parser.add_argument("--frames", type=int, default=4, help="frames a clip; with what is shown at most 8")
    args = parser.parse_args()
    module = load_model(args.model or find_model(TRAINED), VeggieModule)
    rows = []
    for task in TASKS:
        samples, shown, wrong = requests(task, args.num, args.frames)
        batch = collate(list(enumerate(samples)))
        cells = []
        for pictures in (shown, wrong):
            values = score(module, task.skill, batch, pictures)
            low, high = mean_interval(values, seed=0, bounds=(0.0, 100.0))
            cells.append(f"{values.mean():.1f} ({low:.1f} to {high:.1f})")
        rows.append(f"| {task.name} | {cells[0]} | {cells[1]} |")
        print(rows[-1], flush=True)
    head = "| success %, 95 % interval | shown the right one | shown another: chance |\n|---|---:|---:|\n"
    text = f"""# Emergent abilities

Never trained: a reference picture instead of words, and one pair of pictures (before, after) with no text. Pictures
enter through the MLLM only. Moving Shapes, `test`, {args.num} requests a row, clips of {args.frames} frames.
Written by `python -m benchmarks.emergent`. Intervals are Wilson's; edits are sampled in {module.num_steps} steps.

{head}{chr(10).join(rows)}

Rows whose two intervals overlap show nothing: the picture makes no difference, and what there is comes from the words
(such as "style"). Of stage 0, which made the shipped MLLM, one step in eight had a reference or an example before the
image (`pictured` of conf/stage0.yaml); stages 1 and 2 had none.
"""
    (ROOT / "docs/EMERGENT.md").write_text(text)


if __name__ == "__main__":
    main()
