"""Scores on a Ray cluster are those of one process. Runs where Ray is installed (the ``ray`` extra)."""

from pathlib import Path

import pytest
from support.outputs import copied, write_outputs

from veggie_pl.metrics.edited_files import EditFolder
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.expected import expected_of
from veggie_pl.scoring.on_ray import score_on_ray
from veggie_pl.scoring.outputs import look
from veggie_pl.scoring.task import Task

pytest.importorskip("ray", reason="Ray is an extra: pip install 'veggie_pl[ray]'")
pytestmark = pytest.mark.slow


def test_two_workers_of_a_cluster_give_the_scores_of_one_process(tmp_path: Path) -> None:
    task = Task("shapes", per_skill=3)
    benchmark = task.benchmark()
    write_outputs(tmp_path, benchmark, 3, lambda sample: None if sample.example.key.endswith("/1") else copied(sample))
    outputs = look(task.units(benchmark), EditFolder(tmp_path), expected_of(benchmark.streams()))
    alone = {one.key: one for one in task.scorer("cpu").score(outputs)}
    cluster = {one.key: one for one in score_on_ray(task, outputs, 2, "cpu")}
    assert alone.keys() == cluster.keys()
    for key, one in alone.items():
        other = cluster[key]
        assert isinstance(one, SampleScore)
        assert isinstance(other, SampleScore)
        assert repr(one) == repr(other)  # NaN is not equal to itself, its text is
