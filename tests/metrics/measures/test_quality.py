import torch
from support.foreseeable import BrightnessModel
from support.metric_batches import batch_of

from veggie_pl.batch import Skill
from veggie_pl.metrics import SkillTable, functional


def test_quality_names_what_it_is() -> None:
    batch = batch_of(Skill.ADDITION, 3, 2)
    table = SkillTable(quality=BrightnessModel(), aspects=["quality"])
    values = table.of_skill(Skill.ADDITION)(batch.target, batch)
    assert list(values) == ["sharpness", "noise", "quality_brightness"]
    assert torch.allclose(values["quality_brightness"].float(), batch.target.mean((1, 2, 3, 4)))
    assert torch.equal(values["sharpness"], 100 * (1 - functional.blur_effect(batch.target).mean(1)))
    assert torch.equal(values["noise"], functional.noise_level(batch.target).mean(1))


def test_without_a_model_only_blur_and_noise_are_told() -> None:
    batch = batch_of(Skill.ADDITION, 2, 2)
    row = SkillTable(aspects=["quality"]).of_skill(Skill.ADDITION)
    assert [one.name for one in row.measures] == ["sharpness", "noise", "quality_model"]
    assert list(row(batch.target, batch)) == ["sharpness", "noise"]
