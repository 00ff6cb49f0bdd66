"""Pipelines by folder: sizes that models can do, bytes out of them, and what counts as out of memory."""

import numpy as np
import pytest
import torch

from veggie_pl.synthesis.diffusers_folder import as_bytes, is_out_of_memory, whole_length, working_size
from veggie_pl.synthesis.protocols import ItemError


def test_working_size_is_near_the_picture_in_multiples() -> None:
    assert working_size(480, 832, 16, None) == (480, 832)
    assert working_size(30, 44, 16, None) == (32, 48)
    assert working_size(1080, 1920, 32, 480 * 832) == (480, 832)
    assert working_size(5, 900, 64, None) == (64, 896)


@pytest.mark.parametrize(("asked", "made"), [(2, 5), (5, 5), (6, 9), (17, 17)])
def test_lengths_are_one_more_than_a_multiple(asked: int, made: int) -> None:
    assert whole_length(asked, 4) == made
    assert whole_length(asked, 1) == asked


def test_frames_become_bytes_of_the_size() -> None:
    frames = np.array([-0.5, 0.5, 2.0], np.float32).reshape(1, 1, 1, 3).repeat(4, 1).repeat(4, 2)
    assert as_bytes(frames, 2, 6).shape == (1, 2, 6, 3)
    assert as_bytes(frames, 4, 4)[0, 0, 0].tolist() == [0, 128, 255]
    with pytest.raises(ItemError, match="no finite numbers"):
        as_bytes(frames * np.float32(np.nan), 4, 4)


def test_memory_is_told_from_other_faults() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))
