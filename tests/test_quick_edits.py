"""The benchmark of quick edits scores every skill at a small size, and its table is that of its rows."""

from pathlib import Path

import pytest

from benchmarks.quick_edits import Way, measure, table
from veggie_pl.batch import Skill


def test_every_skill_is_scored(model_folder: Path) -> None:
    found = measure(Way(2, "UniPCMultistepScheduler"), 2, model_folder, num_frames=2)
    assert list(found["skills"]) == list(Skill)
    assert {skill: one["n"] for skill, one in found["skills"].items()} == dict.fromkeys(Skill, 2)
    assert not [one for one in found["skills"].values() if not one["low"] <= one["mean"] <= one["high"]]
    assert found["seconds"] > 0


def test_table_gives_time_as_a_ratio_to_the_first_row() -> None:
    def row(seconds: float, mean: float) -> dict[str, object]:
        return {"seconds": seconds, "skills": {skill: {"mean": mean, "low": 40.0, "high": 60.0} for skill in Skill}}

    lines = table({"own": row(8.0, 50.0), "quick": row(2.0, 48.0)})
    assert len(lines) == 4
    assert [cell.strip() for cell in lines[2].split("|")][1:4] == ["own", "1.00", "50 ± 10"]
    cells = [cell.strip() for cell in lines[3].split("|")]
    assert (cells[2], cells[-2]) == ("0.25", "48.0")
    assert pytest.approx(float(cells[-2])) == 48.0
