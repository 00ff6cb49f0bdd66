"""Edits read backwards: a clip to which a thing is added, as the source of its removal; and the other way round."""

import numpy as np

from veggie_pl.batch import Box, Skill
from veggie_pl.data.shapes.asking import SceneEdit, sample_edit
from veggie_pl.data.shapes.edits import PLACES, Addition, Removal
from veggie_pl.data.shapes.sampling import World, pick
from veggie_pl.data.shapes.scene import CHECKS, Thing

REVERSIBLE = (Skill.ADDITION, Skill.REMOVAL)


def sample_reversed(rng: np.random.Generator, world: World, skill: Skill) -> SceneEdit:
    """Draw a scene and an edit of this skill that is one of the other, read backwards.

    What is removed so was added: in front of all, where additions lie, as large as they are. What is added so may be of
    any size, and lie anywhere in the place that is named: the instruction says less than the target shows.

    Args:
        rng: All chance.
        world: What a scene holds.
        skill: One of ``REVERSIBLE``.
    """
    if skill is Skill.REMOVAL:
        scene, edit = sample_edit(rng, world, Skill.ADDITION)
        edited = edit.edited_scene(scene)
        return edited, Removal(len(edited.things) - 1)
    low, high = world.num_objects
    while True:
        scene, edit = sample_edit(rng, world, Skill.REMOVAL)
        assert isinstance(edit, Removal)
        without, thing = edit.edited_scene(scene), scene.things[edit.index]
        places = [name for name, box in PLACES.items() if stays_within(thing, box)]
        sayable = thing.motion.name == "static" or thing.motion.name == thing.motion.direction
        if places and sayable and len(without.things) >= min(low, high - 1):
            return without, Addition(thing, pick(rng, places))


def stays_within(thing: Thing, box: Box) -> bool:
    """Tell whether the centre of a thing lies in a box all the time."""
    path = thing.path(CHECKS)
    return bool((path >= box[:2]).all() and (path <= box[2:]).all())
