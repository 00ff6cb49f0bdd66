"""`export --onnx`: what onnxruntime answers is what torch does, and what a program needs beside is all there."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.parts import randomise_output, tiny_module
from tokenizers import Tokenizer

from veggie_pl.cli import main
from veggie_pl.diffusion.sampler import draw_noise
from veggie_pl.inference import onnx_parity
from veggie_pl.inference.onnx_recipe import ddim_steps
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.seeding import torch_rng

onnx = pytest.importorskip("onnx", reason="onnx is not installed: the extra [onnx] of the project brings it")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: the extra [onnx] of the project brings it")
FILES = {"mllm.onnx", "unet.onnx", "encode.onnx", "decode.onnx", "edit.json", "tokenizer.json", "noise.bin"}


@pytest.fixture(scope="module")
def written(onnx_folder: Path) -> Path:
    return onnx_folder


def test_graphs_answer_as_torch_does(written: Path, halved_model: VeggieModel) -> None:
    assert {path.name for path in written.iterdir()} == FILES
    found = onnx_parity.largest_differences(halved_model, written)
    assert found.keys() == {"mllm", "unet", "encode", "decode"}
    assert max(found.values()) < onnx_parity.TOLERANCE


def test_weights_are_stored_in_16_bits_and_say_nothing_of_the_machine(written: Path, model_folder: Path) -> None:
    file = onnx.load(written / "unet.onnx")
    stored = {one.data_type for one in file.graph.initializer if np.prod(one.dims) >= 256}
    assert stored == {onnx.TensorProto.FLOAT16}
    for path in written.iterdir():
        content = path.read_bytes()
        assert str(Path(__file__).parents[2]).encode() not in content, path
        assert str(model_folder.parent).encode() not in content, path


def test_other_weights_are_noticed(written: Path) -> None:
    other = tiny_module(video=True, seed=5).eval()
    randomise_output(other)
    found = onnx_parity.largest_differences(other, written)
    assert min(found["mllm"], found["unet"]) > onnx_parity.TOLERANCE
    assert max(found["encode"], found["decode"]) == 0


def test_what_differs_is_refused_and_leaves_nothing(
    tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_parity, "write_graphs", lambda *_: None)
    monkeypatch.setattr(onnx_parity, "largest_differences", lambda *_: {"mllm": 1e-4, "unet": float("nan")})
    with pytest.raises(SystemExit, match=r"differ from torch by more than 0.001: unet by nan"):
        main(["export", "--from", str(model_folder), "--onnx", str(tmp_path / "graphs")])
    assert not (tmp_path / "graphs").exists()


@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
@pytest.mark.parametrize("num_steps", [1, 3])
def test_steps_of_the_recipe_are_the_schedulers(prediction: str, num_steps: int) -> None:
    module = tiny_module()
    module.objective.scheduler = type(module.objective.scheduler).from_config(
        {**module.objective.scheduler.config, "prediction_type": prediction}
    )
    run: Any = module.objective.process.sampling(num_steps)
    latents = expected = draw_noise((1, 48, 4, 4), [torch_rng("noise")], torch.device("cpu"))
    for timestep, (written, before, after) in zip(run.timesteps, ddim_steps(module, num_steps), strict=True):
        assert int(timestep) == written
        predicted = latents.tanh() * 1.3
        expected = run.step(predicted, timestep, latents)
        picture, noise = told(prediction, predicted, latents, before)
        latents = after**0.5 * picture.clamp(-1, 1) + (1 - after) ** 0.5 * noise
        assert torch.allclose(latents, expected, atol=1e-5)


def told(prediction: str, predicted: torch.Tensor, noisy: torch.Tensor, alpha: float) -> tuple[torch.Tensor, ...]:
    """The picture and the noise, as edit.js computes them."""
    much, rest = alpha**0.5, (1 - alpha) ** 0.5
    if prediction == "sample":
        return predicted, (noisy - much * predicted) / rest
    if prediction == "epsilon":
        return (noisy - rest * predicted) / much, predicted
    return much * noisy - rest * predicted, much * predicted + rest * noisy


def test_the_recipe_has_the_prompt_the_tokenizer_and_the_noise(written: Path, model_folder: Path) -> None:
    recipe, model = json.loads((written / "edit.json").read_text()), load_model(model_folder)
    assert recipe["size"] == [16, 16]
    assert not recipe["needs_guidance"]
    words = "remove the red circle"
    tokenizer = Tokenizer.from_file(str(written / "tokenizer.json"))
    told = recipe["prompt"]
    whole = tokenizer.encode(told["lead_text"] + words + told["tail_text"], add_special_tokens=False).ids
    assert [*told["after"], *whole[len(told["lead"]) :]] == model.mllm.prompt.text_ids(words)
    noise = np.frombuffer((written / "noise.bin").read_bytes(), "<f4").reshape(recipe["latents"])
    for frames in (1, 8):
        expected = draw_noise((frames, *recipe["latents"][1:]), [torch_rng("edit", 0)], torch.device("cpu"))[0]
        assert np.array_equal(noise[:frames], expected.numpy())


def test_what_is_missing_or_taken_is_said(tmp_path: Path, model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["export", "--from", str(model_folder)]
    with pytest.raises(SystemExit, match="--output, or one for graphs with --onnx"):
        main(command)
    with pytest.raises(SystemExit, match="is the --onnx itself"):
        main([*command, "-o", str(tmp_path / "one"), "--onnx", str(tmp_path / "one")])
    (tmp_path / "full").mkdir()
    (tmp_path / "full/kept").touch()
    with pytest.raises(SystemExit, match="exists: name another folder for --onnx"):
        main([*command, "--onnx", str(tmp_path / "full")])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SystemExit, match=r"onnxruntime is not installed; `pip install 'veggie_pl\[onnx\]'`"):
        main([*command, "--onnx", str(tmp_path / "graphs")])
