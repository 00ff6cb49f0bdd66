"""A run that goes on in another precision says so; older checkpoints know none and are resumed all the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import Namespace
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.callbacks import ModelCheckpoint
from support.parts import fit, make_data, tiny_module

from veggie_pl.callbacks import KeepPrecision
from veggie_pl.callbacks.keep_precision import trainer_device
from veggie_pl.training.precision import for_gain


def run(folder: Path, steps: int, precision: str, ckpt_path: Path | None = None, **options: Any) -> None:
    callbacks = [KeepPrecision(**options), ModelCheckpoint(folder, save_last=True, every_n_train_steps=1)]
    fit(tiny_module(), make_data(), steps, callbacks=callbacks, precision=precision, ckpt_path=ckpt_path)


@pytest.mark.parametrize(("first", "then"), [("32-true", "bf16-mixed"), ("bf16-mixed", "32-true")])
def test_change_of_precision_is_one_line(
    first: str, then: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        run(tmp_path, 1, first, choice=for_gain(9.0))
    assert caplog.messages.count(str(for_gain(9.0))) == 1
    last = tmp_path / "last.ckpt"
    assert torch.load(last, weights_only=True)["callbacks"]["KeepPrecision"] == {"precision": first}
    caplog.clear()
    with caplog.at_level("INFO"):
        run(tmp_path, 2, first, last)
    assert f"precision: {first}, as the config or --trainer.precision says" in caplog.messages
    assert "goes on in" not in caplog.text
    caplog.clear()
    run(tmp_path, 3, then, last)
    said = [message for message in caplog.messages if "goes on in" in message]
    assert said == [
        f"this run goes on in {then}, its checkpoint was computed in {first}: --trainer.precision {first} keeps to it"
    ]
    assert torch.load(last, weights_only=True)["callbacks"]["KeepPrecision"] == {"precision": then}


def test_checkpoint_without_a_precision_is_resumed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, 1, "32-true")
    old = torch.load(tmp_path / "last.ckpt", weights_only=True)
    del old["callbacks"]["KeepPrecision"]
    torch.save(old, tmp_path / "old.ckpt")
    run(tmp_path, 2, "bf16-mixed", tmp_path / "old.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 2
    assert "goes on in" not in caplog.text


@pytest.mark.parametrize(
    ("accelerator", "devices", "expected"),
    [
        ("cpu", 2, ("cpu", [])),
        ("cuda", "auto", ("cuda", [])),
        ("gpu", [1], ("cuda", [1])),
        ("auto", "1,", ("cuda", [1])),
        ("auto", 2, ("cuda", [0, 1])),
        (CUDAAccelerator(), -1, ("cuda", [0, 1, 2])),
    ],
)
def test_gpus_of_a_trainer_block_are_asked(
    accelerator: Any, devices: Any, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("lightning.fabric.accelerators.cuda._get_all_visible_cuda_devices", lambda: [0, 1, 2])
    assert trainer_device(Namespace(accelerator=accelerator, devices=devices)) == expected
