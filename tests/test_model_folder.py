import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from support.parts import make_batch, randomise_output, tiny_module
from transformers import AutoModelForImageTextToText

from veggie_pl.cli import main
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.inference.which_model import find_model
from veggie_pl.model_folder import load_model, save_model


@pytest.mark.parametrize("video", [False, True])
def test_round_trip_is_exact(tmp_path: Path, video: bool) -> None:
    module = tiny_module(video, guidance={"removal": Guidance(3.0, 1.5), "default": Guidance(2.0)}, num_steps=3, seed=1)
    module.objective.drop_source = 0.25
    randomise_output(module)
    save_model(module, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.guidance == module.guidance
    assert (again.num_steps, again.seed) == (3, module.seed)
    assert again.objective.drop_rates == module.objective.drop_rates
    for name, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    batch = make_batch(2, 2 if video else 1)
    assert torch.equal(again.edit_batch(batch), module.eval().edit_batch(batch))


def test_parts_are_readable_by_their_own_libraries(model_folder: Path) -> None:
    AutoModelForImageTextToText.from_pretrained(model_folder / "mllm")
    weights = load_model(model_folder).state_dict()
    assert weights["mllm.model.lm_head.weight"].shape[0] == 1024


def test_image_model_holds_a_plain_diffusers_unet(tmp_path: Path) -> None:
    module = tiny_module(video=False)
    unet = module.viddm.unet
    assert isinstance(unet, UNet2DConditionModel)
    unet.save_pretrained(tmp_path)
    UNet2DConditionModel.from_pretrained(tmp_path, low_cpu_mem_usage=False)


def test_only_safetensors_and_text(model_folder: Path) -> None:
    kinds = {path.suffix for path in model_folder.rglob("*") if path.is_file()}
    assert kinds <= {".safetensors", ".json", ".jinja", ".txt"}, kinds


def test_tells_nothing_of_the_machine_that_made_it(tmp_path: Path, model_folder: Path) -> None:
    save_model(load_model(model_folder), tmp_path / "again")
    for path in (tmp_path / "again").rglob("*.json"):
        assert str(model_folder.parent) not in path.read_text(), path


def test_interrupted_save_keeps_the_older_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny_module()
    save_model(module, tmp_path / "model")
    before = (tmp_path / "model/veggie.json").read_text()
    monkeypatch.setattr(module.vae, "save_pretrained", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(module, tmp_path / "model")
    assert (tmp_path / "model/veggie.json").read_text() == before
    load_model(tmp_path / "model")


def test_saving_again_replaces(tmp_path: Path) -> None:
    save_model(tiny_module(num_steps=3), tmp_path / "model")
    save_model(tiny_module(num_steps=5), tmp_path / "model")
    assert load_model(tmp_path / "model").num_steps == 5
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    with pytest.raises(ValueError, match=r"exists and is no model folder"):
        save_model(tiny_module(), tmp_path / "mine")
    assert (tmp_path / "mine/thesis.txt").read_text() == "years"
    (tmp_path / "empty").mkdir()
    save_model(tiny_module(), tmp_path / "empty")


def test_written_again_from_a_model_folder(tmp_path: Path, model_folder: Path) -> None:
    main(["export", "--from", str(model_folder), "-o", str(tmp_path / "half"), "--half"])
    whole, half = load_model(model_folder).state_dict(), load_model(tmp_path / "half").state_dict()
    assert all(torch.equal(half[name], whole[name].half().to(whole[name].dtype)) for name in whole)
    with pytest.raises(SystemExit, match=r"error: .*is no model folder"):
        main(["export", "--from", str(tmp_path), "-o", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"unrecognized arguments: --hlaf; did you mean half"):
        main(["export", "--from", str(model_folder), "-o", str(tmp_path / "out"), "--hlaf"])


def test_reading_never_unpickles(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("torch.load was called"))
    load_model(model_folder)


def test_what_is_no_model_folder_is_an_error(tmp_path: Path, model_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no model folder.*fit --config"):
        find_model([str(tmp_path / "*")])
    with pytest.raises(ValueError, match=r"has no veggie\.json"):
        load_model(tmp_path)
    broken = shutil.copytree(model_folder, tmp_path / "broken")
    index = json.loads((broken / "veggie.json").read_text())
    for change, message in {
        "format": "format 'x'",
        "scheduler": "no scheduler of diffusers",
        "vae": "unknown codec 'x'; the choices",
    }.items():
        (broken / "veggie.json").write_text(json.dumps({**index, change: "x"}))
        with pytest.raises(ValueError, match=message):
            load_model(broken)


def test_half_takes_half_the_room_and_reads_back_as_float32(tmp_path: Path) -> None:
    module = tiny_module(video=True)
    randomise_output(module)
    save_model(module, tmp_path / "whole")
    save_model(module, tmp_path / "half", half=True)
    sizes = [
        sum(path.stat().st_size for path in (tmp_path / name).rglob("*.safetensors")) for name in ("whole", "half")
    ]
    assert sizes[1] < 0.52 * sizes[0]
    for name, value in load_model(tmp_path / "half").state_dict().items():
        assert value.dtype == module.state_dict()[name].dtype
        assert torch.equal(value, module.state_dict()[name].half().float()), name


def test_mllm_can_be_named_instead_of_held(tmp_path: Path) -> None:
    module = tiny_module()
    module.mllm.save_pretrained(str(tmp_path / "mllm"))
    save_model(module, tmp_path / "model", mllm=tmp_path / "mllm")
    assert not (tmp_path / "model/mllm").exists()
    shutil.move(tmp_path, moved := tmp_path.with_name("moved"))  # the two move together
    again = load_model(moved / "model")
    for name, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_another_mllm_cannot_be_named(tmp_path: Path) -> None:
    module = tiny_module()
    module.mllm.save_pretrained(str(tmp_path / "mllm"))
    torch.nn.init.ones_(module.mllm.model.lm_head.weight)
    with pytest.raises(ValueError, match=r"another MLLM.* 1 tensors|another MLLM.* 2 tensors"):
        save_model(module, tmp_path / "model", mllm=tmp_path / "mllm")
