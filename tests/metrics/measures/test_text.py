import math

import pytest
import torch
from support.foreseeable import ColorExpert
from support.metric_batches import batch_of

from veggie_pl.batch import Batch, Skill
from veggie_pl.metrics import SkillTable


def painted(skill: Skill, color: tuple[float, float, float], **facts: str) -> tuple[torch.Tensor, Batch]:
    """Two gray clips, and what became of them; only the first has the facts."""
    batch = batch_of(skill, 2, 2, 16, phrase="")
    batch.source[:] = 0.0
    batch.examples[0] = batch.examples[0]._replace(**facts)
    return torch.tensor(color).view(3, 1, 1).expand_as(batch.source).clone(), batch


def row(skill: Skill, edited: torch.Tensor, batch: Batch) -> dict[str, list[float]]:
    table = SkillTable(image_text=ColorExpert(), aspects=["text"])
    return {name: values.tolist() for name, values in table.of_skill(skill)(edited, batch).items()}


def test_alignment_compares_each_frame_with_the_caption() -> None:
    edited, batch = painted(Skill.ADDITION, (1.0, -1.0, -1.0), caption="all red")
    edited[0, 1] = torch.tensor([-1.0, 1.0, -1.0]).view(3, 1, 1)  # the second frame is green
    values = row(Skill.ADDITION, edited, batch)["alignment"]
    assert values[0] == pytest.approx(50.0)
    assert math.isnan(values[1])  # nobody wrote a caption


def test_alignment_of_removal_is_what_is_left_of_the_phrase() -> None:
    for color, expected in (((1.0, -1.0, -1.0), 0.0), ((-1.0, 1.0, -1.0), 100.0)):
        edited, batch = painted(Skill.REMOVAL, color, phrase="red box", caption="green")
        assert row(Skill.REMOVAL, edited, batch)["alignment"][0] == pytest.approx(expected)


def test_direction_is_nothing_for_a_copy_and_turns_with_the_words() -> None:
    facts = {"caption": "a blue wall", "source_caption": "a red wall"}
    edited, batch = painted(Skill.BACKGROUND, (-1.0, -1.0, 1.0), **facts)
    batch.source[:] = torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1)
    values = row(Skill.BACKGROUND, edited, batch)["direction"]
    assert values[0] == pytest.approx(100.0)
    assert math.isnan(values[1])
    assert row(Skill.BACKGROUND, batch.source, batch)["direction"][0] == pytest.approx(0.0)
    batch.examples[0] = batch.examples[0]._replace(caption="red", source_caption="blue")
    assert row(Skill.BACKGROUND, edited, batch)["direction"][0] == pytest.approx(-100.0)


def test_words_are_not_compared_where_a_region_is_pointed_at() -> None:
    batch = batch_of(Skill.GROUNDING, 2, 2, 16)
    assert row(Skill.GROUNDING, batch.source, batch) == {}
