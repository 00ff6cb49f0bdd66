import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.morphology import dilation, disk
from torch import Tensor
from torchmetrics.functional.classification import binary_jaccard_index

from benchmarks.boundary import objects, toolkit_f, toolkit_j
from veggie_pl.metrics.functional import boundary_f, region_iou, region_jaccard


def blobs(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth random regions, some of which touch the border, are empty, or are full."""
    rng = np.random.default_rng(seed)
    fields = gaussian_filter(rng.standard_normal((count, height, width)), (0, height / 12, width / 12))
    levels = np.quantile(fields.reshape(count, -1), rng.uniform(0.2, 1.0, count), axis=1).diagonal()
    masks = fields > levels[:, None, None]
    masks[::7] = False
    masks[3::11] = True
    return torch.from_numpy(masks)


def davis_f(pred: np.ndarray, target: np.ndarray) -> float:
    """The rule of DAVIS 2017, pixel by pixel: contour map, dilation by scikit-image's disk, precision and recall."""

    def contour(mask: np.ndarray) -> np.ndarray:
        height, width = mask.shape
        edge = np.zeros_like(mask)
        for y in range(height):
            for x in range(width):
                right = x + 1 < width and mask[y, x] != mask[y, x + 1]
                below = y + 1 < height and mask[y, x] != mask[y + 1, x]
                across = x + 1 < width and y + 1 < height and mask[y, x] != mask[y + 1, x + 1]
                edge[y, x] = right or below or across
        return edge

    radius = int(np.ceil(0.008 * np.linalg.norm(pred.shape)))
    a, b = contour(pred), contour(target)
    if not a.any() or not b.any():
        return float(not a.any() and not b.any())
    precision = (a & (dilation(b.astype(np.uint8), disk(radius)) > 0)).sum() / a.sum()
    recall = (b & (dilation(a.astype(np.uint8), disk(radius)) > 0)).sum() / b.sum()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def square(top: int, left: int, side: int = 8, size: int = 32) -> Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_region_jaccard_by_hand() -> None:
    pred = torch.stack([square(4, 4), square(4, 4), square(4, 4), square(4, 4)])
    target = torch.stack([square(4, 4), square(4, 8), square(20, 20), square(4, 4, side=4)])
    assert region_jaccard(pred, target).tolist() == [1.0, 32 / 96, 0.0, 16 / 64]


def test_region_jaccard_of_two_empty_masks_is_one_and_of_one_is_zero() -> None:
    empty, full = torch.zeros(8, 8, dtype=torch.bool), torch.ones(8, 8, dtype=torch.bool)
    assert region_jaccard(empty, empty) == 1.0
    assert region_jaccard(empty, full) == region_jaccard(full, empty) == 0.0


def test_region_jaccard_agrees_with_torchmetrics() -> None:
    pred, target = blobs(24, 20, 28, seed=1), blobs(24, 20, 28, seed=2)
    ours = region_jaccard(pred, target)
    checked = 0
    for a, b, value in zip(pred, target, ours, strict=True):
        if (a | b).any():
            assert value == pytest.approx(binary_jaccard_index(a.int(), b.int()).item(), abs=1e-6)
            checked += 1
    assert checked > 15


def test_region_iou_sums_over_frames_before_dividing() -> None:
    # Frame 1: 64 of 64 right. Frame 2: the target is empty and 16 pixels are wrong.
    pred = torch.stack([square(4, 4), square(4, 4, side=4)])
    target = torch.stack([square(4, 4), torch.zeros(32, 32, dtype=torch.bool)])
    assert region_iou(pred, target) == 64 / 80
    assert region_jaccard(pred, target).mean() == 0.5


def test_region_iou_of_clips_empty_throughout_is_one() -> None:
    empty = torch.zeros(2, 3, 8, 8, dtype=torch.bool)
    other = empty.clone()
    other[1, 0, 0, 0] = True
    assert region_iou(empty, other).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (120, 213)])
def test_boundary_f_agrees_with_the_davis_rule(height: int, width: int) -> None:
    count = 12 if height > 100 else 30
    pred, target = blobs(count, height, width, seed=3), blobs(count, height, width, seed=4)
    target[1::3] = pred[1::3].roll(1, -1)  # nearly right
    ours = boundary_f(pred, target)
    theirs = [davis_f(a, b) for a, b in zip(pred.numpy(), target.numpy(), strict=True)]
    assert ours.numpy() == pytest.approx(np.asarray(theirs), abs=1e-12)
    assert len(set(theirs)) > 6  # not all of them trivial


def odd_masks(height: int, width: int) -> Tensor:
    """What contours go wrong on: nothing, everything, a pixel, a corner, the border, thin lines, holes, noise."""
    masks = torch.zeros(14, height, width, dtype=torch.bool)
    rng = np.random.default_rng(height * 1000 + width)
    masks[1] = True
    masks[2, height // 2, width // 2] = True
    masks[3, 0, 0] = masks[4, -1, -1] = masks[5, 0, -1] = True
    masks[6, :, -1] = masks[7, -1] = masks[8, height // 3] = True
    masks[9].fill_diagonal_(True)
    masks[10] = ~masks[2]
    masks[11, 1:-1, 1:-1] = True
    masks[12] = torch.from_numpy(rng.random((height, width)) < 0.5)
    masks[13] = torch.from_numpy(rng.random((height, width)) < 0.01)
    return masks


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (5, 3), (31, 64), (64, 31), (130, 200), (301, 97)])
@pytest.mark.parametrize("tolerance", [0.008, 0.0, 0.05])
def test_boundary_f_is_the_toolkits_for_odd_masks(size: tuple[int, int], tolerance: float) -> None:
    masks = odd_masks(*size)
    pred, target = masks.repeat_interleave(len(masks), 0), masks.repeat(len(masks), 1, 1)  # each beside each
    theirs = [toolkit_f(a, b, tolerance) for a, b in zip(pred.numpy(), target.numpy(), strict=True)]
    assert boundary_f(pred, target, tolerance).tolist() == theirs


@pytest.mark.parametrize("size", [(480, 854), (512, 512), (213, 120)])
def test_j_and_f_are_the_toolkits_at_the_size_of_videos(size: tuple[int, int]) -> None:
    pred, target = objects(3, *size, seed=1)
    ours = torch.from_numpy(pred), torch.from_numpy(target)
    theirs = [toolkit_f(a, b) for a, b in zip(pred, target, strict=True)]
    assert boundary_f(*ours).tolist() == theirs
    assert any(0 < value < 1 for value in theirs)
    assert region_jaccard(*ours).tolist() == toolkit_j(pred, target).tolist()


def test_boundary_f_finds_what_is_exactly_at_the_radius_and_nothing_beyond() -> None:
    side, radius = 61, 13
    dots = torch.zeros(side * side, side, side, dtype=torch.bool)
    dots.view(side * side, -1).fill_diagonal_(True)
    here = torch.zeros(side, side, dtype=torch.bool)
    here[30, 30] = True
    found = boundary_f(here.expand_as(dots), dots, tolerance=radius / math.hypot(side, side))
    # A pixel's contour is 2 x 2, and near to another's by the distance of its nearest pixel.
    places = torch.cartesian_prod(torch.arange(side), torch.arange(side)) - 30
    nearest = (places.abs() - 1).clamp(min=0).square().sum(-1)
    inside = (places.abs() < 29).all(-1)  # where all four pixels lie in the picture
    assert torch.equal((found > 0)[inside], (nearest <= radius**2)[inside])


def test_boundary_f_does_not_depend_on_the_chunk_or_on_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    pred, target = blobs(12, 40, 30, seed=7), blobs(12, 40, 30, seed=8)
    whole = boundary_f(pred, target)
    strided = [torch.stack([mask, ~mask], -1).transpose(1, 2)[..., 0] for mask in (pred.mT, target.mT)]
    assert torch.equal(boundary_f(*strided), whole)
    monkeypatch.setattr("veggie_pl.metrics.functional.region._CHUNK", 40 * 30 * 5)
    assert torch.equal(boundary_f(pred, target), whole)
    assert boundary_f(pred[:0], target[:0]).shape == (0,)
    assert boundary_f(pred[:, None][:, :0], target[:, None][:, :0]).shape == (12, 0)


def test_boundary_f_by_hand() -> None:
    # At 32 x 32 the tolerance is ceil(0.008 * 45.25) = 1 pixel: a cross. An 8 x 8 square has a ring of 81 - 49 = 32
    # contour pixels, here in the columns 7 to 15.
    here, near, far = square(8, 8), square(8, 9), square(8, 10)
    assert boundary_f(here, here) == 1.0
    assert boundary_f(here, near) == 1.0
    # Two to the right, columns 9 to 17: the top and bottom rows of the one come near to the columns 8 to 15 of the
    # other (2 * 8 pixels); of its sides only the two ends that hang below and above a shared row. 18 of 32, both ways.
    assert boundary_f(here, far).item() == pytest.approx(18 / 32)


def test_boundary_f_of_empty_contours() -> None:
    empty, full = torch.zeros(16, 16, dtype=torch.bool), torch.ones(16, 16, dtype=torch.bool)
    assert boundary_f(empty, empty) == 1.0
    assert boundary_f(empty, full) == 1.0  # the border of the image is no contour
    assert boundary_f(empty, square(2, 2, size=16)) == boundary_f(square(2, 2, size=16), empty) == 0.0


def test_boundary_f_tolerance_rounds_up_and_grows_with_the_image() -> None:
    def shifted(size: int, by: int) -> float:
        side = size // 2
        return boundary_f(
            square(size // 4, size // 4, side, size), square(size // 4, size // 4 + by, side, size)
        ).item()

    assert math.ceil(0.008 * math.hypot(96, 96)) == 2
    assert shifted(96, 2) == 1.0
    assert shifted(96, 3) < 1.0
    assert shifted(32, 2) < 1.0


def test_boundary_f_keeps_leading_axes() -> None:
    pred, target = blobs(12, 16, 16, seed=5), blobs(12, 16, 16, seed=6)
    together = boundary_f(pred.view(3, 4, 16, 16), target.view(3, 4, 16, 16))
    assert together.shape == (3, 4)
    assert torch.equal(together.flatten(), torch.stack([boundary_f(a, b) for a, b in zip(pred, target, strict=True)]))
