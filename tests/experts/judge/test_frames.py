"""Judges see the same moments of both videos, in one order."""

import base64

import cv2
import numpy as np
import pytest
import torch

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.experts.judge.frames import as_jpegs, check_asking, shown
from veggie_pl.experts.protocols import Question


def levels(frames: torch.Tensor) -> list[float]:
    return [round(float(frame.mean()), 2) for frame in frames]


def steps(start: float, count: int = 5) -> torch.Tensor:
    return torch.stack([torch.full((3, 20, 40), start + 0.1 * i) for i in range(count)])


QUESTION = Question("k", Skill.REMOVAL, "remove it", steps(0.0), steps(-0.9))


def test_moments_are_evenly_spaced_and_the_order_turns() -> None:
    source, edited = [0.0, 0.2, 0.4], [-0.9, -0.7, -0.5]
    assert levels(shown(QUESTION, 3, 64, edited_first=False)) == source + edited
    assert levels(shown(QUESTION, 3, 64, edited_first=True)) == edited + source
    assert len(shown(QUESTION, 99, 64, edited_first=False)) == 10
    assert levels(shown(QUESTION, 1, 64, edited_first=False)) == [0.0, -0.9]


def test_pictures_are_reduced_and_never_enlarged() -> None:
    assert shown(QUESTION, 2, 20, edited_first=False).shape == (4, 3, 10, 20)
    assert shown(QUESTION, 2, 4000, edited_first=False).shape == (4, 3, 20, 40)
    assert shown(QUESTION, 2, 1, edited_first=False).shape == (4, 3, 1, 1)


def test_jpegs_hold_the_picture() -> None:
    frame = torch.tensor([1.0, -1.0, 0.0])[:, None, None].expand(3, 16, 16)
    (address,) = as_jpegs(frame[None], 95)
    head, _, code = address.partition(",")
    assert head == "data:image/jpeg;base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(picture[8, 8].astype(int) - [255, 0, 128]).max() <= 3


@pytest.mark.parametrize("name", ["repeats", "num_frames", "side"])
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(UseError, match=f"{name} has to be at least 1, got 0"):
        check_asking(**{"repeats": 1, "num_frames": 1, "side": 1, name: 0})
