"""Where an edit may stay: the model's mask, widened, where the edit changed something."""

import pytest
import torch

from veggie_pl.masks.steer import steer

SOURCE = torch.zeros(2, 3, 40, 40)  # a margin of 3 pixels and an edge of 2
MASK = torch.zeros(2, 40, 40, dtype=torch.bool)
MASK[:, 10:20, 10:20] = True


def edited(*changes: tuple[slice, slice, float]) -> torch.Tensor:
    out = SOURCE.clone()
    for rows, columns, value in changes:
        out[:, 1, rows, columns] = value
    return out


def test_blur_goes_and_the_change_stays() -> None:
    out = edited(
        (slice(8, 22), slice(8, 22), 0.1), (slice(10, 20), slice(10, 20), 0.8), (slice(11, 12), slice(11, 20), 0.25)
    )
    region, why = steer(MASK, out, SOURCE)
    assert not why
    assert torch.equal(region[0, 12:20, 10:20], torch.ones(8, 10))
    assert not region[0, 8].any()  # blur
    assert 0 < float(region[0, 11, 15]) < 1  # between the two


def test_what_lies_beyond_the_margin_goes_by_an_edge_of_two_pixels() -> None:
    region, _ = steer(MASK, torch.ones_like(SOURCE), SOURCE)
    assert region[1, 15, 20:28].tolist() == pytest.approx([1, 1, 1, 2 / 3, 1 / 3, 0, 0, 0])
    assert torch.equal(region[0, 10:20, 10:20], torch.ones(10, 10))


def test_masks_that_cannot_be_trusted_say_why() -> None:
    out = edited((slice(30, 34), slice(30, 34), 0.8))
    assert steer(torch.zeros_like(MASK), out, SOURCE)[1] == "it was not found"
    assert steer(MASK, out, SOURCE)[1] == "only 0% of it was changed"
