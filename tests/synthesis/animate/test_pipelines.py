"""Image-to-video pipelines by folder: each real class animates a picture of its size, by seed and prompt."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.pipelines import HUNYUAN_TEMPLATE, pipeline_folder
from support.stills import boxed, still_of

from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import PipelineAnimator
from veggie_pl.synthesis.animate.pipelines import RECIPES, prompt_of
from veggie_pl.synthesis.protocols import Animator, Description, ItemError

STILL = boxed(30, 40)
SAID = Description("a scene.", "a red scene", "the camera moves")
OPTIONS = {"HunyuanVideoImageToVideoPipeline": {"prompt_template": HUNYUAN_TEMPLATE, "max_sequence_length": 16}}
OPTIONS |= {name: {"max_sequence_length": 16} for name in RECIPES if name.startswith(("Wan", "LTX", "Cog"))}


def animator(folder: str, name: str, **options: object) -> PipelineAnimator:
    given = {"num_frames": 3, "steps": 1, "dtype": "float32", "device": "cpu", "options": OPTIONS.get(name)}
    return PipelineAnimator(folder, **given | options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def wan(tmp_path_factory: pytest.TempPathFactory) -> str:
    return pipeline_folder(tmp_path_factory.mktemp("wan"), "WanImageToVideoPipeline")


@pytest.mark.parametrize("name", RECIPES)
def test_picture_is_animated_at_its_own_size(name: str, tmp_path: Path) -> None:
    made = animator(pipeline_folder(tmp_path, name), name)
    assert isinstance(made, Animator)
    one, other = (made.animate(STILL, SAID, seed) for seed in (0, 1))
    assert one.frames.shape == (3, 30, 40, 3)
    assert one.frames.dtype == np.uint8
    assert one.fps == 8.0
    assert one.motion == {}
    assert not np.array_equal(one.frames, other.frames)
    assert np.array_equal(one.frames, made.animate(STILL, SAID, 0).frames)


def test_prompt_and_picture_count(wan: str) -> None:
    made = animator(wan, "WanImageToVideoPipeline", steps=2)
    first = made.animate(STILL, SAID, 0).frames
    other = Description("the red", "", "camera")
    assert not np.array_equal(first, made.animate(STILL, other, 0).frames)
    inverted = still_of(255 - STILL.source, STILL.target)
    assert not np.array_equal(first, made.animate(inverted, SAID, 0).frames)


def test_digest_names_parameters_and_weights(wan: str, tmp_path: Path) -> None:
    made = animator(wan, "WanImageToVideoPipeline")
    assert made.digest == animator(wan, "WanImageToVideoPipeline").digest
    assert made.digest != animator(wan, "WanImageToVideoPipeline", steps=2).digest
    shutil.copytree(wan, tmp_path, dirs_exist_ok=True)
    weights = next((tmp_path / "vae").glob("*.safetensors"))
    changed = load_file(weights)
    next(iter(changed.values())).add_(1)
    save_file(changed, weights, {"format": "pt"})
    assert made.digest != animator(str(tmp_path), "WanImageToVideoPipeline").digest


def test_running_out_of_memory_is_an_error_of_the_item(wan: str) -> None:
    made = animator(wan, "WanImageToVideoPipeline")
    made.model.pipeline.transformer.register_forward_pre_hook(lambda *_: torch.empty(2**60, dtype=torch.uint8) and None)
    with pytest.raises(ItemError, match="out of memory in WanImageToVideoPipeline"):
        made.animate(STILL, SAID, 0)


def test_folders_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UseError, match="no diffusers folder with model_index"):
        PipelineAnimator(str(tmp_path))
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(UseError, match=r"holds a StableDiffusionPipeline, which is not .* the classes that do are Wan"):
        PipelineAnimator(str(tmp_path))
    (tmp_path / "model_index.json").write_text('{"_class_name": "LTXConditionPipeline"}')
    with pytest.raises(UseError, match="cannot be read as an image-to-video pipeline"):
        PipelineAnimator(str(tmp_path)).animate(STILL, SAID, 0)
    with pytest.raises(UseError, match="at least 2 frames"):
        PipelineAnimator(str(tmp_path), num_frames=1)


def test_prompt_is_what_is_seen_and_how_it_moves() -> None:
    assert prompt_of(SAID) == "a scene. the camera moves"
    assert prompt_of(Description("", "", "Left.")) == "Left."
