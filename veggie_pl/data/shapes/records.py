"""Moving Shapes as records: number i of a split, made when asked for."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

from veggie_pl.batch import ClipNames, Example, Skill
from veggie_pl.data.instructions.grammar import Grammar
from veggie_pl.data.instructions.templates import word
from veggie_pl.data.instructions.written import written
from veggie_pl.data.proportions import Proportions
from veggie_pl.data.records import Record
from veggie_pl.data.shapes.asking import sample_edit
from veggie_pl.data.shapes.edits import PLACES, Addition, Edit, Grounding, Reasoning, Removal
from veggie_pl.data.shapes.naming import SEEN_SKILLS, sample_seen
from veggie_pl.data.shapes.render import changed, render, silhouette
from veggie_pl.data.shapes.reversing import REVERSIBLE, sample_reversed
from veggie_pl.data.shapes.sampling import make_world
from veggie_pl.data.shapes.scene import Scene
from veggie_pl.data.shapes.vocabulary import find_vocabulary
from veggie_pl.errors import UseError
from veggie_pl.seeding import numpy_rng

SPLITS = ("train", "val", "test")
LENGTH = 2**31 - 1  # the world does not end; a data set must
# Of what draws this world: changed code draws other pixels under the same settings.
CODE = hashlib.blake2b(b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()[:16]


class ShapesRecords:
    """Record i of a split is a pure function of (split, seed, skill of i, i) and the settings of the world.

    Args:
        split: ``train``, ``val`` or ``test``. Edits of test are about pairs of shape and colour that train and val
            never show, in wordings they never use.
        seed: Another seed, another data set.
        skills: Relative share of each skill by name; None takes all eight alike.
        num_frames: Frames per clip; 1 makes images, without edits and questions about motion.
        size: Height and width in pixels, at least 16.
        num_objects: Fewest and most objects in a source, within 1 to 4.
        vocabulary: Name of a vocabulary: ``small`` or ``large``.
        length: The first so many records; None is all that there are.
        wording: ``templates``; or ``written``, by hand, for tests: records of a skill take turns with its wordings.
        naming: ``named``, by colour and shape; or ``seen``, by what happens or where a thing is (``naming``): what is
            asked cannot be known from the words alone. Of removal, changing, visual features and grounding, which are
            all skills then.
        grammar: Words a share of the records in ways of its own, of training and validation only.
        reversed_skills: Share of a skill's records that are the other's read backwards: "removal", of additions;
            "addition", of removals, which say less than they show (``reversing``). None is none.
        shadows: Whether things cast a soft shadow or a reflection, which go and come with them. The scenes are the
            same with and without; masks of things do not hold what they cast, the changed region of an edit does.

    Raises:
        UseError: If a name is unknown or a number is out of range; the message names the choices.
    """

    def __init__(
        self,
        split: Literal["train", "val", "test"],
        seed: int = 0,
        skills: dict[str, float] | None = None,
        num_frames: int = 8,
        size: int = 32,
        num_objects: tuple[int, int] = (1, 3),
        vocabulary: str = "small",
        length: int | None = None,
        wording: Literal["templates", "written"] = "templates",
        grammar: Grammar | None = None,
        naming: Literal["named", "seen"] = "named",
        shadows: bool = False,
        reversed_skills: dict[str, float] | None = None,
    ) -> None:
        if grammar is not None and (split == "test" or wording == "written"):
            raise UseError("a grammar words what is trained on: the split train or val, and no written wordings")
        if split not in SPLITS:
            raise UseError(f"unknown split {split!r}; the choices are {', '.join(SPLITS)}")
        choices = SEEN_SKILLS if naming == "seen" else tuple(Skill)
        weights = {skill.value: 1.0 for skill in choices} if skills is None else skills
        if unknown := [name for name in weights if name not in list(Skill)]:
            raise UseError(f"unknown skills {unknown}; the choices are {', '.join(Skill)}")
        if naming == "seen" and (unnamed := [name for name in weights if name not in choices]):
            raise UseError(f"{unnamed} name nothing that is seen; the choices are {', '.join(choices)}")
        low, high = num_objects
        if not 1 <= low <= high <= 4:
            raise UseError(f"num_objects must be (fewest, most) within 1 to 4, got {(low, high)}")
        if (weights.get(Skill.REASONING, 0) > 0 or naming == "seen") and high < 2:
            raise UseError(f"questions and what is seen need at least two objects, but num_objects is {(low, high)}")
        if num_frames < 1 or size < 16:
            raise UseError(f"need at least 1 frame of 16 pixels, got {num_frames} of {size}")
        self.reversed_skills = _check_reversed(reversed_skills or {}, naming)
        self.split, self.seed = split, seed
        self.wording, self.grammar, self.naming = wording, grammar, naming
        self.num_frames, self.size, self.vocabulary = num_frames, size, vocabulary
        self.length = LENGTH if length is None else length
        self.skills = [Skill(name) for name in weights]
        self.proportions = Proportions(list(weights.values()), "shapes", split, seed)
        self.world = make_world(find_vocabulary(vocabulary), split, (low, high), num_frames)
        self.shadows = shadows
        more = (" shadows" if shadows else "") + (f" {self.reversed_skills}" if self.reversed_skills else "")
        self._settings = f"{num_frames} {size} {(low, high)} {vocabulary} {CODE}{more}"

    def of_skills(self, skills: dict[str, float]) -> "ShapesRecords":
        """Return records of the same world in other skills, in templates' words."""
        world = (self.num_frames, self.size, self.world.num_objects, self.vocabulary, self.length)
        return ShapesRecords(self.split, self.seed, skills, *world, shadows=self.shadows)

    def __len__(self) -> int:
        return self.length

    @property
    def bucket(self) -> str:
        """Frames and size of every clip."""
        return f"{self.num_frames}x{self.size}x{self.size}"

    def scene(self, index: int) -> tuple[Scene, Edit]:
        """The scene of record ``index`` and what is asked of it, as data."""
        return self.draw(index)[:2]

    def draw(self, index: int) -> tuple[Scene, Edit, str]:
        """Scene, edit and instruction of record ``index``.

        Raises:
            IndexError: If there is no such record.
        """
        if not 0 <= index < LENGTH:
            raise IndexError(index)
        skill = self._skill(index)
        if self.naming == "seen":
            rng = numpy_rng("seen shapes", self.split, self.seed, skill.value, index)
            scene, edit, name = sample_seen(rng, self.world, skill)
            slots = {**edit.slots(scene), "phrase": name}
        else:
            rng = numpy_rng("shapes", self.split, self.seed, skill.value, index)
            sample = sample_reversed if self._is_reversed(skill, index) else sample_edit
            scene, edit = sample(rng, self.world, skill)
            slots = edit.slots(scene)
        if self.shadows:
            scene = replace(scene, shadows=True)
        if self.wording == "written":
            return scene, edit, written(skill, self.proportions.which(index)[1]).say(slots)
        said = word(skill, rng, held_out=self.split == "test", **slots)
        if self.grammar is not None:
            chance = numpy_rng("grammar", self.split, self.seed, skill.value, index)
            said = self.grammar.reword(skill, chance, slots) or said
        return scene, edit, said

    def _is_reversed(self, skill: Skill, index: int) -> bool:
        share = self.reversed_skills.get(skill, 0.0)
        return share > 0 and numpy_rng("reversed", self.split, self.seed, skill.value, index).random() < share

    def _skill(self, index: int) -> Skill:
        return self.skills[self.proportions.which(index)[0]]

    def key(self, index: int) -> str:
        """Name record ``index``: in other words it is another, of the same clips."""
        return self._clips(index) + ("" if self.wording == "templates" else f"/{self.wording}")

    def _clips(self, index: int) -> str:
        world = "shapes" if self.naming == "named" else "shapes_seen"
        return f"{world}/{self.split}/{self.seed}/{self._skill(index).value}/{index}"

    def names(self, index: int) -> ClipNames:
        """Name the clips of record ``index`` by all that it is a function of; nothing is drawn."""
        name = f"{self._clips(index)} {self._settings}"
        return ClipNames(name, name)

    def fingerprint(self, index: int) -> str:
        """Tell all that record ``index`` is drawn from, as data: nothing is rendered."""
        facts = (*self.draw(index), self.key(index), self.size, self.num_frames)
        return repr((*facts, "shadows") if self.shadows else facts)

    def __getitem__(self, index: int) -> Record:
        scene, edit, instruction = self.draw(index)
        source = render(scene, self.size, self.num_frames)
        key = self.key(index)
        if isinstance(edit, Grounding | Reasoning):
            mask = silhouette(scene, edit.index, self.size, self.num_frames)
            phrase = scene.things[edit.index].phrase
            example = Example(key, edit.skill, instruction, phrase, edit.fill)
            return Record(example, source, mask=mask, names=self.names(index))
        target = render(edit.edited_scene(scene), self.size, self.num_frames)
        mask = changed(source, target)
        target = target.where(mask[:, None], source)  # nothing but the mask changes, not even by less than is seen
        phrase, place = "", None
        if isinstance(edit, Addition):
            phrase, place = edit.thing.phrase, PLACES[edit.place]
        elif isinstance(edit, Removal):
            phrase = edit.phrase(scene)
        example = Example(key, edit.skill, instruction, phrase, place=place)
        return Record(example, source, target, mask, names=self.names(index))


def _check_reversed(given: dict[str, float], naming: str) -> dict[str, float]:
    if unknown := [name for name in given if name not in REVERSIBLE]:
        raise UseError(f"reversed_skills names {unknown}; the choices are {', '.join(REVERSIBLE)}")
    if wrong := {name: share for name, share in given.items() if not 0 <= share <= 1}:
        raise UseError(f"reversed_skills are shares in [0, 1], got {wrong}")
    if given and naming == "seen":
        raise UseError("reversed_skills are of things that are named, but naming is 'seen'")
    return given
