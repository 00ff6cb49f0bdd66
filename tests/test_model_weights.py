"""Weights of model folders tensor by tensor are those of the model that the folder holds."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from support.parts import NANO_MLLM, fit, make_data, tiny_module

from veggie_pl.callbacks import InitFrom
from veggie_pl.errors import UseError
from veggie_pl.model_folder import INDEX, load_model, save_model
from veggie_pl.model_weights import stored_weights
from veggie_pl.models import KlCodec, Mllm
from veggie_pl.models.lora import Lora
from veggie_pl.module import VeggieModule

KL = {
    "block_out_channels": [8, 8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "norm_num_groups": 4,
    "latent_channels": 48,
}


def pretrained(**options: object) -> VeggieModule:
    module = tiny_module(seed=3)
    module.mllm = Mllm(str(NANO_MLLM), num_slots=8, attention="eager", **options)  # type: ignore[arg-type]
    return module


@pytest.mark.parametrize("kind", ["random MLLM", "named MLLM", "half", "KL", "adapters", "separate adapters"])
def test_stored_weights_are_those_of_the_loaded_model(kind: str, tmp_path: Path) -> None:
    module = tiny_module(seed=3) if kind == "random MLLM" else pretrained()
    if kind == "KL":
        module.vae = KlCodec(None, KL)
    if "adapters" in kind:
        module = pretrained(lora=Lora(rank=2))
        with torch.no_grad():
            for name, parameter in module.mllm.named_parameters():
                if "lora_B" in name:
                    parameter.add_(0.1)
    adapters = "separate" if kind == "separate adapters" else "merged"
    mllm = NANO_MLLM if kind == "named MLLM" else None
    save_model(module, tmp_path / "model", half=kind == "half", mllm=mllm, adapters=adapters)  # type: ignore[arg-type]
    expected = load_model(tmp_path / "model").state_dict()
    for into in (tiny_module(seed=1), pretrained()):
        found = stored_weights(tmp_path / "model", into)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].shape == tuple(value.shape), name
            assert torch.equal(found[name].read().to(value), value), name


def test_a_run_starts_without_a_second_mllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tiny_module(seed=3), tmp_path / "model")
    module, expected = tiny_module(seed=1), load_model(tmp_path / "model").state_dict()

    def built(*args: object, **options: object) -> None:
        raise AssertionError("an MLLM was built")

    monkeypatch.setattr(Mllm, "__init__", built)
    fit(module, make_data(), 0, callbacks=[InitFrom([str(tmp_path / "model")])])
    assert all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())


def test_weights_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    module = tiny_module(seed=3)
    with torch.no_grad():
        module.queries.group[0, 0] = torch.nan
    save_model(module, tmp_path / "model")
    with pytest.raises(UseError, match=r"model holds 1 weights with NaN or infinite values, such as queries\.group"):
        fit(tiny_module(), make_data(), 0, callbacks=[InitFrom([str(tmp_path / "model")])])


@pytest.fixture
def named(tmp_path: Path) -> Path:
    shutil.copytree(NANO_MLLM, tmp_path / "mllm")
    module = tiny_module(seed=3)
    module.mllm = Mllm(str(tmp_path / "mllm"), num_slots=8, attention="eager").requires_grad_(False)
    save_model(module, tmp_path / "run/model", leave_out=True)
    return tmp_path / "run/model"


def test_frozen_mllm_is_left_to_its_folder(named: Path) -> None:
    assert not (named / "mllm").exists()
    assert json.loads((named / INDEX).read_text())["mllm"]["folder"] == "../../mllm"
    own = Mllm(str(NANO_MLLM)).state_dict()
    assert all(torch.equal(value, own[name]) for name, value in load_model(named).mllm.state_dict().items())


def test_a_model_folder_that_was_moved_finds_its_mllm(named: Path, tmp_path: Path) -> None:
    shutil.move(named, tmp_path / "elsewhere" / "deep" / "model")
    load_model(tmp_path / "elsewhere/deep/model")
    shutil.move(tmp_path / "mllm", tmp_path / "gone")
    with pytest.raises(UseError, match=r"leaves its MLLM to the folder .* not there any more: neither .* nor"):
        load_model(tmp_path / "elsewhere/deep/model")


def test_a_changed_mllm_is_an_error(named: Path, tmp_path: Path) -> None:
    mllm = Mllm(str(tmp_path / "mllm"))
    with torch.no_grad():
        next(mllm.parameters()).view(-1)[0] += 1e-3
    mllm.save_pretrained(str(tmp_path / "mllm"))
    with pytest.raises(UseError, match=r"was made with another MLLM than .* holds now"):
        load_model(named)


def test_mllm_that_learned_is_in_the_folder(tmp_path: Path) -> None:
    save_model(pretrained(), tmp_path / "model", leave_out=True)
    assert (tmp_path / "model/mllm/config.json").is_file()
