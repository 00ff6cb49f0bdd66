import math

import pytest
import torch
from support.foreseeable import ColorExpert
from support.metric_batches import batch_of

from veggie_pl.batch import Skill
from veggie_pl.metrics import SkillTable

RED, GREEN = (torch.tensor(color).view(3, 1, 1) for color in ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0)))


def test_consistency_is_a_mean_over_videos_by_the_formulas() -> None:
    batch = batch_of(Skill.CHANGING, 2, 4, 16)
    edited = RED.expand_as(batch.source).clone()
    edited[1, 2:] = GREEN  # red, red, green, green
    expert = ColorExpert()
    values = SkillTable(image_text=expert, features=expert, aspects=["consistency"]).of_skill(Skill.CHANGING)(
        edited, batch
    )
    assert values["smoothness"].tolist() == pytest.approx([100.0, 100 * (1 + 0 + 1) / 3])
    vbench = 100 * ((1 + 1) / 2 + (0 + 0) / 2 + (1 + 0) / 2) / 3
    assert values["vbench_subject"].tolist() == pytest.approx([100.0, vbench])
    assert torch.equal(values["vbench_background"], values["vbench_subject"])


def test_pictures_have_no_consistency() -> None:
    batch = batch_of(Skill.CHANGING, 1, 1, 16)
    values = SkillTable(image_text=ColorExpert(), aspects=["consistency"]).of_skill(Skill.CHANGING)(batch.source, batch)
    assert list(values) == ["smoothness", "vbench_background"]  # no features were given
    assert all(math.isnan(column.item()) for column in values.values())
