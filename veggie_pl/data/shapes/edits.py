"""Edits: what is asked of a scene, as data, and the scene that it makes."""

from dataclasses import dataclass, replace

import numpy as np

from veggie_pl.batch import Box, Skill
from veggie_pl.data.shapes.sampling import choose, sample_scene
from veggie_pl.data.shapes.scene import Scene, Thing
from veggie_pl.data.shapes.vocabulary import BACKGROUNDS, Vocabulary

# place -> (where an added thing goes, the region its centre must lie in, how it is worded)
PLACES: dict[str, tuple[tuple[float, float], Box, str]] = {
    "left": ((0.22, 0.5), (0.0, 0.0, 0.4, 1.0), "on the left"),
    "right": ((0.78, 0.5), (0.6, 0.0, 1.0, 1.0), "on the right"),
    "top": ((0.5, 0.22), (0.0, 0.0, 1.0, 0.4), "at the top"),
    "bottom": ((0.5, 0.78), (0.0, 0.6, 1.0, 1.0), "at the bottom"),
    "middle": ((0.5, 0.5), (0.3, 0.3, 0.7, 0.7), "in the middle"),
}


@dataclass(frozen=True)
class Edit:
    """One request; what a skill does not use is empty."""

    skill: Skill
    phrase: str = ""  # the thing spoken of
    new: Thing | None = None  # that thing afterwards, or the thing added
    place: str = ""
    background: str = ""
    style: str = ""


def edited_scene(scene: Scene, edit: Edit) -> Scene:
    """The scene after the edit: what the target shows."""
    rest = tuple(thing for thing in scene.things if thing.phrase != edit.phrase)
    if edit.skill is Skill.ADDITION:
        assert edit.new is not None
        return replace(scene, things=(edit.new, *scene.things))
    if edit.skill is Skill.REMOVAL:
        return replace(scene, things=rest)
    if edit.skill in (Skill.CHANGING, Skill.VISUAL_FEATURE):
        assert edit.new is not None
        new = edit.new
        return replace(scene, things=tuple(new if thing.phrase == edit.phrase else thing for thing in scene.things))
    if edit.skill is Skill.BACKGROUND:
        return replace(scene, background=edit.background, phase=0.0)  # the phase of what is asked for is not asked for
    if edit.skill is Skill.STYLIZATION:
        return replace(scene, style=edit.style)
    return scene


def sample_edit(
    rng: np.random.Generator, words: Vocabulary, skill: Skill, num_things: tuple[int, int], held_out: bool
) -> tuple[Scene, Edit]:
    """A scene and an edit of it.

    With ``held_out``, the edit is about a composition that training never shows: the thing added, removed, pointed at
    or given a texture; of a replaced or recoloured thing, what it becomes.
    """
    low, high = num_things
    if skill is Skill.ADDITION:
        place = choose(rng, list(PLACES))
        x, y = PLACES[place][0]
        added = {"x": x, "y": y, "size": "large", "motion": "static", "texture": "plain"}
        scene = sample_scene(rng, words, (low, min(high, 3) + 1), held_out, [added])
        new, *things = scene.things
        return replace(scene, things=tuple(things)), Edit(skill, new.phrase, new, place)
    if skill in (Skill.CHANGING, Skill.VISUAL_FEATURE):
        while True:
            scene = sample_scene(rng, words, num_things, False)
            new = _changed(rng, words, scene, skill)
            is_held_out = words.is_held_out(new.shape, new.color)
            others = [thing.phrase for thing in scene.things[1:]]
            same_look = new.phrase == scene.things[0].phrase
            if held_out and same_look:  # a texture edit: hold out the thing itself
                scene = sample_scene(rng, words, num_things, True)
                return scene, Edit(skill, scene.things[0].phrase, _retextured(scene.things[0]))
            if is_held_out == held_out and new.phrase not in others:
                return scene, Edit(skill, scene.things[0].phrase, new)
    scene = sample_scene(rng, words, num_things, held_out)
    if skill is Skill.BACKGROUND:
        other = [kind for kind in words.backgrounds if kind != scene.background]
        return scene, Edit(skill, background=choose(rng, other))
    if skill is Skill.STYLIZATION:
        return scene, Edit(skill, style=choose(rng, words.styles))
    return scene, Edit(skill, scene.things[0].phrase)


def _changed(rng: np.random.Generator, words: Vocabulary, scene: Scene, skill: Skill) -> Thing:
    thing = scene.things[0]
    if skill is Skill.VISUAL_FEATURE:
        if rng.random() < 1 / 3:
            return _retextured(thing)
        return replace(thing, color=choose(rng, [color for color in words.colors if color != thing.color]))
    color = choose(rng, words.colors) if rng.random() < 0.5 else thing.color
    return replace(thing, shape=choose(rng, [shape for shape in words.shapes if shape != thing.shape]), color=color)


def _retextured(thing: Thing) -> Thing:
    return replace(thing, texture="striped" if thing.texture == "plain" else "plain")


def slots(edit: Edit) -> dict[str, str]:
    """What fills the wordings of an editing skill."""
    given = {"phrase": edit.phrase}
    if edit.new is not None and edit.skill is Skill.CHANGING:
        given["new"] = edit.new.phrase
    if edit.new is not None and edit.skill is Skill.VISUAL_FEATURE:
        given["new"] = edit.new.color if edit.new.color != edit.phrase.split()[0] else edit.new.texture
    if edit.place:
        given["place"] = PLACES[edit.place][2]
    if edit.background:
        given["scene"] = BACKGROUNDS[edit.background]
    if edit.style:
        given["style"] = edit.style
    return given
