"""Score edits skill by skill: metrics during training, the table at the end."""

import datetime
import logging
from importlib import import_module
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from rich.console import Console
from torchmetrics import MetricCollection

from veggie_pl.batch import Batch, MissingSample, Skill
from veggie_pl.callbacks.charts import skill_charts, write_layout
from veggie_pl.callbacks.held_out import HeldOut
from veggie_pl.callbacks.skill_loss import gathered
from veggie_pl.callbacks.writers import run_folder, tensorboard_writers
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detector
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.files import write_text
from veggie_pl.metrics.report import Report, read_report, results_of, write_report
from veggie_pl.metrics.score import HEADLINE, overall_score
from veggie_pl.metrics.skills import skill_metrics
from veggie_pl.metrics.tables import Grid, compare, number, table
from veggie_pl.outputs import check_folder, refuse_overlap

log = logging.getLogger(__name__)
_LIBRARIES = ("veggie_pl", "torch", "lightning", "transformers", "diffusers", "torchmetrics")


class Evaluate(HeldOut):
    """Update the metrics of each skill with the module's edits.

    In validation the means go to the logger, with one number for all of them, ``val/score`` (``overall_score``); after
    test the whole table, with 95 % intervals, goes to the console, to ``report.json`` and ``report.md`` in
    ``output``, and to TensorBoard. Samples that cannot be read are in no number; the table says how many they are.

    Args:
        detector: Finds what was added or removed; None is the exact detector of Moving Shapes.
        output: Folder of the test report; None is the run's own.
        against: ``report.json`` of an earlier test to print beside this one.
        seed: Seeds what the intervals draw.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        output: str | None = None,
        against: str | None = None,
        seed: int = 0,
    ) -> None:
        self.detector = detector or ShapeDetector()
        self.output, self.against, self.seed = output, against, seed
        self.metrics: dict[Skill, MetricCollection] = {}
        self.missing: dict[str, set[int]] = {}  # by stream, positions in the split
        self.report: Report | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Look at the earlier report first: an error after the test would come late."""
        if stage == "test" and self.output:
            check_folder(Path(self.output))
        if stage == "test" and self.against is not None:
            if self.output:
                written = [("report", Path(self.output) / name) for name in ("report.json", "report.md")]
                refuse_overlap([("earlier report", self.against)], written)
            self._before = read_report(Path(self.against))

    def begin(self) -> None:
        """Forget the last round."""
        self.metrics, self.missing = {}, {}

    def miss(self, trainer: Trainer, split: str, missing: list[tuple[int, MissingSample]]) -> None:
        """Remember which; a sample that pads a rank counts once."""
        for index, one in missing:
            self.missing.setdefault(one.stream.removeprefix(f"{split}/"), set()).add(index)

    def see(self, trainer: Trainer, split: str, outputs: Any, batch: Batch) -> None:
        """Score a batch."""
        skills = set(batch.skill)
        if len(skills) > 1:
            raise UseError(f"a loader of a benchmark holds one skill, this one has {', '.join(sorted(skills))}")
        skill = skills.pop()
        self._metrics_of(skill).update(outputs["edited"].float().cpu(), batch.cpu())

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the means and the score, which checkpoints are kept by: it is there even where no sample can be read."""
        headline: dict[Skill, float] = {}
        for skill in self._skills():
            means = {name: value.float() for name, value in self._metrics_of(skill).compute().items()}
            pl_module.log_dict({f"val/{name}/{skill}": value for name, value in means.items()})
            headline[skill] = float(means[HEADLINE[skill]])
        score = overall_score(headline)
        pl_module.log("val/score", score, prog_bar=True)
        if trainer.is_global_zero and not trainer.sanity_checking:
            each = ", ".join(f"{skill} {number(value)}" for skill, value in headline.items())
            log.info("validation at step %d: score %s (%s)", trainer.global_step, number(score), each or "no samples")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Make the table."""
        results = [row for skill in self._skills() for row in self._rows(skill)]
        missing: dict[str, set[int]] = {}
        for own in gathered(self.missing):
            for stream, indices in own.items():
                missing[stream] = missing.get(stream, set()) | indices
        self.report = Report(
            model=str(getattr(pl_module, "name", "model")),
            date=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            seeds={"noise": int(getattr(pl_module, "seed", 0)), "interval": self.seed},
            versions={name: str(import_module(name).__version__) for name in _LIBRARIES},
            results=tuple(results),
            missing={stream: len(indices) for stream, indices in missing.items()},
        )
        if not trainer.is_global_zero:
            return
        grid = table(self.report) if self.against is None else compare(self._before, self.report)
        folder = Path(self.output) if self.output else run_folder(trainer)
        write_report(self.report, folder / "report.json")
        write_text(folder / "report.md", grid.markdown())
        Console(width=140).print(grid.console())
        log.info("report: %s and report.md beside it", folder / "report.json")
        self._to_tensorboard(trainer, grid)

    def _rows(self, skill: Skill) -> tuple[Any, ...]:
        return results_of(skill, self._metrics_of(skill), self.seed)

    def _metrics_of(self, skill: Skill) -> MetricCollection:
        if skill not in self.metrics:
            self.metrics[skill] = skill_metrics(skill, self.detector)
        return self.metrics[skill]

    def _skills(self) -> list[Skill]:
        """Those of all ranks: one of them may have had none but unreadable samples of a skill."""
        found = {skill for own in gathered(list(self.metrics)) for skill in own}
        return [skill for skill in Skill if skill in found]

    def _to_tensorboard(self, trainer: Trainer, grid: Grid) -> None:
        assert self.report is not None
        headline = {row.skill: row.value for row in self.report.results if row.metric == HEADLINE[row.skill]}
        write_layout(trainer, skill_charts("test"))
        for writer in tensorboard_writers(trainer):
            writer.add_text("test/report", grid.markdown(), trainer.global_step)
            writer.add_scalar("test/score", overall_score(headline), trainer.global_step)
            for row in self.report.results:
                writer.add_scalar(f"test/{row.metric}/{row.skill}", row.value, trainer.global_step)
