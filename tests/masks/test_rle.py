"""Run lengths against pycocotools, which did write what is read here."""

import numpy as np
import pytest
from pycocotools import mask as coco

from veggie_pl.masks import rle
from veggie_pl.masks.rle import MaskError, Rle


def runs(mask: np.ndarray) -> list[int]:
    """Lengths of runs down the columns, the first outside."""
    flat = np.concatenate([[False], mask.T.ravel()])
    edges = np.flatnonzero(np.diff(flat.astype(int)))
    return np.diff([0, *edges, mask.size]).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_run_lengths_are_those_that_pycocotools_wrote(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 90, 2)
    mask = np.kron(rng.random((height, width)) < rng.random(), np.ones((seed + 1, 1))).astype(bool)
    text = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert [run for run in rle.run_lengths(text) if run] == [run for run in runs(mask) if run]
    np.testing.assert_array_equal(rle.decode(Rle(*mask.shape, text)), mask)


@pytest.mark.parametrize(
    ("text", "wanted"), [("", []), ("2", [2]), ("R0", [2]), ("0001", [0, 0, 0, 1]), ("135N", [1, 3, 5, 1])]
)
def test_run_lengths_by_hand(text: str, wanted: list[int]) -> None:
    assert rle.run_lengths(text) == wanted  # from the fourth on, each is the difference to the last but one


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("o", "cut off"),
        ("~", "the character '~'"),
        ("3/", "the character '/'"),
        ("\ud800", "the character"),
        ("é", "the character 'é'"),
        ("N", "a run of -2 pixels"),
        ("R" + "P" * 20 + "0", "a run length of 22 characters"),
    ],
)
def test_broken_run_lengths_are_refused(text: str, reason: str) -> None:
    with pytest.raises(MaskError, match=reason):
        rle.run_lengths(text)


@pytest.mark.parametrize("found", [Rle(2, 3, "2"), Rle(2, 3, "R0R0R0R0"), Rle(0, 3, "0"), Rle(2, -3)])
def test_runs_that_do_not_fill_the_frame_are_refused(found: Rle) -> None:
    with pytest.raises(MaskError):
        rle.check(found)
