"""Moving Shapes as an animator: the world itself sets its still scenes in motion, and knows both clips exactly."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from veggie_pl.data.shapes.edits import PLACES, Addition, Changing, Edit, FeatureChange, Grounding, Reasoning
from veggie_pl.data.shapes.records import ShapesRecords
from veggie_pl.data.shapes.render import changed, render, silhouette
from veggie_pl.data.shapes.scene import CHECKS, Motion, Scene, Thing, make_motion
from veggie_pl.data.shapes.vocabulary import SPEEDS, find_vocabulary
from veggie_pl.errors import UseError
from veggie_pl.masks.paint import paint
from veggie_pl.seeding import numpy_rng
from veggie_pl.synthesis.animate.motion import as_pair
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Animation, Description, Frames, ItemError, Still
from veggie_pl.video.clip import to_frames

KIND = "shapes"
_KEY = re.compile(r"shapes/(train|val|test)/([0-9]+)/([a-z_]+)/([0-9]+)(?![0-9])")
_AT_REST = 0.3  # how often a thing does not move, as in clips of the world


class ShapesAnimator:
    """Implements ``Animator`` for stills of Moving Shapes: things move as they do in clips of that world.

    What a still shows is drawn again from its key, and has to be the still's pixels. Things keep apart and inside the
    frame; an added thing stays where it was asked for. ``SameMotion`` gives the edited clip.

    Args:
        num_frames: Of a clip, at least 2.
        fps: Frames per second.
        num_objects: As of the records that the stills are from.
        vocabulary: The same.

    Raises:
        UseError: If a number is out of range or there is no such vocabulary.
    """

    stored = False  # making it takes less than reading it

    def __init__(
        self,
        num_frames: int = 8,
        fps: float = 8.0,
        num_objects: tuple[int, int] = (1, 3),
        vocabulary: str = "small",
    ) -> None:
        if num_frames < 2 or fps <= 0:
            raise UseError(f"things move in at least 2 frames with fps above 0, got {num_frames} and {fps}")
        find_vocabulary(vocabulary)
        self.num_frames, self.fps = num_frames, fps
        self.num_objects, self.vocabulary = num_objects, vocabulary

    @cached_property
    def digest(self) -> str:
        """Class and parameters."""
        settings = {name: getattr(self, name) for name in ("num_frames", "fps", "num_objects", "vocabulary")}
        return digest_of_step(self, 1, **settings)

    def animate(self, still: Still, description: Description, seed: int) -> Animation:
        """Set the scene in motion.

        Raises:
            ItemError: If the still is none of the world's, or nothing in it can move.
        """
        world = {"num_objects": [*self.num_objects], "vocabulary": self.vocabulary, "num_frames": self.num_frames}
        scene, edit = _drawn(still, world)
        rng = numpy_rng("shapes animator", seed)
        names = find_vocabulary(self.vocabulary).motions
        for at_rest in (_AT_REST, 0.0):  # rather than a clip in which all stand still
            moves = _moves(rng, scene, edit, names, at_rest)
            if scene.background.speed or any(name != "static" for name, _ in moves[: len(scene.things)]):
                break
        else:
            raise ItemError("nothing in the scene can move")
        motion = {"kind": KIND, **world, "moves": [[*move] for move in moves]}
        return Animation(moved(still, motion)[0], self.fps, motion)


def moved(still: Still, motion: Mapping[str, object]) -> tuple[Frames, Frames]:
    """Draw both clips of a still, in the order of its pictures.

    Args:
        still: Of Moving Shapes.
        motion: Of an animation of this kind.

    Raises:
        ItemError: If its pixels are not those of the scene that its key names.
    """
    scene, edit = _drawn(still, motion)
    moves = as_pair(motion["moves"], str)
    things = [replace(thing, motion=make_motion(*move)) for thing, move in zip(scene.things, moves, strict=False)]
    scene = replace(scene, things=tuple(things))
    added = make_motion(*moves[len(things)]) if len(moves) > len(things) else Motion()
    edit = _moving(edit, scene, added)
    size, num_frames = still.source.shape[0], int(str(motion["num_frames"]))
    clips = _clips(scene, edit, size, num_frames)
    pictures = (still.source, still.target)
    for order in (clips, clips[::-1]):  # a still may be read backwards
        if all(np.array_equal(clip[0], picture) for clip, picture in zip(order, pictures, strict=True)):
            return order
    raise ItemError(f"{still.example.key} does not show what Moving Shapes draws for it at {size} pixels")


def _clips(scene: Scene, edit: Edit, size: int, num_frames: int) -> tuple[Frames, Frames]:
    source = render(scene, size, num_frames)
    if isinstance(edit, Grounding | Reasoning):
        target = paint(source, silhouette(scene, edit.index, size, num_frames), edit.fill)
    else:
        target = render(edit.edited_scene(scene), size, num_frames)
        target = target.where(changed(source, target)[:, None], source)
    return to_frames(source), to_frames(target)


def _drawn(still: Still, world: Mapping[str, object]) -> tuple[Scene, Edit]:
    """Draw scene and edit of a still by its key."""
    found = _KEY.search(still.example.key)
    height, width = still.source.shape[:2]
    if found is None or height != width:
        raise ItemError(f"{still.example.key!r} ({height} x {width}) is no still of Moving Shapes")
    split, seed, skill, index = found.groups()
    (low, high), *_ = as_pair([world["num_objects"]], int)
    try:
        records = ShapesRecords(
            split,  # type: ignore[arg-type]  # the pattern knows the choices
            int(seed),
            {skill: 1.0},
            1,
            height,
            (low, high),
            str(world["vocabulary"]),
        )
        return records.scene(int(index))
    except (UseError, IndexError) as problem:
        raise ItemError(f"{still.example.key!r} is no still of Moving Shapes: {problem}") from problem


def _moves(
    rng: np.random.Generator, scene: Scene, edit: Edit, names: tuple[str, ...], at_rest: float
) -> list[tuple[str, str]]:
    """Give each thing a motion, one after the other, so that all keep apart and inside; the added thing comes last."""
    things, moves = list(scene.things), []
    added = [edit.thing] if isinstance(edit, Addition) else []
    for place, thing in enumerate(scene.things):
        others = [*things[:place], *things[place + 1 :], *added]
        new = edit.new if isinstance(edit, Changing | FeatureChange) and edit.index == place else thing
        move = _move(rng, (thing, new), others, names, at_rest)
        things[place] = replace(thing, motion=make_motion(*move))
        moves.append(move)
    if isinstance(edit, Addition):
        moves.append(_move(rng, (edit.thing,), things, names, at_rest, PLACES[edit.place], "slowly"))
    return moves


def _move(
    rng: np.random.Generator,
    looks: tuple[Thing, ...],
    others: list[Thing],
    names: tuple[str, ...],
    at_rest: float,
    inside: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    pace: str = "",
) -> tuple[str, str]:
    """Draw a motion that a thing can make, whatever it looks like; at rest if there is none."""
    moving = [(name, one) for name in names if name != "static" for one in ((pace,) if pace else tuple(SPEEDS))]
    if rng.random() < at_rest:
        return "static", ""
    for choice in rng.permutation(len(moving)):
        move = moving[int(choice)]
        tried = [replace(thing, motion=make_motion(*move)) for thing in looks]
        path = tried[0].path(CHECKS)
        placed = bool((path >= inside[:2]).all() and (path <= inside[2:]).all())
        if placed and all(thing.stays_in_frame() and _apart(thing, others) for thing in tried):
            return move
    return "static", ""


def _apart(thing: Thing, others: list[Thing]) -> bool:
    """Tell whether a thing never comes nearer to another one than it is, or than both reach."""
    path = thing.path(CHECKS)
    for other in others:
        away = np.linalg.norm(path - other.path(CHECKS), axis=1)
        if away.min() < min(float(away[0]), thing.reach + other.reach):
            return False
    return True


def _moving(edit: Edit, scene: Scene, added: Motion) -> Edit:
    """Let what an edit brings move: a new look as the old one, an added thing by itself."""
    match edit:
        case Addition():
            return replace(edit, thing=replace(edit.thing, motion=added))
        case Changing() | FeatureChange():
            return replace(edit, new=replace(edit.new, motion=scene.things[edit.index].motion))
        case _:
            return edit
