"""Callbacks that watch a real, short run and write to a real TensorBoard file."""

from pathlib import Path

import pytest
import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from support.parts import fit, make_data, randomise_output, tiny_module
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from veggie_pl.batch import Skill
from veggie_pl.callbacks import (
    Ema,
    Evaluate,
    Freeze,
    GradNorms,
    InitFrom,
    Samples,
    SaveModel,
    SkillLoss,
    StopAtNaN,
    Throughput,
)
from veggie_pl.callbacks.finite import NonFiniteLossError
from veggie_pl.callbacks.grad_norms import part_norms
from veggie_pl.metrics import SkillScores, SkillTable
from veggie_pl.model_folder import load_model, save_model

STEPS = 4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory):
    """Every watcher on one run of a few steps, with its events read back."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    module = tiny_module(video=True, num_steps=1)
    watchers = [SkillLoss(2), GradNorms(1), Throughput(2), Evaluate(), Samples(1), SaveModel(), Freeze(["vae", "mllm"])]
    logger = TensorBoardLogger(folder, name="", version="")
    data = make_data(num_frames=2, num_val=2)
    fit(module, data, STEPS, callbacks=watchers, logger=logger, val_check_interval=STEPS, log_every_n_steps=1)
    logger.experiment.flush()
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    return folder, module, watchers, events


def values(run, tag: str) -> list[float]:
    return [event.value for event in run[3].Scalars(tag)]


def test_loss_is_logged_per_skill(run) -> None:
    tags = [tag for tag in run[3].Tags()["scalars"] if tag.startswith("train/loss/")]
    assert {tag.rpartition("/")[2] for tag in tags} <= set(Skill)
    assert len(tags) >= 3
    assert {f"val/loss/{skill}" for skill in Skill} <= set(run[3].Tags()["scalars"])


def test_counts_per_stream_and_skill_add_up(run) -> None:
    tags = [tag for tag in run[3].Tags()["scalars"] if tag.startswith("samples/")]
    streams = sum(values(run, tag)[-1] for tag in tags if tag.startswith("samples/stream/"))
    skills = sum(values(run, tag)[-1] for tag in tags if tag.startswith("samples/skill/"))
    assert streams == skills == STEPS * 4


def test_gradient_norms_of_parts_that_learn_only(run) -> None:
    tags = {tag.rpartition("/")[2] for tag in run[3].Tags()["scalars"] if tag.startswith("grad_norm/")}
    assert tags == {"queries", "aligner", "viddm"}


def test_throughput_and_waiting(run) -> None:
    assert all(0 <= value <= 1 for value in values(run, "speed/data_wait_share"))
    samples, step_ms = values(run, "speed/samples_per_s")[0], values(run, "speed/step_ms")[0]
    assert samples == pytest.approx(4 / step_ms * 1000, rel=0.01)
    assert values(run, "speed/frames_per_s")[0] == pytest.approx(2 * samples, rel=0.01)


def test_samples_and_wall_clock_of_the_whole_run(run) -> None:
    assert values(run, "progress/samples") == [8, 16]
    hours = values(run, "progress/hours")
    assert 0 < hours[0] < hours[1]
    kept = next(watcher for watcher in run[2] if isinstance(watcher, Throughput)).state_dict()
    assert kept["seen"] == 16
    assert kept["seconds"] > hours[1] * 3600  # with the last validation
    resumed = Throughput()
    resumed.load_state_dict(kept)
    assert resumed.seconds == kept["seconds"]


def test_metrics_of_every_skill(run) -> None:
    tags = set(run[3].Tags()["scalars"])
    assert {f"val/success/{skill}" for skill in Skill if not skill.is_painted} <= tags
    assert {"val/miou/grounding", "val/miou/reasoning", "val/detection/removal"} <= tags


def test_pictures_clips_and_texts(run) -> None:
    images = set(run[3].Tags()["images"])
    assert "val/samples" in images
    assert {f"val/clips/{skill}/0" for skill in Skill} <= images
    assert run[3].Images("val/clips/removal/0")[0].encoded_image_string[:3] == b"GIF"
    text = run[3].Tensors("setup/what_learns/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| mllm | 0 |" in text
    assert "frozen: vae, mllm" in text


def test_model_folder_is_left_behind(run) -> None:
    folder, module, _, _ = run
    again = load_model(folder / "model")
    for name, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_validation_scores_equal_scores_by_hand(run) -> None:
    module = run[1]
    data = make_data(num_frames=2, num_val=2)
    batch = next(iter(data.val_dataloader()[list(Skill).index(Skill.GROUNDING)]))
    scores = SkillScores(SkillTable(aspects=["answer"]).of_skill(Skill.GROUNDING))
    scores.update(module.eval().edit_batch(batch), batch)
    logged = values(run, "val/miou/grounding")[-1]
    assert scores.compute()["miou"].item() == pytest.approx(logged, abs=1e-5)


def test_norms_by_hand() -> None:
    module = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    module["a"].weight.grad = torch.full((2, 2), 2.0)
    module["a"].bias.grad = torch.tensor([3.0, 0.0])
    assert part_norms(module) == {"a": torch.tensor(5.0)}


class Poison(Callback):
    """Makes the loss of one step NaN, through the weights."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.global_step == 2:
            batch.target.fill_(float("nan"))


def test_nan_stops_the_run_with_a_good_checkpoint(tmp_path: Path) -> None:
    module = tiny_module()
    logger = TensorBoardLogger(tmp_path, name="", version="")
    with pytest.raises(NonFiniteLossError, match=r"loss is nan at step 2.*before_nan\.ckpt"):
        fit(module, make_data(), 5, callbacks=[StopAtNaN(), Poison()], logger=logger)
    kept = torch.load(tmp_path / "checkpoints/before_nan.ckpt", weights_only=True)
    assert kept["global_step"] == 2
    assert all(value.isfinite().all() for value in kept["state_dict"].values() if value.is_floating_point())


@pytest.mark.parametrize("decay", [0.15, 0.999])
def test_average_follows_the_weights(decay: float) -> None:
    module = tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5))
    randomise_output(module)
    name = "viddm.unet.conv_out.weight"
    path: list[torch.Tensor] = []

    class Trace(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            path.append(pl_module.state_dict()[name].clone())

    fit(module, make_data(), 4, callbacks=[Ema(decay), Trace()])
    average = path[0]  # the first update takes the weights as they are
    for done, weights in enumerate(path[1:], start=1):
        kept = min(decay, (1 + done) / (10 + done))
        average = kept * average + (1 - kept) * weights
    assert torch.allclose(module.state_dict()[name], average, atol=1e-6)
    assert not torch.allclose(path[-1], average, atol=1e-6)


def test_a_short_run_from_another_leaves_what_it_trained(tmp_path: Path) -> None:
    """The average must not be of the weights from before ``init_from``, however the callbacks are ordered."""
    first = tiny_module()
    randomise_output(first)
    save_model(first, tmp_path / "model")
    second = tiny_module(seed=5)
    start = second.state_dict()["viddm.unet.conv_out.weight"].clone()
    fit(second, make_data(), 1, callbacks=[Ema(0.999), InitFrom([str(tmp_path / "model")])])
    end = second.state_dict()["viddm.unet.conv_out.weight"]
    assert torch.allclose(end, first.state_dict()["viddm.unet.conv_out.weight"], atol=3e-3)
    assert not torch.allclose(end, start, atol=3e-3)


def test_impossible_decay_is_an_error() -> None:
    with pytest.raises(ValueError, match="decay"):
        Ema(1.0)


class Stop(Callback):
    """An error in the middle of validation."""

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0) -> None:
        raise ValueError("stop")


def test_a_stop_in_validation_does_not_mix_up_weights_and_average(tmp_path: Path) -> None:
    name = "viddm.unet.conv_out.weight"
    seen: list[torch.Tensor] = []

    class Trace(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            seen.append(pl_module.state_dict()[name].clone())

    module = tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5))
    randomise_output(module)
    keep = ModelCheckpoint(tmp_path, save_last=True, save_on_exception=True, every_n_train_steps=100)
    with pytest.raises(ValueError, match="stop"):
        fit(module, make_data(num_val=1), 9, callbacks=[Ema(0.9), Trace(), Stop(), keep], val_check_interval=3)
    kept = torch.load(next(tmp_path.glob("*.ckpt")), weights_only=True)
    assert torch.equal(kept["state_dict"][name], seen[-1])
    assert not torch.equal(kept["callbacks"]["Ema"]["average"][name], seen[-1])


def test_a_stop_while_the_model_folder_is_written_does_not_mix_up_weights_and_average(tmp_path: Path) -> None:
    name = "viddm.unet.conv_out.weight"
    seen: list[torch.Tensor] = []

    class FullDisk(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            seen.append(pl_module.state_dict()[name].clone())

        def on_fit_end(self, trainer, pl_module) -> None:
            seen.append(pl_module.state_dict()[name].clone())
            raise OSError("no space left")

    module = tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5))
    randomise_output(module)
    keep = ModelCheckpoint(tmp_path, save_on_exception=True, every_n_train_steps=100)
    with pytest.raises(OSError, match="no space left"):
        fit(module, make_data(), 3, callbacks=[Ema(0.9), FullDisk(), keep])
    kept = torch.load(next(tmp_path.glob("*.ckpt")), weights_only=True)
    weights, average = seen[-2:]
    assert not torch.equal(weights, average)
    assert torch.equal(kept["state_dict"][name], weights)
    assert torch.equal(kept["callbacks"]["Ema"]["average"][name], average)


def test_a_stop_before_training_goes_on_keeps_the_average(tmp_path: Path) -> None:
    module = tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5))
    fit(module, make_data(), 3, callbacks=[Ema(0.9), ModelCheckpoint(tmp_path, every_n_train_steps=3, filename="end")])
    kept = torch.load(tmp_path / "end.ckpt", weights_only=True)["callbacks"]["Ema"]
    ema = Ema(0.9)
    ema.load_state_dict(kept)
    again = ema.state_dict()
    assert again["updates"] == 3
    assert again["average"].keys() == kept["average"].keys() != set()


def test_validation_of_a_checkpoint_looks_at_its_average(tmp_path: Path) -> None:
    name = "viddm.unet.conv_out.weight"
    keep = ModelCheckpoint(tmp_path, every_n_train_steps=3, filename="end")
    module = tiny_module(optimizer=lambda p: torch.optim.SGD(p, 0.5), num_steps=1)
    randomise_output(module)
    fit(module, make_data(), 3, callbacks=[Ema(0.9), keep])
    seen: list[torch.Tensor] = []

    class Look(Callback):
        def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0) -> None:
            seen.append(pl_module.state_dict()[name].clone())

    trainer = Trainer(accelerator="cpu", devices=1, logger=False, callbacks=[Ema(0.9), Look()], barebones=False)
    trainer.validate(
        tiny_module(num_steps=1), make_data(num_val=1), ckpt_path=str(tmp_path / "end.ckpt"), weights_only=True
    )
    assert torch.equal(seen[0], module.state_dict()[name])
