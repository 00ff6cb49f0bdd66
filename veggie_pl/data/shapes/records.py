"""Moving Shapes as a data set: record i of a split is a pure function of (split, seed, i)."""

from typing import Any, Literal

import numpy as np
import torch

from veggie_pl.batch import Skill
from veggie_pl.chance import numpy_rng
from veggie_pl.data.allotment import Allotment
from veggie_pl.data.painting import COLORS
from veggie_pl.data.records import Record
from veggie_pl.data.shapes.edits import PLACES, Edit, edited_scene, sample_edit, slots
from veggie_pl.data.shapes.questions import sample_question, text
from veggie_pl.data.shapes.render import render, visible
from veggie_pl.data.shapes.sampling import choose
from veggie_pl.data.shapes.scene import CLIP, Scene
from veggie_pl.data.shapes.vocabulary import vocabulary
from veggie_pl.data.wordings import word

SPLITS = ("train", "val", "test")
_CHANGED = 2 / 255  # two grey levels


class ShapesRecords:
    """Procedural videos of moving things with one edit each, of which everything is known exactly.

    Train and val never show a held-out composition (see ``Vocabulary.is_held_out``) and never use a held-out wording;
    test uses held-out wordings only, and the thing that the edit is about has a held-out composition.

    Args:
        split: "train", "val" or "test".
        seed: Another seed is another data set.
        skills: Relative shares by name; None is all eight alike.
        num_frames: 1 (an image) to 8. What takes time is not asked about a single frame.
        size: Pixels along a side, a multiple of 4.
        num_objects: Fewest and most things in a scene, 1 to 4.
        vocabulary: "small" or "large".
    """

    def __init__(
        self,
        split: Literal["train", "val", "test"] = "train",
        seed: int = 0,
        skills: dict[str, float] | None = None,
        num_frames: int = 8,
        size: int = 32,
        num_objects: tuple[int, int] = (1, 3),
        vocabulary: str = "small",
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; the choices are {', '.join(SPLITS)}")
        shares = {skill: 1.0 for skill in Skill} if skills is None else skills
        if unknown := [name for name in shares if name not in list(Skill)]:
            raise ValueError(f"unknown skills {unknown}; the choices are {', '.join(Skill)}")
        if not 1 <= num_frames <= CLIP:
            raise ValueError(f"num_frames must be in 1 .. {CLIP}, got {num_frames}")
        if size < 16 or size % 4:
            raise ValueError(f"size must be a multiple of 4 from 16 on, got {size}")
        if not 1 <= num_objects[0] <= num_objects[1] <= 4:
            raise ValueError(f"num_objects must be in 1 .. 4 in order, got {num_objects}")
        self.split, self.seed, self.num_frames, self.size = split, seed, num_frames, size
        self.skills = [Skill(name) for name in shares]
        self.allotment = Allotment(list(shares.values()), "skills", split, seed)
        self.num_objects = (num_objects[0], num_objects[1])
        self.words = _vocabulary(vocabulary)

    def __len__(self) -> int:
        return 2**31  # as many as anyone can read

    def __getitem__(self, index: int) -> Record:
        scene, asked = self.scene(index)
        skill = self.skills[self.allotment.which(index)[0]]
        key = f"shapes/{self.split}/{self.seed}/{skill}/{index}"
        held_out = self.split == "test"
        source = self._clip(scene)
        if isinstance(asked, Edit) and skill is not Skill.GROUNDING:
            target = self._clip(edited_scene(scene, asked))
            return Record(
                key=key,
                skill=skill,
                source=source,
                target=target,
                mask=(target - source).abs().amax(1) > 2 * _CHANGED,
                instruction=word(skill, slots(asked), key, held_out=held_out),
                phrase=asked.phrase,
                place=PLACES[asked.place][1] if asked.place else None,
            )
        which = 0 if isinstance(asked, Edit) else asked[1]
        own = scene.things[which].color
        fill = choose(numpy_rng("fill", key), [fill for fill in COLORS if fill != own])
        given = {"phrase": asked.phrase} if isinstance(asked, Edit) else {"question": text(scene, asked[0])}
        return Record(
            key=key,
            skill=skill,
            source=source,
            mask=torch.from_numpy(visible(scene, which, self.num_frames, self.size)),
            instruction=word(skill, {**given, "fill": fill}, key, held_out=held_out),
            phrase=scene.things[which].phrase,
            fill=fill,
        )

    def scene(self, index: int) -> tuple[Scene, Edit | tuple[str, int]]:
        """The scene of record ``index`` and what is asked: an edit, or (question, which thing answers it)."""
        skill = self.skills[self.allotment.which(index)[0]]
        rng = numpy_rng("shapes", self.split, self.seed, str(skill), index)
        held_out = self.split == "test"
        if skill is Skill.REASONING:
            scene, name, which = sample_question(rng, self.words, self.num_objects, held_out, self.num_frames)
            return scene, (name, which)
        return sample_edit(rng, self.words, skill, self.num_objects, held_out)

    def _clip(self, scene: Scene) -> torch.Tensor:
        frames: Any = render(scene, self.num_frames, self.size)
        return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2), dtype=np.float32)).mul_(2).sub_(1)


_vocabulary = vocabulary  # the argument of the same name hides it
