"""Paired differences over seeds and clips, against a case worked by hand and chance that is known."""

from dataclasses import replace

import numpy as np
import pytest
from test_ablations import report

from benchmarks.ablations import COLUMNS
from benchmarks.paired import gains, interval, paired_table
from veggie_pl.batch import Skill
from veggie_pl.metrics.report import Report, SampleScore


def scored(values: dict[str, float]) -> Report:
    samples = tuple(
        SampleScore(key, skill, 0, "do it", {metric: value})
        for skill, metric in COLUMNS.items()
        for key, value in values.items()
    )
    return replace(report(0.0), samples=samples)


def test_clips_are_paired_by_their_key_and_seeds_by_their_order() -> None:
    ours = [scored({"a": 100.0, "b": 0.0, "only": 5.0}), scored({"b": 80.0, "a": 60.0})]
    theirs = [scored({"b": 10.0, "a": 40.0}), scored({"a": 60.0, "b": 60.0, "nan": float("nan")})]
    found = gains(ours, theirs, Skill.REMOVAL, COLUMNS[Skill.REMOVAL])
    assert found.tolist() == [[60.0, -10.0], [0.0, 20.0]]


def test_interval_grows_with_the_difference_between_seeds() -> None:
    rng = np.random.default_rng(0)
    clips = rng.normal(5.0, 10.0, size=100)
    alike = np.stack([clips, clips, clips])
    low, high = interval(alike)
    assert (high - low) / 2 == pytest.approx(1.96 * clips.std() / 10, rel=0.1)
    apart = alike + np.array([[-6.0], [0.0], [6.0]])
    wider = interval(apart)
    assert wider[0] < low - 2
    assert wider[1] > high + 2


def test_interval_covers_what_is_true_at_least_as_often_as_it_says() -> None:
    covered = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        gained = 3.0 + rng.normal(0, 4, (5, 1)) + rng.normal(0, 20, (1, 80)) + rng.normal(0, 5, (5, 80))
        low, high = interval(gained)
        covered += low <= 3.0 <= high
    assert covered >= 53  # of 60: 57 are expected of 95 %


def test_table_marks_what_is_clear_of_zero() -> None:
    keys = [f"{n}" for n in range(40)]
    full = [scored(dict.fromkeys(keys, 50.0))] * 3
    better = [scored({key: 50.0 + 40 * (n % 2) for n, key in enumerate(keys)})] * 3
    lines = paired_table({"full": full, "same": full, "better": better}, "full", COLUMNS)
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| same", "| better"]
    assert lines[2].count("+0 [+0, +0]") == len(COLUMNS)
    assert lines[3].count("**+20 [+14, +26]**") == len(COLUMNS)
