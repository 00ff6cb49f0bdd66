"""Checkpoints name what is frozen and lies in a folder; resuming is exact, and only from the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from support.parts import NANO_MLLM, fit, make_data, tiny_module

from veggie_pl.callbacks import Freeze, InitFrom
from veggie_pl.errors import UseError
from veggie_pl.model_folder import save_model
from veggie_pl.models import Mllm
from veggie_pl.models.lora import Lora
from veggie_pl.module import VeggieModule
from veggie_pl.training.left_out import LEFT_OUT


def pretrained(seed: int = 0, folder: Path = NANO_MLLM, **options: Any) -> VeggieModule:
    module = tiny_module(seed=seed)
    module.mllm = Mllm(str(folder), num_slots=8, attention="eager", **options)
    return module


def run(module: VeggieModule, folder: Path, steps: int, *callbacks: Any, **options: Any) -> dict[str, Any]:
    keep = ModelCheckpoint(
        folder, filename="last", save_top_k=1, every_n_train_steps=steps, enable_version_counter=False
    )
    fit(module, make_data(), steps, callbacks=[*(callbacks or [Freeze(["vae", "mllm"])]), keep], **options)
    found: dict[str, Any] = torch.load(folder / "last.ckpt", weights_only=True)
    return found


def keys_of(checkpoint: dict[str, Any], part: str) -> list[str]:
    return [key for key in checkpoint["state_dict"] if key.startswith(f"{part}.")]


def test_frozen_mllm_is_named_and_resuming_is_exact(tmp_path: Path) -> None:
    checkpoint = run(pretrained(), tmp_path / "half", 2)
    assert not keys_of(checkpoint, "mllm")
    assert keys_of(checkpoint, "viddm")
    assert checkpoint[LEFT_OUT]["mllm"]["folder"] == str(NANO_MLLM)
    assert len(checkpoint[LEFT_OUT]["mllm"]["keys"]) == len(pretrained().mllm.state_dict())
    whole, resumed = pretrained(), pretrained(seed=5)
    run(whole, tmp_path / "whole", 4)
    run(resumed, tmp_path / "resumed", 4, ckpt_path=str(tmp_path / "half/last.ckpt"))
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


@pytest.mark.parametrize("change", ["weight", "precision", "path"])
def test_resuming_with_other_frozen_weights_is_an_error(change: str, tmp_path: Path) -> None:
    run(pretrained(), tmp_path, 2)
    other = pretrained(dtype="bfloat16") if change == "precision" else pretrained()
    if change == "weight":
        with torch.no_grad():
            next(other.mllm.model.model.vision_tower.parameters()).view(-1)[0] += 1e-3
    if change == "path":  # the same weights in another folder are the same
        other.mllm.save_pretrained(str(tmp_path / "copy"))
        other = pretrained(folder=tmp_path / "copy")
        run(other, tmp_path / "again", 3, ckpt_path=str(tmp_path / "last.ckpt"))
        return
    with pytest.raises(UseError, match=r"last\.ckpt was written without its mllm, whose \d+ frozen tensors lay in"):
        run(other, tmp_path / "again", 4, ckpt_path=str(tmp_path / "last.ckpt"))


def test_mllm_that_learns_is_kept(tmp_path: Path) -> None:
    checkpoint = run(pretrained(), tmp_path, 1, Freeze(["vae"]))
    assert LEFT_OUT not in checkpoint
    assert len(keys_of(checkpoint, "mllm")) == len(pretrained().mllm.state_dict())


def test_mllm_of_which_a_part_learns_is_kept(tmp_path: Path) -> None:
    checkpoint = run(pretrained(), tmp_path, 1, Freeze(["vae", "mllm.model.model.vision_tower"]))
    assert LEFT_OUT not in checkpoint


def test_random_mllm_is_kept(tmp_path: Path) -> None:
    assert LEFT_OUT not in run(tiny_module(), tmp_path, 1)


def test_adapters_in_a_frozen_mllm_are_kept(tmp_path: Path) -> None:
    module = pretrained(lora=Lora(rank=2))
    checkpoint = run(module, tmp_path, 2)
    kept = keys_of(checkpoint, "mllm")
    assert kept
    assert all("lora_" in key for key in kept)
    again = pretrained(lora=Lora(rank=2))
    run(again, tmp_path / "again", 3, ckpt_path=str(tmp_path / "last.ckpt"))


def test_mllm_of_another_model_folder_is_kept(tmp_path: Path) -> None:
    trained = pretrained()
    with torch.no_grad():
        next(trained.mllm.parameters()).add_(0.1)
    save_model(trained, tmp_path / "model")
    both = InitFrom([str(tmp_path / "model")]), Freeze(["vae", "mllm"])
    checkpoint = run(pretrained(), tmp_path / "run", 1, *both)
    assert LEFT_OUT not in checkpoint
    save_model(pretrained(), tmp_path / "same")
    both = InitFrom([str(tmp_path / "same")]), Freeze(["vae", "mllm"])
    assert LEFT_OUT in run(pretrained(), tmp_path / "run2", 1, *both)
