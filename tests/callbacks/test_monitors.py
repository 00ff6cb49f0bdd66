"""Monitors see what they are for, and a run with them is the same run to the bit."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from support.parts import fit, make_batch, make_data, randomise_output, tiny_module
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from veggie_pl.batch import Skill
from veggie_pl.callbacks import Copying, Ema, EmaGap, Freeze, GradCosine, LossByTimestep, QuerySpread
from veggie_pl.callbacks.copying import changes
from veggie_pl.callbacks.grad_cosine import cosines, skill_gradients
from veggie_pl.callbacks.query_spread import spread
from veggie_pl.errors import UseError

STEPS = 4
BINS = ("0", "0.25", "0.5", "0.75")
TRAINER = Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)


class Losses(Callback):
    """Every loss, and every time that it was at."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.times: list[float] = []

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        pl_module.viddm.register_forward_pre_hook(lambda module, args: self._note(module, args[2]))

    def _note(self, module: Any, times: torch.Tensor) -> None:
        if module.training:
            self.last = times.tolist()

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses += outputs["per_sample"].tolist()
        self.times += self.last


def train(*watchers: Callback, steps: int = STEPS, **options: Any) -> tuple[Any, Losses]:
    """A short run in which weights move; the losses are heard before any monitor asks for more."""
    module = tiny_module(video=True, num_steps=1, optimizer=lambda p: torch.optim.SGD(p, 0.5))
    randomise_output(module)
    torch.manual_seed(0)
    losses = Losses()
    fit(module, make_data(num_frames=2, num_val=1), steps, callbacks=[losses, *watchers], **options)
    return module, losses


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[float]], Any, Losses]:
    """All monitors on one run: their values, the module and the losses."""
    folder = tmp_path_factory.mktemp("run")
    logger = TensorBoardLogger(folder, name="", version="")
    monitors = [GradCosine(every_n_steps=2), QuerySpread(2), LossByTimestep(len(BINS), 2), EmaGap(2), Copying()]
    watchers = [Freeze(["vae", "mllm"]), Ema(0.5), *monitors]
    module, losses = train(*watchers, logger=logger, val_check_interval=STEPS, log_every_n_steps=2)
    logger.experiment.flush()
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    return {tag: [event.value for event in events.Scalars(tag)] for tag in tags}, module, losses


def test_run_with_monitors_is_the_same_to_the_bit(run: tuple[Any, Any, Losses]) -> None:
    _, watched, losses = run
    plain, others = train(Freeze(["vae", "mllm"]), Ema(0.5), limit_val_batches=0)
    assert losses.losses == others.losses
    for name, value in plain.state_dict().items():
        assert torch.equal(watched.state_dict()[name], value), name


def test_all_of_them_reach_tensorboard(run: tuple[dict[str, list[float]], Any, Losses]) -> None:
    values = run[0]
    for tag in (
        "queries/cosine",
        "queries/effective_rank",
        "queries/cosine_samples",
        "grad_cosine/mean",
        "ema_gap/all",
    ):
        assert len(values[tag]) == 2, tag
    assert {f"val/change_made/{skill}" for skill in Skill} | {"val/copied"} <= values.keys()


def test_loss_by_time_is_of_every_sample_in_its_bin(run: tuple[dict[str, list[float]], Any, Losses]) -> None:
    values, _, losses = run
    half = len(losses.losses) // 2
    expected: dict[str, list[float]] = {}
    for part in (slice(0, half), slice(half, None)):
        pairs = list(zip(losses.times[part], losses.losses[part], strict=True))
        for place, name in enumerate(BINS):
            if chosen := [loss for time, loss in pairs if place * 250 <= time < (place + 1) * 250]:
                expected.setdefault(name, []).append(sum(chosen) / len(chosen))
    assert len(expected) > 1
    for name in BINS:
        assert values.get(f"train/loss_by_time/{name}", []) == pytest.approx(expected.get(name, []), rel=1e-5)


def test_gap_is_that_of_the_average_that_the_run_leaves(tmp_path: Path) -> None:
    class Keep(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            self.live = {name: p.detach().clone() for name, p in pl_module.aligner.named_parameters()}

    seen: dict[str, float] = {}

    class Logger(TensorBoardLogger):
        def log_metrics(self, metrics: Any, step: Any = None) -> None:
            seen.update(metrics)

    keep = Keep()
    module, _ = train(Ema(0.5), EmaGap(STEPS), keep, logger=Logger(tmp_path), limit_val_batches=0)
    average = {name: p.detach() for name, p in module.aligner.named_parameters()}  # which a run leaves in the module
    gap = sum((average[name] - live).double().square().sum() for name, live in keep.live.items())
    size = sum(live.double().square().sum() for live in keep.live.values())
    assert seen["ema_gap/aligner"] == pytest.approx(math.sqrt(gap / size), rel=1e-4)
    assert seen["ema_gap/aligner"] > 0
    assert "ema_gap/vae" not in seen


def test_without_an_average_there_is_no_gap() -> None:
    train(EmaGap(1), steps=1, limit_val_batches=0)


def test_queries_that_say_the_same_have_no_spread() -> None:
    one = torch.randn(3, 2, 1, 8, generator=torch.Generator().manual_seed(0))
    same = spread(one.expand(3, 2, 4, 8))
    assert same["cosine"].item() == pytest.approx(1, abs=1e-5)
    assert same["effective_rank"].item() == pytest.approx(1, abs=1e-3)
    assert abs(same["cosine_samples"].item()) < 0.5
    alike = spread(one[:1].expand(3, 2, 4, 8))
    assert alike["cosine_samples"].item() == pytest.approx(1, abs=1e-5)


def test_queries_in_all_directions_have_full_rank() -> None:
    apart = spread(torch.eye(4, 8).expand(2, 3, 4, 8))
    assert apart["cosine"].item() == pytest.approx(0, abs=1e-6)
    assert apart["effective_rank"].item() == pytest.approx(4, abs=1e-4)
    two = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert spread(two[None, None])["effective_rank"].item() == pytest.approx(2, abs=1e-3)
    assert spread(two[None, None])["cosine"].item() == pytest.approx(4 / 12, abs=1e-6)


def test_lone_query_and_sample_have_no_pairs() -> None:
    assert spread(torch.ones(1, 2, 1, 8)) == {}


def test_copies_and_answers_are_told_apart() -> None:
    batch = make_batch(4, 2)
    edited = torch.stack([batch.source[0], batch.target[1], (batch.source + batch.target)[2] / 2, batch.source[3]])
    made, asked = changes(edited, batch)
    assert (made / asked).tolist() == pytest.approx([0, 1, 0.5, 0], abs=1e-5)


def test_change_counts_where_the_answer_differs_alone() -> None:
    batch = make_batch(2, 2)
    batch.mask[0, :, :8] = False
    batch.mask[1] = False  # unknown
    edited = batch.source.clone()
    edited[0, :, :, :8] = batch.target[0, :, :, :8]  # elsewhere
    edited[1] = batch.target[1]
    made, asked = changes(edited, batch)
    assert (made / asked).tolist() == pytest.approx([0, 1], abs=1e-5)


def test_share_of_copies_over_skills() -> None:
    logged: dict[str, float] = {}

    class Module(LightningModule):
        def log_dict(self, values: Any, **options: Any) -> None:
            logged.update(values)

    watcher, batch = Copying(), make_batch(8, 2)
    watcher.begin()
    edited = batch.target.clone()
    edited[:2] = batch.source[:2]
    for row in range(8):
        watcher.see(TRAINER, "val", {"edited": edited[[row]]}, batch.rows([row]))
    watcher.see(TRAINER, "val", {"edited": edited[[0]]}, batch.rows([0]))  # a sample that pads a rank counts once
    watcher.on_validation_epoch_end(TRAINER, Module())
    assert logged["val/copied"] == 2 / 8
    assert logged["val/change_made/addition"] == 0
    assert logged["val/change_made/reasoning"] == pytest.approx(1)


def test_requests_without_targets_say_nothing() -> None:
    watcher, batch = Copying(), make_batch(2, 2)
    batch.target = None
    watcher.begin()
    watcher.see(TRAINER, "val", {"edited": batch.source}, batch)
    watcher.on_validation_epoch_end(TRAINER, LightningModule())  # which cannot log


def test_cosines_by_hand() -> None:
    gradients = {"a": torch.tensor([1.0, 0]), "b": torch.tensor([0, 2.0]), "c": torch.tensor([-3.0, 0])}
    found = cosines({**gradients, "none": torch.zeros(2)})
    assert found == pytest.approx({"a": -0.5, "b": 0, "c": -0.5, "mean": -1 / 3, "min": -1})
    assert cosines({"a": torch.ones(2)}) == {}


def test_gradient_of_a_skill_is_that_of_its_samples_alone() -> None:
    module, batch = tiny_module(), make_batch(4, 1)
    batch.examples = [
        one._replace(skill=skill)
        for one, skill in zip(batch.examples, [Skill.REMOVAL, Skill.ADDITION] * 2, strict=True)
    ]
    randomise_output(module)
    found = skill_gradients(module, batch, "aligner")
    assert module.aligner.linear.weight.grad is None
    module.per_sample_loss(batch.rows([0, 2]), "fit").mean().backward()
    own = torch.cat([p.grad.flatten() for p in module.aligner.parameters()])
    assert set(found) == {"removal", "addition"}
    assert torch.allclose(found["removal"], own, atol=1e-6)
    assert not torch.allclose(found["addition"], own, atol=1e-6)


def test_part_that_does_not_learn_cannot_be_watched() -> None:
    with pytest.raises(UseError, match="GradCosine: nothing of 'vae' learns; the choices are mllm, queries, aligner"):
        train(GradCosine("vae"), limit_val_batches=0)


@pytest.mark.parametrize("make", [lambda: LossByTimestep(0), lambda: GradCosine(every_n_steps=0)])
def test_impossible_numbers_are_errors(make: Any) -> None:
    with pytest.raises(UseError, match="must be at least 1, got 0"):
        make()
