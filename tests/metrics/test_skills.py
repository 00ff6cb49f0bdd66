import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from support.metric_batches import RedDetector, batch_of
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from veggie_pl.batch import Batch, Skill, collate
from veggie_pl.data.benchmark import Measures, SkillMeasures
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.experts.detections import Detections
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.masks.unpaint import unpaint
from veggie_pl.metrics import SkillScores, SkillTable, functional, scored
from veggie_pl.metrics.skills import TABLE

# The measures of the exact answer; those of other aspects are tested where they are.
NAMES = {
    skill: [entry.measure.name for entry in row if entry.measure.aspect == "answer"] for skill, row in TABLE.items()
}
# What the source, handed back unchanged, and what the target score.
IDLE = {"miou": 0.0, "j": 0.0, "f": 0.0, "success": 0.0, "psnr_outside": 100.0, "ssim_outside": None, "detection": None}
IDLE["ghost"] = 100.0  # the lower, the better
PERFECT = {"detection": None} | {name: 100.0 for names in NAMES.values() for name in names if name != "detection"}
PERFECT["ghost"] = 0.0


class Counting(RedDetector):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def detect(self, frames: Tensor, phrase: str) -> list[Detections]:
        self.questions.append(phrase)
        return super().detect(frames, phrase)


def scores_of(skill: Skill, edited: Tensor, batch: Batch) -> dict[str, Tensor]:
    scores = SkillScores(SkillTable(RedDetector(), aspects=["answer"]).of_skill(skill))
    scores.update(edited, batch)
    return scores.compute()


def halfway(batch: Batch) -> Tensor:
    """From source to target, farther from sample to sample."""
    return batch.source.lerp(batch.target, torch.linspace(0.2, 0.9, len(batch))[:, None, None, None, None])


def test_the_table_is_what_benchmarks_bring() -> None:
    assert isinstance(SkillTable(), Measures)
    assert isinstance(SkillTable().of_skill(Skill.REMOVAL), SkillMeasures)


@pytest.mark.parametrize("skill", list(Skill))
def test_row_of_the_target_is_perfect_and_of_the_source_is_not(skill: Skill) -> None:
    batch = batch_of(skill)
    for edited, expected in ((batch.target, PERFECT), (batch.source, IDLE)):
        values = scores_of(skill, edited, batch)
        assert list(values) == NAMES[skill]
        for name, value in values.items():
            if expected.get(name) is not None:
                assert value.item() == pytest.approx(expected[name], abs=1e-3), name
            elif edited is batch.source and name != "detection":
                assert value < 99, name


@pytest.mark.parametrize("skill", list(Skill))
def test_row_equals_each_measure_by_itself(skill: Skill) -> None:
    batch, detector = batch_of(skill), RedDetector()
    edited = halfway(batch)
    clips = zip(edited, batch.source, batch.fill, strict=True)
    decoded = torch.stack([unpaint(*one) for one in clips]) if skill.is_painted else batch.mask
    found = [detector.detect(clip, phrase) for clip, phrase in zip(edited, batch.phrase, strict=True)]
    presence = torch.stack([functional.detection_score(one) for one in found])
    success = 100 * functional.change_success(edited, batch.source, batch.target, batch.mask)
    if skill is Skill.ADDITION:
        places = zip(found, batch.place, strict=True)
        success = torch.stack([100 * functional.addition_success(one, place) for one, place in places])
    likeness = functional.ssim_map(edited, batch.target).double()
    expected = {
        "miou": 100 * functional.region_iou(decoded, batch.mask),
        "j": 100 * functional.region_jaccard(decoded, batch.mask).mean(-1),
        "f": 100 * functional.boundary_f(decoded, batch.mask).mean(-1),
        "ssim": 100 * likeness.mean((-2, -1)).mean(-1),
        "ssim_inside": 100 * functional.mean_over(likeness, batch.mask),
        "ssim_outside": 100 * functional.mean_over(likeness, ~batch.mask),
        "psnr": functional.psnr(edited, batch.target),
        "psnr_inside": functional.psnr(edited, batch.target, batch.mask),
        "psnr_outside": functional.psnr(edited, batch.target, ~batch.mask),
        "success": success,
        "ghost": 100 * functional.ghost(edited, batch.source, batch.target, batch.mask).abs().clamp(max=1),
        "detection": 100 - presence if skill is Skill.REMOVAL else presence,
    }
    row = SkillTable(detector, aspects=["answer"]).of_skill(skill)(edited, batch)
    assert list(row) == NAMES[skill]
    for name, values in row.items():
        assert torch.equal(values, expected[name].to(values.dtype)), name


@pytest.mark.parametrize("skill", list(Skill))
def test_row_computes_what_its_measures_share_once(skill: Skill, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(module: Any, name: str) -> None:
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, **more: [calls.append(name), function(*args, **more)][1])

    for module, name in ((scored, "unpaint"), (functional, "ssim_map"), (functional, "squared_error")):
        counted(module, name)
    counting, batch = Counting(), batch_of(skill)
    SkillTable(counting, aspects=["answer"]).of_skill(skill)(halfway(batch), batch)
    assert calls.count("unpaint") == (len(batch) if skill.is_painted else 0)
    assert calls.count("ssim_map") == 1
    assert calls.count("squared_error") == (0 if skill.is_painted else 1)
    assert len(counting.questions) == (len(batch) if skill in (Skill.ADDITION, Skill.REMOVAL) else 0)


def test_detection_points_in_opposite_directions() -> None:
    for skill, of_source, of_target in ((Skill.ADDITION, 0.0, 80.0), (Skill.REMOVAL, 20.0, 100.0)):
        batch = batch_of(skill)
        for edited, expected in ((batch.source, of_source), (batch.target, of_target)):
            assert scores_of(skill, edited, batch)["detection"].item() == pytest.approx(expected, abs=1e-5)


def test_addition_takes_success_from_the_place() -> None:
    batch = batch_of(Skill.ADDITION, places=[(0.9, 0.9, 1.0, 1.0)] * 16)
    assert scores_of(Skill.ADDITION, batch.target, batch)["success"] == 0.0


def test_what_needs_a_detector_is_left_out_without_one() -> None:
    for skill in Skill:
        batch = batch_of(skill, 2)
        row = SkillTable(aspects=["answer"]).of_skill(skill)
        needy = [measure.name for measure in row.measures if "detector" in measure.needs]
        expected = {Skill.ADDITION: ["detection", "success"], Skill.REMOVAL: ["detection"]}
        assert needy == expected.get(skill, [])
        assert list(row(batch.target, batch)) == [name for name in NAMES[skill] if name not in needy]


@pytest.mark.parametrize("skill", list(Skill))
def test_row_does_not_depend_on_batch_size(skill: Skill) -> None:
    batch = batch_of(skill)
    edited = halfway(batch)
    apart = SkillScores(SkillTable(RedDetector(), aspects=["answer"]).of_skill(skill))
    for i in range(16):
        apart.update(edited[i : i + 1], batch.rows([i]))
    for name, value in scores_of(skill, edited, batch).items():
        assert apart.compute()[name].item() == pytest.approx(value.item(), abs=1e-5), name


def test_row_skips_and_counts_what_is_not_defined() -> None:
    batch = batch_of(Skill.BACKGROUND)
    batch.mask[4:] = True  # nothing stays
    scores = SkillScores(SkillTable(aspects=["answer"]).of_skill(Skill.BACKGROUND))
    scores.update(batch.target, batch)
    summaries = scores.summaries(seed=0)
    summary = summaries["psnr_outside"]
    assert (summary.mean, summary.n, summary.skipped) == (100.0, 4, 12)
    assert summaries["psnr_inside"].n == 16


def test_measures_name_their_units() -> None:
    units = {one.name: one.unit for skill in Skill for one in SkillTable().of_skill(skill).measures}
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
def test_row_is_cheap(skill: Skill) -> None:
    batch = batch_of(skill)  # 16 clips of 8 x 32 x 32
    scores = SkillScores(SkillTable(RedDetector(), aspects=["answer"]).of_skill(skill))
    with Work() as work:
        scores.update(batch.target, batch)
    assert work.convolutions == 0  # SSIM's would take ten times as long
    assert work.numbers < 150 * batch.target.numel()


def test_metrics_do_not_need_torchvision() -> None:
    if find_spec("torchvision") is None:
        return  # all tests do without it
    blocked = "import sys; sys.modules['torchvision'] = None; import veggie_pl.metrics, veggie_pl.metrics.tables"
    assert subprocess.run([sys.executable, "-c", blocked], check=False).returncode == 0


@pytest.mark.parametrize("skill", list(Skill))
def test_row_of_moving_shapes_tells_the_answer_from_the_question(skill: Skill) -> None:
    stream = ShapesBenchmark(num_frames=4).streams()[skill]
    batch = collate([(i, stream[i]) for i in range(12)])
    values = {}
    for name, edited in (("idle", batch.source), ("perfect", batch.target)):
        scores = SkillScores(SkillTable(ShapeDetector(), aspects=["answer"]).of_skill(skill))
        scores.update(edited, batch)
        values[name] = {key: value.item() for key, value in scores.compute().items()}
    right = "miou" if skill.is_painted else "success"
    assert values["idle"][right] == 0.0
    assert values["perfect"][right] > 90.0
    if "detection" in values["idle"]:
        assert values["perfect"]["detection"] - values["idle"]["detection"] > 70.0
