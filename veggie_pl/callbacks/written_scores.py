"""Scores of a test's examples that are asked once more in written wordings."""

from dataclasses import replace

from lightning import Trainer

from veggie_pl.batch import Batch, Clips, Skill
from veggie_pl.callbacks.held_out import measures_of
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.data.datamodule import WRITTEN
from veggie_pl.data.instructions.written import written
from veggie_pl.metrics.report import SampleScore, samples_of
from veggie_pl.metrics.skill_scores import SkillScores


class WrittenScores:
    """Gather what is in a report's ``written``; each sample's notes tell the kind of its wording."""

    def __init__(self) -> None:
        self.scores: dict[Skill, SkillScores] = {}
        self.asked: dict[tuple[Skill, int], tuple[str, str]] = {}  # key and instruction

    def add(self, trainer: Trainer, edited: Clips, batch: Batch) -> None:
        """Score a batch of one skill."""
        skill = batch.skill[0]
        if skill not in self.scores:
            row = measures_of(trainer, WRITTEN).of_skill(skill)
            self.scores[skill] = SkillScores(row).to(trainer.strategy.root_device)
        self.scores[skill].update(edited, batch)
        facts = zip(batch.skill, batch.index.tolist(), batch.key, batch.instruction, strict=True)
        self.asked |= {(skill, index): (key, said) for skill, index, key, said in facts}

    def samples(self, trainer: Trainer) -> tuple[SampleScore, ...]:
        """List the samples of all ranks, by skill and index. All ranks must call it."""
        if getattr(getattr(trainer, "datamodule", None), WRITTEN, None) is None:
            return ()
        asked = {what: facts for own in gathered(self.asked) for what, facts in own.items()}
        found: list[SampleScore] = []
        for skill in [skill for skill in Skill if any(of == skill for of, _ in asked)]:
            if skill not in self.scores:  # this rank had none of it
                row = measures_of(trainer, WRITTEN).of_skill(skill)
                self.scores[skill] = SkillScores(row).to(trainer.strategy.root_device)
            found += samples_of(skill, self.scores[skill], asked)
        return tuple(replace(one, notes={"wording": written(one.skill, one.index).kind}) for one in found)
