import pytest
import torch
from support.foreseeable import ColorExpert
from support.metric_batches import batch_of

from veggie_pl.batch import Batch, Skill
from veggie_pl.metrics import SkillTable


def row(edited: torch.Tensor, batch: Batch, joins: list[int] | None) -> dict[str, torch.Tensor]:
    table = SkillTable(features=ColorExpert(), aspects=["seams"], joins=joins)
    return table.of_skill(Skill.STYLIZATION)(edited, batch)


def long_batch() -> Batch:
    batch = batch_of(Skill.STYLIZATION, 2, 12)
    batch.source[:] = batch.source[:, :1]  # nothing moves
    batch.mask[:] = False
    return batch


def test_seam_where_the_second_window_has_another_colour() -> None:
    batch = long_batch()
    edited = batch.source.clone()
    edited[1, 6:] += 0.3
    values = row(edited, batch, [6])
    assert values["seam"][0] == 0.0
    assert values["seam"][1] > 5
    assert values["drift"][0] == pytest.approx(0.0, abs=1e-6)
    assert values["drift"][1] > 20
    assert values["identity"][0] > values["identity"][1]


def test_seams_need_joins_inside_the_clip() -> None:
    batch = long_batch()
    assert row(batch.source, batch, None) == {}
    assert row(batch.source, batch, [12, 24]) == {}
