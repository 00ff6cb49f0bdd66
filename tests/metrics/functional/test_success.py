from typing import Any

import torch
from torch import Tensor

from veggie_pl.metrics.functional import change_success, closeness, ghost, psnr

SOURCE = torch.zeros(2, 3, 16, 16)
MASK = torch.zeros(2, 16, 16, dtype=torch.bool)
MASK[:, 4:8, 4:8] = True
TARGET = torch.where(MASK[:, None], 1.0, SOURCE)


def success(edited: Tensor, mask: Tensor = MASK, target: Tensor = TARGET, **options: Any) -> float:
    return change_success(edited, SOURCE, target, mask, **options).item()


def test_change_success_of_source_target_and_the_way_between() -> None:
    assert success(TARGET) == 1.0
    assert success(SOURCE) == 0.0  # doing nothing
    assert success(0.51 * TARGET) == 1.0  # relative error 0.49^2 < 0.25
    assert success(0.49 * TARGET) == 0.0


def test_change_success_needs_what_should_stay_unharmed() -> None:
    outside = (~MASK[:, None]).float()
    assert success(TARGET + 0.199 * outside) == 1.0  # 20.04 dB
    assert success(TARGET + 0.201 * outside) == 0.0  # 19.96 dB


def test_change_success_does_not_average_an_unharmed_outside_into_the_error_inside() -> None:
    wrong = torch.where(MASK[:, None], -1.0, SOURCE)
    assert success(wrong) == 0.0
    assert success(wrong, max_relative_error=4.0) == 1.0


def test_change_success_thresholds_are_arguments() -> None:
    assert success(0.49 * TARGET, max_relative_error=0.3) == 1.0
    assert success(TARGET + 0.1 * (~MASK[:, None]), min_psnr_outside=30.0) == 0.0


def test_change_success_takes_what_is_known_of_the_outside() -> None:
    harmed = TARGET + 0.201 * (~MASK[:, None])
    assert success(harmed, outside=psnr(harmed, TARGET, ~MASK)) == 0.0
    assert success(harmed, outside=torch.tensor(30.0)) == 1.0  # it is not looked at again


def test_change_success_without_an_outside_looks_inside_only() -> None:
    everywhere = torch.ones_like(MASK)
    target = torch.ones_like(SOURCE)
    assert success(0.9 * target, everywhere, target) == 1.0
    assert success(0.1 * target, everywhere, target) == 0.0


def test_change_success_is_undefined_where_nothing_was_asked() -> None:
    both = change_success(
        torch.stack([SOURCE, SOURCE]),
        torch.stack([SOURCE, SOURCE]),
        torch.stack([SOURCE, TARGET]),
        torch.stack([MASK] * 2),
    )
    assert both.isnan().tolist() == [True, False]
    assert change_success(SOURCE, SOURCE, TARGET, torch.zeros_like(MASK)).isnan()


def test_closeness_is_the_part_of_the_way() -> None:
    for share in (0.0, 0.25, 1.0):
        assert abs(closeness(share * TARGET, SOURCE, TARGET, MASK).item() - share) < 1e-6
    assert closeness(-TARGET, SOURCE, TARGET, MASK) == 0.0  # farther away than the source
    assert closeness(TARGET, SOURCE, SOURCE, MASK).isnan()


def test_ghost_is_the_opacity_of_what_was_to_go() -> None:
    for opacity in (0.0, 0.25, 1.0, -0.5):
        assert abs(ghost(TARGET + opacity * (SOURCE - TARGET), SOURCE, TARGET, MASK).item() - opacity) < 1e-6
    assert ghost(TARGET, SOURCE, SOURCE, MASK).isnan()


def test_ghost_of_a_case_by_hand() -> None:
    """A thing of two pixels, 0.8 and 0.4 above the answer, of which 0.4 and 0.1 are left: (0.32 + 0.04) / 0.8."""
    target, mask = torch.zeros(1, 3, 1, 3), torch.tensor([[[True, True, False]]])
    source, edited = target.clone(), target.clone()
    source[0, 0, 0, :2] = torch.tensor([0.8, 0.4])
    edited[0, 0, 0] = torch.tensor([0.4, 0.1, 1.0])  # the third pixel is outside of the change
    edited[0, 1, 0] = 0.7  # a channel in which the thing did not differ
    assert abs(ghost(edited, source, target, mask).item() - 0.45) < 1e-6


def test_ghost_is_one_number_a_clip() -> None:
    edited = torch.stack([SOURCE, TARGET])
    both = ghost(edited, torch.stack([SOURCE] * 2), torch.stack([TARGET] * 2), torch.stack([MASK] * 2))
    assert both.tolist() == [1.0, 0.0]
