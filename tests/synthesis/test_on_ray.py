"""Ray carries out the same steps; what runs where is told by the config."""

from pathlib import Path

import pytest
from support.lifting import calls, task_of, write_stills

from veggie_pl.errors import UseError
from veggie_pl.synthesis.lifter import Lifter
from veggie_pl.synthesis.on_ray import Resources, Stage, lacking, stages
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


def test_gpus_that_nobody_has_are_told() -> None:
    planned = stages({"animate": Resources(num_gpus=1.0, workers=8), "assess": Resources(num_gpus=0.5)})
    assert lacking(planned, 2, 9.0) == ""
    assert lacking(planned, 4, 9.0).startswith(
        "actors are to hold 10 GPUs (8 for animate, 2 for assess), the cluster has 9"
    )
    assert lacking(stages({}), 4, 0.0) == ""


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
