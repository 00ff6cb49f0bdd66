"""Lessons with several pictures in one prompt: a reference, or an example before and after, and then the scene itself.

What the request leaves unsaid must be read off the pictures: "add what the picture shows on the left".
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from veggie_pl.batch import Clip, Skill
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.shapes.edits import Addition, BackgroundChange, Changing, Edit
from veggie_pl.data.shapes.language import Form, request_form
from veggie_pl.data.shapes.render import render
from veggie_pl.data.shapes.sampling import pick
from veggie_pl.data.shapes.scene import Background, Motion, Scene, Thing
from veggie_pl.seeding import numpy_rng

Pictures = Float[Tensor, "r 3 h w"]
PicturedRow = tuple[int, Clip, str, list[Form], Pictures]
# What is said beside one picture: of the new thing, of the thing that is there, of the style. {} are the edit's slots.
REFERENCE: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: (
        "Add what the picture shows {place}.",
        "Put one like in the picture {place}.",
        "There should be a thing like this one {place}.",
        "Insert the shown object {place}.",
        "Please place the thing from the picture {place}.",
    ),
    Skill.REMOVAL: (
        "Remove what the picture shows.",
        "Delete the one in the picture.",
        "Please take away the shown object.",
        "Get rid of the thing like this one.",
        "Erase the object from the picture.",
    ),
    Skill.CHANGING: (
        "Turn the {phrase} into what the picture shows.",
        "Replace the {phrase} with one like in the picture.",
        "Please swap the {phrase} for the shown object.",
        "Make the {phrase} a thing like this one.",
    ),
    Skill.STYLIZATION: (
        "Make it look like the picture.",
        "Use the style of the picture.",
        "Give everything the shown style.",
        "Please draw it the way the picture is drawn.",
    ),
}
EXAMPLE = (
    ".",
    "Do the same.",
    "Please do as in the example.",
    "Like this.",
    "Change it as the pictures show.",
    "The same here.",
)
EXAMPLE_SKILLS = (Skill.STYLIZATION, Skill.BACKGROUND)


class Pictured(Dataset[PicturedRow]):
    """Requests about scenes with pictures before them, and their forms.

    Args:
        records: The world; its split, seed and size are kept.
        example: Whether two pictures show an example, before and after; else one is a reference.
    """

    def __init__(self, records: ShapesRecords, example: bool) -> None:
        self.example = example
        skills = {skill.value: 1.0 for skill in (EXAMPLE_SKILLS if example else REFERENCE)}
        self.records = records.of_skills(skills)

    def __getitem__(self, index: int) -> PicturedRow:
        records = self.records
        scene, edit, _ = records.draw(index)
        rng = numpy_rng("pictured", records.split, records.seed, index)
        said = pick(rng, EXAMPLE) if self.example else pick(rng, REFERENCE[edit.skill])
        other = 1
        while not _differs(edit, shown := records.draw(index + other)[0]):
            other += 1
        if self.example:
            pictures = [shown, edit.edited_scene(shown)]
        else:
            pictures = [edit.edited_scene(shown) if (thing := _thing(edit, scene)) is None else _alone(thing)]
        frames = [render(picture, records.size, 1) for picture in pictures]
        form = request_form(edit, scene, records.num_frames)
        return index, records[index].source, said.format(**edit.slots(scene)), form, torch.cat(frames)


def _thing(edit: Edit, scene: Scene) -> Thing | None:
    """What a reference shows of an edit, if it is a thing."""
    if isinstance(edit, Addition):
        return edit.thing
    if isinstance(edit, Changing):
        return edit.new
    return None if edit.subject is None else scene.things[edit.subject]


def _alone(thing: Thing) -> Scene:
    return Scene(Background("wall"), (replace(thing, motion=Motion(), start=(0.5, 0.5)),))


def _differs(edit: Edit, shown: Scene) -> bool:
    """Whether an edit changes what another scene looks like."""
    return not isinstance(edit, BackgroundChange) or shown.background.kind != edit.background.kind
