"""Edits of things named by what is seen alone: "the object that is moving left". Who is blind cannot know them.

No colour and no shape of the thing is said, and scenes are built so that one thing alone fits what is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from veggie_pl.batch import Skill
from veggie_pl.data.shapes.asking import sample_fill
from veggie_pl.data.shapes.edits import Changing, Edit, FeatureChange, Grounding, Removal
from veggie_pl.data.shapes.questions import askable, sample_about
from veggie_pl.data.shapes.sampling import Pair, World, pick
from veggie_pl.data.shapes.scene import Scene, Thing

SEEN_SKILLS = (Skill.REMOVAL, Skill.CHANGING, Skill.VISUAL_FEATURE, Skill.GROUNDING)
NAMES = {  # by kind of question; {end}: " at the end" in clips, {other}: another thing
    "largest": "largest object",
    "smallest": "smallest object",
    "leftmost": "object furthest to the left{end}",
    "rightmost": "object furthest to the right{end}",
    "highest": "object that is highest{end}",
    "lowest": "object that is lowest{end}",
    "left_of": "object to the left of the {other}{end}",
    "right_of": "object to the right of the {other}{end}",
    "above": "object above the {other}{end}",
    "below": "object below the {other}{end}",
    "odd_color": "object whose color differs from the others",
    "odd_shape": "object whose shape differs from the others",
    "fastest": "object that moves the fastest",
    "static": "object that does not move",
    "moving_left": "object that is moving left",
    "moving_right": "object that is moving right",
    "moving_up": "object that is moving up",
    "moving_down": "object that is moving down",
    "towards": "object that is moving towards the {other}",
    "hidden": "object that is hidden for a while",
}
TEXTURE = 0.35  # how often a visual feature is a texture, where there are several: as in ``asking``


def sample_seen(rng: np.random.Generator, world: World, skill: Skill) -> tuple[Scene, Edit, str]:
    """Draw a scene, an edit of one thing and what that is called.

    Args:
        rng: All chance.
        world: With at least two things in a scene.
        skill: One of ``SEEN_SKILLS``.
    """
    becomes = skill in (Skill.CHANGING, Skill.VISUAL_FEATURE)
    texture = skill is Skill.VISUAL_FEATURE and len(world.vocabulary.textures) > 1 and rng.random() < TEXTURE
    # What becomes of a thing is what a split shows or holds out; of a thing that stays what it is, what it is.
    asked = replace(world, focus=world.pairs) if becomes and not texture else world
    while True:
        scene, index, kind, other = sample_about(rng, asked, askable(asked))
        thing = scene.things[index]
        words = other.split()
        if thing.color in words or thing.shape in words:
            continue
        edit = _edit(rng, world, skill, scene, index, texture)
        if edit is not None:
            end = " at the end" if world.num_frames > 1 else ""
            return scene, edit, NAMES[kind].format(end=end, other=other)


def _edit(rng: np.random.Generator, world: World, skill: Skill, scene: Scene, index: int, texture: bool) -> Edit | None:
    """Draw an edit of a thing that says nothing of it; None if there is none."""
    thing = scene.things[index]
    if skill is Skill.REMOVAL:
        return Removal(index)
    if skill is Skill.GROUNDING:
        return Grounding(index, sample_fill(rng, world, thing))
    if texture:
        others = [name for name in world.vocabulary.textures if name != thing.texture]
        return FeatureChange(index, replace(thing, texture=pick(rng, others)))
    present = {(one.shape, one.color) for one in scene.things}
    free = [pair for pair in world.focus if pair not in present and pair[1] != thing.color]
    if skill is Skill.VISUAL_FEATURE:
        fit = [pair for pair in free if pair[0] == thing.shape]
        return FeatureChange(index, replace(thing, color=pick(rng, fit)[1])) if fit else None
    return _changing(rng, world, thing, index, [pair for pair in free if pair[0] != thing.shape])


def _changing(
    rng: np.random.Generator, world: World, thing: Thing, index: int, free: Sequence[Pair]
) -> Changing | None:
    if not free:
        return None
    shape, color = pick(rng, free)
    new = replace(thing, shape=shape, color=color, texture=world.vocabulary.textures[0])
    return Changing(index, new) if new.stays_in_frame() else None
