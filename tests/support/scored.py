"""Reports of simple methods on a few clips of Moving Shapes, with the clips they were made of."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from veggie_pl.batch import Clip, Sample, Skill, collate
from veggie_pl.data.shapes.benchmark import ShapesBenchmark
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics.report import Report, Result, SampleScore
from veggie_pl.metrics.skills import SkillTable
from veggie_pl.scoring.page import Shown

Edit = Callable[[Sample, int], Clip]


def right(sample: Sample, index: int) -> Clip:
    """The exact answer."""
    assert sample.target is not None
    return sample.target


def copied(sample: Sample, index: int) -> Clip:
    """The source."""
    return sample.source


def unsure(sample: Sample, index: int) -> Clip:
    """The exact answer, but for noise that grows with the index; each third is the source."""
    if index % 3 == 2:
        return sample.source
    noise = torch.randn(sample.source.shape, generator=torch.Generator().manual_seed(index))
    return (right(sample, index) + noise * 0.05 * index).clamp(-1, 1)


def shapes(skills: Sequence[str], n: int, size: int = 32, num_frames: int = 4) -> dict[Skill, list[Sample]]:
    """The first samples of some skills."""
    streams = ShapesBenchmark("test", skills=list(skills), size=size, num_frames=num_frames).streams()
    return {Skill(name): [stream[i] for i in range(n)] for name, stream in streams.items()}


def scored(name: str, edit: Edit, samples: Mapping[Skill, Sequence[Sample]]) -> tuple[Report, dict[str, Shown]]:
    """Score a method as ``score`` does; also give its clips by key."""
    table = SkillTable(ShapeDetector())
    found, clips = [], {}
    for skill, its in samples.items():
        for index, sample in enumerate(its):
            output = edit(sample, index)
            values = {
                one: float(v[0]) for one, v in table.of_skill(skill)(output[None], collate([(index, sample)])).items()
            }
            facts = sample.example
            found.append(SampleScore(facts.key, skill, index, facts.instruction or "", values))
            clips[facts.key] = Shown(sample.source, output, sample.target)
    return report(name, found), clips


def report(name: str, samples: Sequence[SampleScore], **facts: object) -> Report:
    """Sum up samples: plain means, and an interval that is easy to foresee."""
    results = []
    for skill, metric in dict.fromkeys((one.skill, metric) for one in samples for metric in one.values):
        its = [one for one in samples if one.skill == skill and not math.isnan(one.values.get(metric, math.nan))]
        usable = [one.values[metric] for one in its if one.state == "scored"]
        failed, value = len(its) - len(usable), _mean([one.values[metric] for one in its])
        without = _mean(usable) if failed else math.nan
        unit = "dB" if metric.startswith("psnr") else "score" if metric == "detection" else "%"
        ends = (max(0.0, value - 6), value + 6 if unit == "dB" else min(100.0, value + 6))
        skipped = sum(one.skill == skill for one in samples) - len(its)
        lower = metric.endswith("error")
        results.append(Result(skill, metric, value, *ends, len(its), unit, not lower, skipped, failed, without))
    made = Report(
        name,
        "2026-11-27",
        {"data": 0, "interval": 0},
        {"veggie_pl": "0.1", "torch": "2.13.0"},
        tuple(results),
        bench="Moving Shapes, test",
        conventions={"failed outputs": "count with the worst value of each measure"},
        experts={"detector": "ShapeDetector, blake2b 3f2a"},
        samples=tuple(samples),
    )
    return replace(made, **facts)  # type: ignore[arg-type]


def sample(key: str, skill: Skill = Skill.REMOVAL, instruction: str = "do it", **facts: object) -> SampleScore:
    """A sample with made-up values."""
    values: Mapping[str, float] = facts.pop("values", {})  # type: ignore[assignment]
    numbers = {name: float(value) for name, value in values.items()}
    return SampleScore(key, skill, facts.pop("index", 0), instruction, numbers, **facts)  # type: ignore[arg-type]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
