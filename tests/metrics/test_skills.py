import subprocess
import sys
import time

import pytest
import torch
from metric_batches import RedDetector, batch_of, part

from veggie_pl.batch import Skill
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
    batch.place = [(0.9, 0.9, 1.0, 1.0)] * 16
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
        apart.update(edited[i : i + 1], part(batch, [i]))
    for name, value in together.compute().items():
        assert apart[name].compute().item() == pytest.approx(value.item(), abs=1e-5), name


def test_skill_metrics_go_apart_after_a_first_batch_on_which_they_agree() -> None:
    batch = batch_of(Skill.CHANGING)
    metrics = skill_metrics(Skill.CHANGING, RedDetector())
    metrics.update(batch.target[:8], part(batch, list(range(8))))  # both PSNR are at the cap
    metrics.update(batch.source[8:], part(batch, list(range(8, 16))))
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


@pytest.mark.parametrize("skill", [Skill.CHANGING, Skill.GROUNDING])
def test_skill_metrics_are_cheap(skill: Skill) -> None:
    batch = batch_of(skill)  # 16 clips of 8 x 32 x 32
    metrics = skill_metrics(skill, RedDetector())
    times = []
    for _ in range(5):
        start = time.thread_time()
        metrics.update(batch.target, batch)
        times.append(time.thread_time() - start)
    assert min(times) < 0.15  # about 0.03 s; a convolution for SSIM alone takes 0.1 to 0.2 s


def test_metrics_do_not_import_torchvision() -> None:
    code = "import sys, veggie_pl.metrics, veggie_pl.metrics.tables; print('torchvision' in sys.modules)"
    blocked = "import sys; sys.modules['torchvision'] = None; import veggie_pl.metrics, veggie_pl.metrics.tables"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    assert subprocess.run([sys.executable, "-c", blocked]).returncode == 0
