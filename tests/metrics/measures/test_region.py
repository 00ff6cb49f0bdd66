import numpy as np
import pytest
import torch
from support.metric_batches import batch_of
from torch import Tensor

from veggie_pl.batch import Batch, Skill
from veggie_pl.masks.paint import paint
from veggie_pl.metrics import SkillScores, SkillTable


def found_instead(batch: Batch, found: Tensor) -> Tensor:
    """Outputs that point at other regions."""
    return torch.stack([paint(*clip) for clip in zip(batch.source, found, batch.fill, strict=True)])


def mistaken(size: int = 6) -> tuple[Batch, Tensor]:
    """Regions, and others that were found; the first sample has no object and none is found, the second has one."""
    batch = batch_of(Skill.GROUNDING, size, 2, 32)
    batch.mask[0] = False
    found = batch.mask.roll((1, 2), (2, 3))
    found[1] = False
    found[2, 0] = False
    return batch, found


def lisa(pred: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """gIoU and cIoU of pictures, as ``dvlab-research/LISA@2261509:train_ds.py`` sums them up."""
    intersections, unions, ious = 0.0, 0.0, []
    for one, true in zip(pred, target, strict=True):
        intersection, union = float((one & true).sum()), float((one | true).sum())
        intersections, unions = intersections + intersection, unions + union
        ious.append(intersection / (union + 1e-5) + (1.0 if union == 0 else 0.0))  # no object: right
    return sum(ious) / len(ious), intersections / (unions + 1e-10)


def test_set_measures_are_lisas() -> None:
    batch, found = mistaken()
    scores = SkillScores(SkillTable(aspects=["region"]).of_skill(Skill.GROUNDING))
    edited = found_instead(batch, found)
    for rows in ([0, 1], [2, 3, 4], [5]):
        scores.update(edited[rows], batch.rows(rows))
    giou, ciou = lisa(found.flatten(0, 1).numpy(), batch.mask.flatten(0, 1).numpy())
    values = scores.compute()
    assert values["giou"].item() == pytest.approx(100 * giou, abs=1e-4)
    assert values["ciou"].item() == pytest.approx(100 * ciou, abs=1e-4)
    summary = scores.summaries(seed=0)["ciou"]
    assert summary.low < summary.mean < summary.high
    assert list(values) == ["jf", "giou", "ciou"]  # weights are no measures


def test_pooled_and_per_video_numbers_differ() -> None:
    batch, found = mistaken()
    scores = SkillScores(SkillTable(aspects=["answer", "region"]).of_skill(Skill.GROUNDING))
    scores.update(found_instead(batch, found), batch)
    values = {name: value.item() for name, value in scores.compute().items()}
    assert values["ciou"] != pytest.approx(values["miou"], abs=1)  # pixels of all clips pooled, against a mean of clips
    assert values["giou"] == pytest.approx(values["j"])  # clips of one length
    assert values["jf"] == pytest.approx((values["j"] + values["f"]) / 2)


def test_output_without_a_region_weighs_the_true_one() -> None:
    batch, _ = mistaken()
    row = SkillTable(aspects=["region"]).of_skill(Skill.GROUNDING)
    values = row(batch.source, batch)
    assert values["union"].tolist() == batch.mask.flatten(1).sum(1).tolist()
    assert values["frames"].tolist() == [2.0] * 6
