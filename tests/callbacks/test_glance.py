"""A run at a glance: what its TensorBoard file, its checkpoints and its log say; read back from a real, short run."""

import importlib
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from support.parts import fit, make_data, randomise_output, tiny_module
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

from veggie_pl.batch import Skill
from veggie_pl.callbacks import Evaluate, Freeze, LearningRates, ProgressLines, SkillLoss
from veggie_pl.metrics.score import HEADLINE, overall_score
from veggie_pl.training.optimizer import scaled_optimizer

ROOT = Path(__file__).resolve().parent.parent.parent
STEPS, EVERY = 5, 2


def base_callbacks() -> list[Callback]:
    """All callbacks of conf/base.yaml, as it sets them."""
    found = []
    for entry in yaml.safe_load((ROOT / "conf/base.yaml").read_text())["trainer"]["callbacks"]:
        room, _, name = entry["class_path"].rpartition(".")
        found.append(getattr(importlib.import_module(room), name)(**entry.get("init_args", {})))
    return found


def train(folder: Path, logger: Any, steps: int = STEPS, num_val: int = 1, **options: Any):
    """A run as ``fit`` makes it, with every callback that ``conf/base.yaml`` names."""
    torch.manual_seed(0)
    module = tiny_module(num_steps=1, lr_factors={"queries": 0.1, "mllm": 0.5})
    randomise_output(module)
    callbacks = [Freeze(["vae"]), *base_callbacks(), ProgressLines(seconds=0)]
    options = {"val_check_interval": EVERY, "log_every_n_steps": EVERY, **options}
    options |= {"enable_progress_bar": True, "default_root_dir": str(folder)}
    return fit(module, make_data(num_val=num_val), steps, callbacks=callbacks, logger=logger, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("glance")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("veggie_pl")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    logger = TensorBoardLogger(folder, name="", version="")
    trainer = train(folder, logger)
    log.removeHandler(handler)
    log.setLevel(before)
    logger.experiment.flush()
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    return folder, trainer, events, lines


def charts(events: EventAccumulator) -> dict[str, list[str]]:
    found = events.Tensors("custom_scalars__config__")
    assert len(found) == 1, "written once a run"
    layout = Layout.FromString(found[0].tensor_proto.string_val[0])
    return {f"{part.title}/{one.title}": list(one.multiline.tag) for part in layout.category for one in part.chart}


def test_every_line_of_every_chart_is_a_value_that_the_run_logs(run) -> None:
    """But for skills that so short a run has not met."""
    logged = set(run[2].Tags()["scalars"])
    drawn = charts(run[2])
    assert drawn["val/loss"] == [f"val/loss/{skill}" for skill in Skill]
    assert set(drawn["val/success"]) == {f"val/success/{skill}" for skill in Skill if not skill.is_painted}
    assert len(drawn["val/score"]) == 9
    for name, tags in drawn.items():
        if name == "train/loss":
            assert {tag for tag in logged if tag.startswith("train/loss/")} <= set(tags)
        else:
            assert set(tags) <= logged, name


def test_every_measure_that_is_logged_is_in_a_chart(run) -> None:
    drawn = {tag for tags in charts(run[2]).values() for tag in tags}
    by_skill = {tag for tag in run[2].Tags()["scalars"] if tag.rpartition("/")[2] in set(Skill)}
    assert {tag for tag in by_skill if not tag.startswith("samples/")} <= drawn


def test_the_score_is_the_mean_of_the_headline_measures_as_logged(run) -> None:
    events = run[2]
    for number, score in enumerate(events.Scalars("val/score")):
        values = {skill: events.Scalars(f"val/{HEADLINE[skill]}/{skill}")[number].value for skill in Skill}
        assert score.value == pytest.approx(overall_score(values), abs=1e-4)


def test_the_best_checkpoint_lies_beside_the_last_one(run) -> None:
    folder, trainer, events, _ = run
    scores = {point.step + 1: point.value for point in events.Scalars("val/score")}
    best = max(scores, key=lambda step: scores[step])
    kept = sorted(path.name for path in (folder / "checkpoints").glob("best*"))
    assert kept == [f"best-step={best}-score={scores[best]:.1f}.ckpt"]
    assert torch.load(folder / "checkpoints" / kept[0], weights_only=True)["global_step"] == best
    assert trainer.checkpoint_callbacks[1].best_model_score == pytest.approx(scores[best])


def test_losses_of_skills_follow_the_trainer_and_leave_no_sample_out(run) -> None:
    events = run[2]
    tags = [tag for tag in events.Tags()["scalars"] if tag.startswith("samples/skill/")]
    steps = {point.step for tag in tags for point in events.Scalars(tag)}
    assert steps == {2, 4, 5}  # every second, and what came after
    assert sum(events.Scalars(tag)[-1].value for tag in tags) == STEPS * 4


def test_rates_are_named_by_part(run) -> None:
    events = run[2]
    rates = {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"] if tag.startswith("lr/")}
    assert rates.keys() == {"lr/mllm", "lr/queries", "lr/aligner", "lr/viddm"}
    assert rates["lr/queries"] == pytest.approx(0.1 * rates["lr/viddm"])
    assert rates["lr/mllm"] == pytest.approx(0.5 * rates["lr/aligner"])


def test_lines_say_step_loss_speed_and_time_left(run) -> None:
    lines = [line for line in run[3] if line.startswith("step ")]
    pattern = r"step (\d)/5: loss \d+\.\d{4}, \d+\.\d samples/s, \d:\d\d:\d\d left"
    found = [re.fullmatch(pattern, line) for line in lines]
    assert all(found), lines
    assert [match[1] for match in found if match] == ["1", "2", "3", "4", "5"]
    assert any(re.match(r"validation at step 4: score \d+\.\d\d \(addition ", line) for line in run[3])
    assert any(re.fullmatch(r"validation: batch 8/8, .* samples/s, 0:00:00 left", line) for line in run[3])


def test_lines_are_few_where_steps_are_quick(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fit(tiny_module(), make_data(), 6, callbacks=[ProgressLines(seconds=1e9)], enable_progress_bar=True)
        fit(tiny_module(), make_data(), 6, callbacks=[ProgressLines(4, seconds=1e9)], enable_progress_bar=True)
    said = [line.split(":")[0] for line in caplog.messages if line.startswith("step ")]
    assert said == ["step 1/6", "step 6/6", "step 1/6", "step 4/6", "step 6/6"]


class Silent(Logger):
    """A logger that knows no folder of its run, as W&B's; it takes whatever it is given."""

    save_dir: str = ""  # type: ignore[assignment]
    name, version = "project", "a1b2"  # type: ignore[assignment]

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.metrics = {**getattr(self, "metrics", {}), **metrics}

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


def test_a_csv_file_has_all_the_numbers(tmp_path: Path) -> None:
    train(tmp_path, CSVLogger(tmp_path, name="csv", version=0))
    folder = tmp_path / "csv/version_0"
    head = (folder / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/loss", "val/score", "val/miou/grounding", "lr/queries", "val/loss/removal"} <= set(head)
    assert any(name.startswith("train/loss/") for name in head)
    assert (folder / "model/veggie.json").is_file()
    assert len(list((folder / "checkpoints").glob("best*.ckpt"))) == 1


def test_a_logger_without_a_folder_and_none_at_all_do(tmp_path: Path) -> None:
    logger = Silent()
    logger.save_dir = str(tmp_path / "silent")
    train(tmp_path, logger, steps=2)
    assert (tmp_path / "silent/project/a1b2/model/veggie.json").is_file()
    assert list((tmp_path / "silent/project/a1b2/checkpoints").glob("best*.ckpt"))
    assert {"lr/queries", "val/score"} <= logger.metrics.keys()
    train(tmp_path / "none", False, steps=2)
    assert (tmp_path / "none/model/veggie.json").is_file()


def test_without_validation_there_is_a_last_checkpoint_and_no_best(tmp_path: Path) -> None:
    train(tmp_path, False, steps=2, num_val=1, limit_val_batches=0)
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.ckpt")] == ["last.ckpt"]


def test_validation_of_nothing_that_can_be_read_has_a_score_too(tmp_path: Path) -> None:
    """Keeping the best must not end a run."""
    module, keep = tiny_module(num_steps=1), ModelCheckpoint(tmp_path, monitor="val/score", mode="max", filename="best")
    fit(module, make_data(), 2, callbacks=[Evaluate(), keep], val_check_interval=1)  # no held-out data at all
    fit(module, make_data(num_val=1, bad=1.0), 2, callbacks=[Evaluate(), keep], val_check_interval=1)


def test_a_run_goes_on_from_its_best_checkpoint_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    def run(steps: int, folder: Path, **options: Any):
        module = tiny_module(num_steps=1, lr_schedule="cosine", optimizer=lambda p: torch.optim.AdamW(p, 1e-3))
        randomise_output(module)
        keep = ModelCheckpoint(folder, monitor="val/score", mode="max", filename="best", save_top_k=-1)
        watchers = [Freeze(["vae", "mllm"]), Evaluate(), SkillLoss(3), keep]
        logger = CSVLogger(folder, name="", version="")
        fit(module, make_data(num_val=1), steps, callbacks=watchers, logger=logger, val_check_interval=2, **options)
        return module.state_dict(), (folder / "metrics.csv").read_text()

    whole, text = run(4, tmp_path / "whole")
    again, resumed = run(4, tmp_path / "again", ckpt_path=str(tmp_path / "whole/best.ckpt"))
    assert all(torch.equal(again[name], value) for name, value in whole.items())
    assert last_losses(text) == last_losses(resumed)


def last_losses(text: str) -> list[dict[str, str]]:
    """Losses of skills over the steps up to the third, and after it, from a table of metrics."""
    head, *rows = (line.split(",") for line in text.splitlines())
    named = [dict(zip(head, row, strict=True)) for row in rows]
    losses = [{name: value for name, value in row.items() if name.startswith("train/loss/") and value} for row in named]
    return [row for row in losses if row]


def test_groups_have_the_names_of_their_parts_and_old_checkpoints_get_them() -> None:
    module = tiny_module(lr_factors={"mllm": 0.5})
    optimizer = scaled_optimizer(module, lambda p: torch.optim.AdamW(p, 1e-3), {"mllm": 0.5})
    assert [group["name"] for group in optimizer.param_groups] == ["queries+aligner+viddm", "mllm"]
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        del group["name"]  # as in a checkpoint from before
    optimizer.load_state_dict(state)
    assert "name" not in optimizer.param_groups[0]
    trainer = Trainer(accelerator="cpu", devices=1, logger=False)
    trainer.strategy.optimizers = [optimizer]
    LearningRates().on_train_start(trainer, module)
    assert [group["name"] for group in optimizer.param_groups] == ["queries+aligner+viddm", "mllm"]


def test_lightnings_own_monitor_names_them_as_well(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, name="", version="")
    module = tiny_module(lr_factors={"queries": 0.1})
    fit(module, make_data(), 1, callbacks=[LearningRateMonitor()], logger=logger, log_every_n_steps=1)
    assert "queries" in (tmp_path / "metrics.csv").read_text().splitlines()[0]
