import subprocess
import sys
from typing import Any

import pytest
import torch
from support.metric_batches import RedDetector, batch_of
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from veggie_pl.batch import Skill, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SKILL_MEASURES, skill_metrics

# What the source, handed back unchanged, and what the target score.
IDLE = {"miou": 0.0, "j": 0.0, "f": 0.0, "success": 0.0, "psnr_outside": 100.0, "ssim_outside": None, "detection": None}
PERFECT = {"detection": None} | {
    name: 100.0 for names in SKILL_MEASURES.values() for name in names if name != "detection"
}


@pytest.mark.parametrize("skill", list(Skill))
def test_skill_metrics_of_the_target_are_perfect_and_of_the_source_are_not(skill: Skill) -> None:
    batch = batch_of(skill)
    for edited, expected in ((batch.target, PERFECT), (batch.source, IDLE)):
        metrics = skill_metrics(skill, RedDetector())
        metrics.update(edited, batch)
        assert set(metrics) == set(SKILL_MEASURES[skill])
        for name, value in metrics.compute().items():
            if expected.get(name) is not None:
                assert value.item() == pytest.approx(expected[name], abs=1e-3), name
            elif edited is batch.source and name != "detection":
                assert value < 99, name


def test_skill_metrics_of_detection_point_in_opposite_directions() -> None:
    for skill, of_source, of_target in ((Skill.ADDITION, 0.0, 80.0), (Skill.REMOVAL, 20.0, 100.0)):
        batch = batch_of(skill)
        for edited, expected in ((batch.source, of_source), (batch.target, of_target)):
            metrics = skill_metrics(skill, RedDetector())
            metrics.update(edited, batch)
            assert metrics["detection"].compute().item() == pytest.approx(expected, abs=1e-5)


def test_skill_metrics_of_addition_take_success_from_the_place() -> None:
    batch = batch_of(Skill.ADDITION)
    batch.examples = [one._replace(place=(0.9, 0.9, 1.0, 1.0)) for one in batch.examples]
    metrics = skill_metrics(Skill.ADDITION, RedDetector())
    metrics.update(batch.target, batch)
    assert metrics["success"].compute() == 0.0


@pytest.mark.parametrize("skill", list(Skill))
def test_skill_metrics_do_not_depend_on_batch_size(skill: Skill) -> None:
    batch = batch_of(skill)
    edited = batch.source.lerp(batch.target, torch.linspace(0.2, 0.9, 16)[:, None, None, None, None])
    together, apart = skill_metrics(skill, RedDetector()), skill_metrics(skill, RedDetector())
    together.update(edited, batch)
    for i in range(16):
        apart.update(edited[i : i + 1], batch.rows([i]))
    for name, value in together.compute().items():
        assert apart[name].compute().item() == pytest.approx(value.item(), abs=1e-5), name


def test_skill_metrics_go_apart_after_a_first_batch_on_which_they_agree() -> None:
    batch = batch_of(Skill.CHANGING)
    metrics = skill_metrics(Skill.CHANGING, RedDetector())
    metrics.update(batch.target[:8], batch.rows(list(range(8))))  # both PSNR are at the cap
    metrics.update(batch.source[8:], batch.rows(list(range(8, 16))))
    values = metrics.compute()
    assert values["psnr_outside"] == 100.0
    assert values["psnr_inside"] < 80.0


def test_skill_metrics_skip_and_count_what_is_not_defined() -> None:
    batch = batch_of(Skill.BACKGROUND)
    batch.mask[4:] = True  # nothing stays
    metrics = skill_metrics(Skill.BACKGROUND, RedDetector())
    metrics.update(batch.target, batch)
    summary = metrics["psnr_outside"].summary(seed=0)
    assert (summary.mean, summary.n, summary.skipped) == (100.0, 4, 12)
    assert metrics["psnr_inside"].summary(seed=0).n == 16


def test_skill_metrics_name_their_units() -> None:
    units = {name: metric.unit for skill in Skill for name, metric in skill_metrics(skill, RedDetector()).items()}
    assert units["psnr"] == units["psnr_inside"] == "dB"
    assert units["miou"] == units["success"] == units["ssim_outside"] == "%"
    assert units["detection"] == "score"


class Work(TorchDispatchMode):
    """Counts what tensor operations do: convolutions, and numbers written in all."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = self.numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        self.convolutions += "convolution" in str(function)
        self.numbers += sum(one.numel() for one in tree_leaves(made) if isinstance(one, torch.Tensor))
        return made


@pytest.mark.parametrize("skill", list(Skill))
def test_skill_metrics_are_cheap(skill: Skill) -> None:
    batch = batch_of(skill)  # 16 clips of 8 x 32 x 32
    metrics = skill_metrics(skill, RedDetector())
    with Work() as work:
        metrics.update(batch.target, batch)
    assert work.convolutions <= (2 if skill.is_painted else 0)  # those of contours; SSIM's would take ten times as long
    assert work.numbers < 300 * batch.target.numel()


def test_metrics_do_not_need_torchvision() -> None:
    blocked = "import sys; sys.modules['torchvision'] = None; import veggie_pl.metrics, veggie_pl.metrics.tables"
    assert subprocess.run([sys.executable, "-c", blocked], check=False).returncode == 0


@pytest.mark.parametrize("skill", list(Skill))
def test_skill_metrics_of_moving_shapes_tell_the_answer_from_the_question(skill: Skill) -> None:
    stream = ShapesBenchmark(num_frames=4).streams()[skill]
    batch = collate([(i, stream[i]) for i in range(12)])
    values = {}
    for name, edited in (("idle", batch.source), ("perfect", batch.target)):
        metrics = skill_metrics(skill, ShapeDetector())
        metrics.update(edited, batch)
        values[name] = {key: value.item() for key, value in metrics.compute().items()}
    right = "miou" if skill.is_painted else "success"
    assert values["idle"][right] == 0.0
    assert values["perfect"][right] > 90.0
    if "detection" in values["idle"]:
        assert values["perfect"]["detection"] - values["idle"]["detection"] > 70.0
