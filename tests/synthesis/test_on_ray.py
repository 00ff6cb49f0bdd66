"""Ray carries out the same steps; what runs where is told by the config."""

import os
import sys
from pathlib import Path

import pytest
from support.lifting import calls, task_of, write_stills

from veggie_pl.errors import UseError
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.on_ray import Resources, Stage, lift_on_ray, stages
from veggie_pl.synthesis.outcome import Outcome
from veggie_pl.synthesis.run import lift_here


def test_neighbours_with_the_same_resources_share_actors() -> None:
    gpu = Resources(num_gpus=1.0)
    assert stages({}) == [("assess", Resources())]
    found = stages({"animate": gpu, "propagate": gpu})
    assert found == [("describe", Resources()), ("propagate", gpu), ("assess", Resources())]
    with pytest.raises(UseError, match=r"resources of \['animat'\]; the steps are describe, animate"):
        stages({"animat": gpu})
    with pytest.raises(UseError, match="cannot be"):
        Resources(batch_size=0)


def test_stages_hand_items_on_through_the_store(tmp_path: Path) -> None:
    table, log = write_stills(tmp_path / "data", 6, asked={2: "impossible"}), tmp_path / "log"
    task = task_of(tmp_path / "many", table, log=log)
    rows = {"number": list(range(6)), "end": [""] * 6}
    for until, made in (("animate", {"Words", "Pan"}), ("assess", {"Follow", "Change"})):
        rows = Stage(task, until)(rows)  # type: ignore[arg-type]
        assert set(calls(log)) == made  # the one that has failed is passed on
    found = [Outcome.unpacked(end) for end in rows["end"]]
    expected = list(lift_here(Lifter(task_of(tmp_path / "alone", table)), range(6)))
    assert [(one.number, one.state, one.pair) for one in found] == [(e.number, e.state, e.pair) for e in expected]


@pytest.mark.slow
def test_cluster_gives_what_one_process_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'veggie_pl[ray]'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))  # of the actors: our steps
    table = write_stills(tmp_path / "data", 12, asked={4: "impossible"})
    task = task_of(tmp_path / "many", table)
    resources = {"animate": Resources(num_cpus=0.5, batch_size=2)}
    try:
        found = {one.number: one for one in lift_on_ray(task, Lifter(task), range(12), 1, resources)}
    finally:
        ray.shutdown()
    expected = list(lift_here(Lifter(task_of(tmp_path / "alone", table)), range(12)))
    assert [(found[e.number].state, found[e.number].pair) for e in expected] == [(e.state, e.pair) for e in expected]
    known = [number for number in range(12) if number != 4]
    assert len(list(lift_on_ray(task, Lifter(task), known, 1, resources))) == 11
    assert not ray.is_initialized()  # what is known needs no cluster
