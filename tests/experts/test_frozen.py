"""Experts from folders: all weights or none, one name for the same content, frames in 8 bits."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.experts import clip_of

from veggie_pl.errors import UseError
from veggie_pl.experts import ClipExpert
from veggie_pl.experts.frozen import find_device, pictures


@pytest.fixture
def copied(clip: str, tmp_path: Path) -> Path:
    folder = tmp_path / "copied"
    shutil.copytree(clip, folder)
    return folder


def rewrite(folder: Path, change: object) -> None:
    place = folder / "model.safetensors"
    weights = load_file(place)
    change(weights)  # type: ignore[operator]
    save_file(weights, place, metadata={"format": "pt"})


def test_experts_are_frozen_and_in_float32(clip: str) -> None:
    model = ClipExpert(clip, device="cpu").frozen.model
    assert not model.training
    assert {(parameter.dtype, parameter.requires_grad) for parameter in model.parameters()} == {(torch.float32, False)}


def test_the_digest_is_of_the_content(clip: str, copied: Path) -> None:
    digest = ClipExpert(clip, device="cpu").digest
    assert ClipExpert(str(copied), device="cpu", chunk=2).digest == digest
    (copied / "README.md").write_text("about")
    assert ClipExpert(str(copied), device="cpu").digest == digest
    settings = json.loads((copied / "preprocessor_config.json").read_text())
    (copied / "preprocessor_config.json").write_text(json.dumps({**settings, "image_mean": [0.5, 0.5, 0.5]}))
    other = ClipExpert(str(copied), device="cpu").digest
    assert other != digest
    rewrite(copied, lambda weights: weights["visual_projection.weight"].add_(1e-3))
    assert ClipExpert(str(copied), device="cpu").digest not in (digest, other)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop("visual_projection.weight"), "1 missing keys"),
        (lambda weights: weights.update(extra=torch.zeros(2)), "1 unexpected keys"),
        (lambda weights: weights.update({"visual_projection.weight": torch.zeros(2, 2)}), "1 of another shape"),
        (lambda weights: weights["visual_projection.weight"].fill_(torch.nan), "1 weights with NaN"),
    ],
    ids=["missing", "left over", "shape", "NaN"],
)
def test_weights_that_do_not_fit_are_refused(copied: Path, change: object, said: str) -> None:
    rewrite(copied, change)
    with pytest.raises(UseError, match=said):
        ClipExpert(str(copied), device="cpu")


def test_what_older_versions_stored_is_no_fault(copied: Path) -> None:
    rewrite(copied, lambda weights: weights.update({"text_model.embeddings.position_ids": torch.arange(77)[None]}))
    ClipExpert(str(copied), device="cpu")


def test_folders_that_are_none_are_refused(copied: Path) -> None:
    with pytest.raises(UseError, match=r"no folder with config|no transformers folder"):
        ClipExpert(str(copied / "nowhere"))
    (copied / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(UseError, match="no whole safetensors file"):
        ClipExpert(str(copied), device="cpu")
    (copied / "config.json").write_text("{")
    with pytest.raises(UseError, match="no JSON"):
        ClipExpert(str(copied))


@pytest.mark.parametrize("name", ["preprocessor_config.json", "tokenizer.json"])
def test_missing_parts_are_named(copied: Path, name: str) -> None:
    for path in copied.glob("*.json"):
        if path.name == name or path.name in ("processor_config.json", "vocab.json", "merges.txt"):
            path.unlink()
    with pytest.raises(UseError, match=r"ImageProcessor|Tokenizer"):
        ClipExpert(str(copied), device="cpu")


def test_devices_that_are_not_here_are_refused() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto").type in ("cpu", "cuda")
    for name in ("warp", "cuda:99"):
        with pytest.raises(UseError, match=f"'{name}'.*auto, cpu and cuda"):
            find_device(name)


def test_frames_are_seen_in_8_bits() -> None:
    frames = clip_of(2)
    frames[0, :, 0, 0] = torch.tensor([-1.0, 0.0, 1.0])
    first, _ = pictures(frames)
    assert first.shape == (40, 56, 3)
    assert first[0, 0].tolist() == [0, 128, 255]
