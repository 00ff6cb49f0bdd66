"""A clip longer than the model takes, window by window."""

from pathlib import Path

import pytest
import torch
from support.image_models import own_folder
from support.parts import make_batch
from torch import Tensor

from veggie_pl.batch import Batch
from veggie_pl.errors import UseError
from veggie_pl.methods import InsV2V, InWindows

FRAMES = 13  # of two windows of 8 that share 3; the last frames of the one are the first of the next
LENGTH = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return own_folder(tmp_path_factory.mktemp("video") / "model", video=True)


@pytest.fixture(scope="module")
def batch() -> Batch:
    return make_batch(1, FRAMES)


def part(batch: Batch, start: int, stop: int) -> Batch:
    one = batch.rows([0])
    one.source, one.mask = one.source[:, start:stop], one.mask[:, start:stop]
    return one


def edited(method: InWindows, batch: Batch) -> Tensor:
    return method.edit_batch(batch)[0]


def test_a_clip_of_one_window_is_the_models_own_edit(folder: str, batch: Batch) -> None:
    short = part(batch, 0, LENGTH)
    own = InWindows(folder).model.edit_batch(short)[0]
    for method in (InWindows(folder), InsV2V(folder, share=1.0), InWindows(folder, "together", 3)):
        torch.testing.assert_close(edited(method, short), own, atol=1e-5, rtol=0)
        assert method.joins(LENGTH) == []


def test_cut_windows_are_edits_by_themselves(folder: str, batch: Batch) -> None:
    method = InWindows(folder, overlap=3)
    found = edited(method, batch)
    first, second = (edited(method, part(batch, *place)) for place in ((0, 8), (5, 13)))
    torch.testing.assert_close(found, torch.cat([first[:5], second]), atol=1e-5, rtol=0)
    assert method.joins(FRAMES) == [5]


def test_corrected_windows_keep_what_is_finished_and_follow_it(folder: str, batch: Batch) -> None:
    cut, corrected = InWindows(folder, overlap=3, num_steps=4), InsV2V(folder, overlap=3, share=1.0, num_steps=4)
    first, found = edited(cut, part(batch, 0, 8)), edited(corrected, batch)
    torch.testing.assert_close(found[:8], first, atol=1e-5, rtol=0)
    rest = edited(cut, part(batch, 5, 13))[3:]
    assert not torch.allclose(found[8:], rest, atol=1e-3)  # references move the rest
    assert corrected.joins(FRAMES) == [8]
    assert torch.equal(edited(corrected, batch), found)


def test_together_is_one_run_of_all_windows(folder: str, batch: Batch) -> None:
    method = InWindows(folder, "together", 3)
    found = edited(method, batch)
    assert found.shape == batch.source[0].shape
    assert found.isfinite().all()
    assert not torch.allclose(found[8:], edited(InWindows(folder, overlap=3), batch)[8:], atol=1e-3)  # its own noise


def test_windows_that_cannot_be_joined_are_errors_of_use(folder: str) -> None:
    with pytest.raises(UseError, match="cut takes an overlap of 0 to 7 frames, got 8"):
        InWindows(folder, overlap=8)
    with pytest.raises(UseError, match="corrected takes an overlap of 1 to 7 frames, got 0"):
        InsV2V(folder, overlap=0)


def test_reads_no_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UseError):
        InWindows(str(tmp_path / "none"))
