"""AnyV2V: a real tiny I2VGen-XL carries a picture, alone and in a whole run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.lifting import write_stills
from support.pipelines import pipeline_folder
from support.stills import WORDS, boxed, still_of

from veggie_pl.commands.synthesize import synthesize_table
from veggie_pl.data.streams import EditingStream
from veggie_pl.data.table import TableRecords
from veggie_pl.errors import UseError
from veggie_pl.files import CONF
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.propagate import AnyV2VPropagator
from veggie_pl.synthesis.protocols import Animation, ItemError, Propagator

STILL = boxed(48, 72)
ANIMATION = CameraAnimator(2).animate(STILL, WORDS, 2)
SETTINGS = {"inversion_steps": 2, "steps": 2, "skip": 0, "dtype": "float32", "device": "cpu"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return pipeline_folder(tmp_path_factory.mktemp("i2vgen"), "I2VGenXLPipeline")


def propagator(folder: str, **options: object) -> AnyV2VPropagator:
    return AnyV2VPropagator(folder, **SETTINGS | options)  # type: ignore[arg-type]


def test_tiny_model_carries_the_picture(folder: str) -> None:
    made = propagator(folder)
    assert isinstance(made, Propagator)
    frames = made.propagate(STILL, WORDS, ANIMATION, 0)
    assert frames.shape == ANIMATION.frames.shape
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, made.propagate(STILL, WORDS, ANIMATION, 1))  # no chance in it
    others = (
        (still_of(STILL.source, 255 - STILL.target), WORDS, ANIMATION),
        (STILL, replace(WORDS, edited_caption="red"), ANIMATION),
        (STILL, WORDS, Animation(ANIMATION.frames[::-1], ANIMATION.fps)),
        (STILL, WORDS, Animation(ANIMATION.frames, 16.0)),
    )
    for other in others:
        assert not np.array_equal(frames, made.propagate(*other, 0))


def test_every_setting_counts_and_is_in_the_digest(folder: str) -> None:
    plain = propagator(folder)
    frames = plain.propagate(STILL, WORDS, ANIMATION, 0)
    assert plain.digest == propagator(folder, device="auto").digest
    changes: list[dict[str, object]] = [
        {"inversion_steps": 4},
        {"steps": 1},
        {"skip": 1},
        {"guidance": 5.0},
        {"spatial": 1.0},
        {"temporal": 0.0},
        {"features": 1.0},
        {"attention_blocks": [5]},
        {"feature_blocks": [8]},
        {"negative": "red"},
    ]
    made = [propagator(folder, **change) for change in changes]
    others = [propagator(folder, area=4096), propagator(folder, dtype="bfloat16")]
    assert len({one.digest for one in (plain, *made, *others)}) == 3 + len(changes)
    for change, one in zip(changes, made, strict=True):
        vars(one.model)["pipeline"] = plain.model.pipeline  # loaded once
        assert not np.array_equal(frames, one.propagate(STILL, WORDS, ANIMATION, 0)), change


def test_running_out_of_memory_is_an_error_of_the_item(folder: str) -> None:
    made = propagator(folder)
    layer = made.model.pipeline.unet.up_blocks[1].resnets[1].conv2
    layer.register_forward_pre_hook(lambda *_: torch.empty(2**60, dtype=torch.uint8) and None)
    with pytest.raises(ItemError, match="out of memory in I2VGenXLPipeline"):
        made.propagate(STILL, WORDS, ANIMATION, 0)


def test_videos_that_do_not_fit_are_errors_of_the_item(folder: str) -> None:
    for frames in (ANIMATION.frames[:, :40], ANIMATION.frames[:1]):
        with pytest.raises(ItemError, match=r"at least 2 are needed, of the edited picture's \(48, 72, 3\)"):
            propagator(folder).propagate(STILL, WORDS, Animation(frames, 8.0), 0)


def test_other_folders_and_settings_are_refused(folder: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanImageToVideoPipeline"}')
    with pytest.raises(UseError, match="the classes that do are I2VGenXLPipeline"):
        AnyV2VPropagator(str(tmp_path))
    for wrong in ({"skip": 2}, {"steps": 3}, {"steps": 4}, {"inversion_steps": 0}, {"skip": -1}):
        with pytest.raises(UseError, match="inversion_steps that are a multiple of steps"):
            propagator(folder, **wrong)
    with pytest.raises(UseError, match="spatial is a share"):
        propagator(folder, spatial=2.0)
    with pytest.raises(UseError, match=r"feature_blocks \[40\] are not in this model"):
        propagator(folder, feature_blocks=[40]).propagate(STILL, WORDS, ANIMATION, 0)
    with pytest.raises(UseError, match=r"do not meet those of an inversion in 6"):
        propagator(folder, inversion_steps=6, steps=3).propagate(STILL, WORDS, ANIMATION, 0)


def test_config_lifts_pictures_with_a_tiny_model(folder: str, tmp_path: Path) -> None:
    table = write_stills(tmp_path / "data", 2, side=64)
    args = ["--config", str(CONF / "synthesis/anyv2v.yaml"), "--size", "null", "--assess.init_args.preset", "none"]
    args += ["--table", str(table), "--output", str(tmp_path / "lifted"), "--store", str(tmp_path / "store")]
    args += ["--animate", "veggie_pl.synthesis.animate.CameraAnimator", "--animate.num_frames", "3"]
    for name, value in (SETTINGS | {"folder": folder}).items():
        args += [f"--propagate.init_args.{name}", str(value)]
    synthesize_table(args)
    stream = EditingStream(TableRecords(str(tmp_path / "lifted/train"), 3, 64))
    assert len(stream) == 4  # a removal and an addition, each also backwards
    assert stream[0].source.shape == (3, 3, 64, 64)
    assert "AnyV2VPropagator" in (tmp_path / "lifted/provenance.json").read_text()
