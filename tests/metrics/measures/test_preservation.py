import pytest
import torch
from support.metric_batches import batch_of

from veggie_pl.batch import Batch, Skill
from veggie_pl.metrics import SkillTable, functional

TABLE = SkillTable(aspects=["preservation", "change"])


def row(skill: Skill, edited: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    return TABLE.of_skill(skill)(edited, batch)


def test_kept_is_against_the_source_outside_of_the_mask() -> None:
    batch = batch_of(Skill.CHANGING, 4)
    harmed = batch.target.clone()
    harmed[:, :, :, -3:] += 0.2
    values = row(Skill.CHANGING, harmed, batch)
    assert torch.equal(values["kept_psnr"], functional.psnr(harmed, batch.source, ~batch.mask))
    assert (values["kept_ssim"] < 99.9).all()
    assert row(Skill.CHANGING, batch.target, batch)["kept_psnr"].tolist() == [100.0] * 4


def test_kept_without_a_mask_excuses_the_largest_change_only() -> None:
    batch = batch_of(Skill.CHANGING, 4)
    edited = batch.target.clone()
    batch.mask[:] = False
    assert row(Skill.CHANGING, edited, batch)["kept_psnr"].tolist() == [100.0] * 4
    edited[:, :, :, -4:-2, -4:-2] = 1.0
    values = row(Skill.CHANGING, edited, batch)
    assert (values["kept_psnr"] < 40).all()
    everywhere = row(Skill.CHANGING, -batch.source, batch)  # all has changed: nothing is excused
    assert torch.equal(everywhere["kept_psnr"], functional.psnr(-batch.source, batch.source))


def test_kept_of_a_background_needs_a_mask() -> None:
    batch = batch_of(Skill.BACKGROUND, 2)
    assert not row(Skill.BACKGROUND, batch.target, batch)["kept_psnr"].isnan().any()
    batch.mask[1] = False
    assert row(Skill.BACKGROUND, batch.target, batch)["kept_psnr"].isnan().tolist() == [False, True]


def test_changed_tells_an_edit_from_a_copy() -> None:
    batch = batch_of(Skill.STYLIZATION, 2)
    assert list(row(Skill.STYLIZATION, batch.source, batch)) == ["changed", "changed_share"]
    assert row(Skill.STYLIZATION, batch.source, batch)["changed"].tolist() == [0.0, 0.0]
    values = row(Skill.STYLIZATION, batch.target, batch)
    assert values["changed"].tolist() == [100.0, 100.0]
    seen = (batch.target - batch.source).abs().amax(2) > 32 / 255
    assert values["changed_share"].tolist() == pytest.approx((100 * seen.flatten(1).double().mean(1)).tolist())
