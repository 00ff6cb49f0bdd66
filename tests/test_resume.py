"""A run that is stopped and resumed is the run that was not: same samples, same losses, same weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from support.parts import fit, make_data, randomise_output, tiny_module
from support.video_models import nano_dit_module, wan_module

from veggie_pl.callbacks import Ema, Freeze, SkillLoss
from veggie_pl.models.dit.adapters import DenoiserLora
from veggie_pl.module import VeggieModule

STEPS = 6


class Record(Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []
        self.keys: list[str] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.losses.append(outputs["loss"].item())
        self.keys += batch.key


def unet() -> VeggieModule:
    module = tiny_module()
    randomise_output(module)
    return module


def wan_with_adapters() -> VeggieModule:
    """As conf/backbone/wan13.yaml: matrices of 16 bits under adapters, a codec that compresses time."""
    return wan_module(5, lora=DenoiserLora(rank=2), dtype="bfloat16")


FROZEN = [f"denoiser.{part}" for part in ("self_attention", "cross_attention", "feed_forward", "norm")]
TRANSFORMERS: dict[str, tuple[Callable[[], VeggieModule], list[str], int]] = {  # model, frozen besides, frames
    "nano_dit": (nano_dit_module, [], 2),
    "wan": (wan_with_adapters, FROZEN, 5),
}


def run(
    folder: Path,
    steps: int,
    ckpt_path: str | None = None,
    workers: int = 0,
    stop_at: int | None = None,
    make: Callable[[], VeggieModule] = unet,
    frozen: tuple[str, ...] | list[str] = (),
    frames: int = 1,
):
    module = make()
    module.make_optimizer, module.lr_schedule = lambda p: torch.optim.AdamW(p, 1e-3), "cosine"
    record = Record()
    keep = ModelCheckpoint(folder, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    callbacks = [Freeze(["vae", "mllm", *frozen]), Ema(0.9), SkillLoss(2), keep, record]
    if stop_at is not None:

        class Kill(Callback):
            def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
                if trainer.global_step == stop_at:
                    raise RuntimeError("killed")

        callbacks.append(Kill())
    data = make_data(frames, num_workers=workers)
    options = {"callbacks": callbacks, "ckpt_path": ckpt_path}
    if stop_at is not None:
        with pytest.raises(RuntimeError, match="killed"):
            fit(module, data, steps, **options)
    else:
        fit(module, data, steps, **options)
    return record, module


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    return run(tmp_path_factory.mktemp("whole"), STEPS)


def test_same_seed_same_losses(whole, tmp_path: Path) -> None:
    again, module = run(tmp_path, STEPS)
    assert again.losses == whole[0].losses
    assert len(set(again.losses)) == STEPS
    for name, value in whole[1].state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


@pytest.mark.parametrize(("stop", "workers"), [(1, 0), (3, 0), (4, 2), (5, 1)])
def test_resumed_run_equals_whole_run(whole, stop: int, workers: int, tmp_path: Path) -> None:
    first, _ = run(tmp_path, STEPS, workers=workers, stop_at=stop)
    second, module = run(tmp_path, STEPS, ckpt_path=str(tmp_path / f"step={stop}.ckpt"), workers=workers)
    assert first.losses + second.losses == whole[0].losses
    assert first.keys + second.keys == whole[0].keys
    for name, value in whole[1].state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_resumed_run_of_a_transformer_equals_whole_run(name: str, tmp_path: Path) -> None:
    make, frozen, frames = TRANSFORMERS[name]
    how = {"make": make, "frozen": frozen, "frames": frames}
    whole, expected = run(tmp_path / "whole", 3, **how)
    first, _ = run(tmp_path, 3, stop_at=1, **how)
    second, module = run(tmp_path, 3, ckpt_path=str(tmp_path / "step=1.ckpt"), **how)
    assert first.losses + second.losses == whole.losses
    assert len(set(whole.losses)) == 3
    for key, value in expected.state_dict().items():
        assert torch.equal(module.state_dict()[key], value), key


def test_a_run_that_died_after_its_last_step_leaves_what_it_would_have_left(whole, tmp_path: Path) -> None:
    run(tmp_path, STEPS)
    nothing, module = run(tmp_path, STEPS, ckpt_path=str(tmp_path / f"step={STEPS}.ckpt"))
    assert nothing.losses == []
    for name, value in whole[1].state_dict().items():  # the average, not the weights that learned
        assert torch.equal(module.state_dict()[name], value), name


def test_position_survives_another_batch_size(tmp_path: Path) -> None:
    first, _ = run(tmp_path, STEPS, stop_at=2)
    record = Record()
    module = tiny_module(optimizer=lambda p: torch.optim.AdamW(p, 1e-3), lr_schedule="cosine")
    callbacks = [Freeze(["vae", "mllm"]), Ema(0.9), SkillLoss(2), record]
    fit(module, make_data(batch_size=2), 4, callbacks=callbacks, ckpt_path=str(tmp_path / "step=2.ckpt"))
    mixture = make_data().mixture
    assert first.keys + record.keys == [mixture[i][1].example.key for i in range(2 * 4 + 2 * 2)]
