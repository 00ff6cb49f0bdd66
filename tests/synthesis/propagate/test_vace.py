"""Wan VACE: what it is given of both modes, and a real tiny one that runs."""

from pathlib import Path

import numpy as np
import pytest
from support.pipelines import pipeline_folder
from support.stills import WORDS, boxed, still_of

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.propagate import VacePropagator
from veggie_pl.synthesis.propagate.region import carried_region
from veggie_pl.synthesis.propagate.vace import GREY, given
from veggie_pl.synthesis.protocols import Propagator

STILL = boxed(48, 64)
FRAMES = CameraAnimator(3).animate(STILL, WORDS, 2).frames


def test_control_generates_all_but_the_edited_first_frame() -> None:
    video, white = given(STILL, FRAMES, "control")
    assert np.array_equal(video[0], STILL.target)
    assert np.array_equal(video[1:], FRAMES[1:])
    assert not white[0].any()
    assert white[1:].all()


def test_region_keeps_the_video_outside_of_the_edit() -> None:
    video, white = given(STILL, FRAMES, "region")
    region = carried_region(STILL, FRAMES)[1:]
    assert np.array_equal(video[0], STILL.target)
    assert np.array_equal(white[1:], region)
    assert (video[1:][region] == GREY).all()
    assert np.array_equal(video[1:][~region], FRAMES[1:][~region])
    assert not white[0].any()


def test_edit_of_all_is_controlled() -> None:
    whole = still_of(STILL.source, 255 - STILL.source, Skill.STYLIZATION)
    video, white = given(whole, FRAMES, "region")
    assert white[1:].all()
    assert np.array_equal(video[1:], FRAMES[1:])


def test_tiny_model_carries_the_picture(tmp_path: Path) -> None:
    folder = pipeline_folder(tmp_path, "WanVACEPipeline")
    animation = CameraAnimator(3).animate(STILL, WORDS, 2)
    made = [VacePropagator(folder, mode, 1, dtype="float32", device="cpu") for mode in ("control", "region")]
    assert isinstance(made[0], Propagator)
    frames = [one.propagate(STILL, WORDS, animation, 0) for one in made]
    assert [one.shape for one in frames] == [FRAMES.shape] * 2
    assert not np.array_equal(*frames)
    assert np.array_equal(frames[0], made[0].propagate(STILL, WORDS, animation, 0))
    assert not np.array_equal(frames[0], made[0].propagate(STILL, WORDS, animation, 1))
    assert made[0].digest != made[1].digest


def test_other_folders_and_modes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanImageToVideoPipeline"}')
    with pytest.raises(UseError, match="the classes that do are WanVACEPipeline"):
        VacePropagator(str(tmp_path))
    with pytest.raises(UseError, match="at least 1 step"):
        VacePropagator(str(tmp_path), steps=0)
