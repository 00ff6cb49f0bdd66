"""Score edits skill by skill: metrics during training, the table at the end."""

import datetime
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from rich.console import Console

from veggie_pl.batch import Batch, MissingSample, Skill
from veggie_pl.callbacks.charts import skill_charts, write_charts
from veggie_pl.callbacks.held_out import HeldOut, measures_of
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.callbacks.writers import run_folder, tensorboard_writers
from veggie_pl.callbacks.written_scores import WrittenScores
from veggie_pl.errors import UseError
from veggie_pl.files import write_text
from veggie_pl.metrics.report import (
    Report,
    Result,
    SampleScore,
    library_versions,
    read_report,
    results_of,
    samples_of,
    write_report,
)
from veggie_pl.metrics.score import overall_score
from veggie_pl.metrics.skill_scores import SkillScores
from veggie_pl.metrics.tables import Grid, compare, number, table
from veggie_pl.metrics.written import written_table
from veggie_pl.outputs import check_folder, refuse_overlap

log = logging.getLogger(__name__)


class Evaluate(HeldOut):
    """Score the module's edits skill by skill, by the measures that the benchmark brings.

    In validation the means go to the logger, with one number for all of them, ``val/score`` (``overall_score``); after
    test the whole table, with 95 % intervals, goes to the console, to ``report.json``, ``report.md`` and a page,
    ``report.html``, in ``output``, and to TensorBoard. Samples that cannot be read are in no number; the table says how
    many they are. Where the data module asks again in written wordings (``num_written``), a second table tells of them.
    Measures that nothing has what they need for, such as an exact target, are left out, and a line says so.

    Args:
        output: Folder of the test report; None is the run's own.
        against: ``report.json`` of an earlier test to print beside this one.
        seed: Seeds what the intervals draw.
    """

    def __init__(self, output: str | None = None, against: str | None = None, seed: int = 0) -> None:
        self.output, self.against, self.seed = output, against, seed
        self.scores: dict[Skill, SkillScores] = {}
        self.missing: dict[str, set[int]] = {}  # by stream, positions in the split
        self.asked: dict[tuple[Skill, int], tuple[str, str]] = {}  # key and instruction of what was scored
        self.written = WrittenScores()
        self.report: Report | None = None
        self._told: set[str] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look at the earlier report first: an error after the test would come late."""
        if stage == "test" and self.output:
            check_folder(Path(self.output))
        if stage == "test" and self.against is not None:
            if self.output:
                written = [("report", Path(self.output) / name) for name in ("report.json", "report.md", "report.html")]
                refuse_overlap([("earlier report", self.against)], written)
            self._before = read_report(Path(self.against))

    def begin(self) -> None:
        """Forget the last round."""
        self.scores, self.missing, self.asked = {}, {}, {}
        self.written = WrittenScores()

    def miss(self, trainer: Trainer, split: str, missing: list[tuple[int, MissingSample]]) -> None:
        """Remember which; a sample that pads a rank counts once."""
        for index, one in missing:
            self.missing.setdefault(one.stream.removeprefix(f"{split}/"), set()).add(index)

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Score a batch."""
        skills = set(batch.skill)
        if len(skills) > 1:
            raise UseError(f"a loader of a benchmark holds one skill, this one has {', '.join(sorted(skills))}")
        self._scores_of(trainer, split, skills.pop()).update(outputs["edited"], batch)
        indices = batch.index.tolist()
        facts = zip(batch.skill, indices, batch.key, batch.instruction, strict=True)
        self.asked |= {(skill, index): (key, instruction) for skill, index, key, instruction in facts}

    def see_written(self, trainer: Trainer, outputs: Any, batch: Batch) -> None:
        """Score a batch in written wordings."""
        self.written.add(trainer, outputs["edited"], batch)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the means and the score, which checkpoints are kept by: it is there even where no sample can be read."""
        headline: dict[Skill, float] = {}
        for skill in self._skills():
            scores = self._scores_of(trainer, "val", skill)
            means = {name: value.float() for name, value in scores.compute().items()}
            pl_module.log_dict({f"val/{name}/{skill}": value for name, value in means.items()})
            headline[skill] = float(means.get(scores.row.headline, math.nan))
            self._tell_left_out(trainer, skill, means)
        score = overall_score(headline)
        pl_module.log("val/score", score, prog_bar=True)
        if trainer.is_global_zero and not trainer.sanity_checking:
            each = ", ".join(f"{skill} {number(value)}" for skill, value in headline.items())
            log.info("validation at step %d: score %s (%s)", trainer.global_step, number(score), each or "no samples")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the table."""
        results: list[Result] = []
        samples: list[SampleScore] = []
        asked = {what: facts for own in gathered(self.asked) for what, facts in own.items()}
        for skill in self._skills():
            scores = self._scores_of(trainer, "test", skill)
            found = results_of(skill, scores, self.seed)
            samples += samples_of(skill, scores, asked)
            self._tell_left_out(trainer, skill, [row.metric for row in found])
            results += found
        missing: dict[str, set[int]] = {}
        for own in gathered(self.missing):
            for stream, indices in own.items():
                missing[stream] = missing.get(stream, set()) | indices
        self.report = Report(
            model=str(getattr(pl_module, "name", "model")),
            date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            seeds={"noise": int(getattr(pl_module, "seed", 0)), "interval": self.seed},
            versions=library_versions(),
            results=tuple(results),
            missing={stream: len(indices) for stream, indices in missing.items()},
            bench=type(getattr(getattr(trainer, "datamodule", None), "test", None)).__name__,
            samples=tuple(samples),
            written=self.written.samples(trainer),
        )
        if not trainer.is_global_zero:
            return
        grid = table(self.report) if self.against is None else compare(self._before, self.report)
        second = written_table(self.report)
        grids = [grid, *([second] if second else [])]
        folder = Path(self.output) if self.output else run_folder(trainer)
        write_report(self.report, folder / "report.json")
        write_text(folder / "report.md", "\n".join(one.markdown() for one in grids))
        Console(width=140).print(*(one.console() for one in grids))
        self._write_page(trainer, pl_module, folder / "report.html")
        log.info("report: %s, with report.json and report.md beside it", folder / "report.html")
        self._to_tensorboard(trainer, grids)

    def _write_page(self, trainer: Trainer, pl_module: LightningModule, place: Path) -> None:
        from veggie_pl.callbacks.edited_again import EditedAgain  # only a test draws a page
        from veggie_pl.scoring.page import write_page

        assert self.report is not None
        reports = [self.report] if self.against is None else [self.report, self._before]
        second = written_table(self.report)
        write_page(place, reports, EditedAgain(trainer, pl_module), grids=[second] if second else [])

    def _scores_of(self, trainer: Trainer, split: str, skill: Skill) -> SkillScores:
        if skill not in self.scores:
            row = measures_of(trainer, split).of_skill(skill)
            self.scores[skill] = SkillScores(row).to(trainer.strategy.root_device)  # where ranks gather
        return self.scores[skill]

    def _tell_left_out(self, trainer: Trainer, skill: Skill, scored: Iterable[str]) -> None:
        """Say once which measures have no number, and for want of what."""
        scored = set(scored)
        left_out = [one for one in self.scores[skill].row.measures if one.name not in scored]
        if left_out and skill not in self._told and trainer.is_global_zero:
            self._told.add(skill)
            needs = " or ".join(dict.fromkeys(need for one in left_out for need in one.needs))
            log.info("%s: no %s, for want of a %s", skill, ", ".join(one.name for one in left_out), needs)

    def _skills(self) -> list[Skill]:
        """List the skills of all ranks: one of them may have had none but unreadable samples of a skill."""
        found = {skill for own in gathered(list(self.scores)) for skill in own}
        return [skill for skill in Skill if skill in found]

    def _to_tensorboard(self, trainer: Trainer, grids: list[Grid]) -> None:
        assert self.report is not None
        headlines = {skill: scores.row.headline for skill, scores in self.scores.items()}
        headline = {row.skill: row.value for row in self.report.results if row.metric == headlines[row.skill]}
        write_charts(trainer, skill_charts("test", measures_of(trainer, "test")))
        for writer in tensorboard_writers(trainer):
            writer.add_text("test/report", "\n".join(one.markdown() for one in grids), trainer.global_step)
            writer.add_scalar("test/score", overall_score(headline), trainer.global_step)
            for row in self.report.results:
                writer.add_scalar(f"test/{row.metric}/{row.skill}", row.value, trainer.global_step)
