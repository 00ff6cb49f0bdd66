"""The benchmark of long clips: what it calls steady, and that it goes on where it was stopped."""

from pathlib import Path

import numpy as np

from benchmarks.long_clip_scores import Scores, jumps, stays, summary
from benchmarks.long_clips import measure, read, table
from veggie_pl.batch import Skill

BLENDED, ANCHORED = "blended, overlap 1", "anchored, overlap 1"
LEFT = (0.0, 0.0, 0.4, 1.0)


def test_thing_stays_where_every_stretch_has_it_in_its_place() -> None:
    centres = np.tile([0.2, 0.5], (24, 1))
    assert stays(centres, LEFT)
    centres[8:12] = np.nan  # half of the second stretch
    assert stays(centres, LEFT)
    centres[12] = (0.5, 0.5)
    assert not stays(centres, LEFT)


def test_jump_is_measured_from_where_the_thing_was_last_found() -> None:
    slow = np.stack([np.linspace(0.1, 0.9, 64), np.full(64, 0.5)], 1)
    assert not jumps(slow)
    slow[20:30] = np.nan
    assert jumps(slow)
    assert not jumps(np.full((8, 2), np.nan))


def test_what_is_known_is_not_computed_again(model_folder: Path, tmp_path: Path) -> None:
    clips = {Skill.ADDITION: 1, Skill.GROUNDING: 1}
    measure([BLENDED], {Skill.ADDITION: 1}, tmp_path, model_folder, num_frames=10)
    before = read(BLENDED, tmp_path)
    measure([BLENDED, ANCHORED], clips, tmp_path, model_folder, num_frames=10)
    after = read(BLENDED, tmp_path)
    assert after["addition/0"] == before["addition/0"]
    assert list(after) == ["addition/0", "grounding/0"]
    assert list(read(ANCHORED, tmp_path)) == list(after)
    assert after["addition/0"].seam > 0
    assert after["grounding/0"].found is None


def test_table_is_over_clips_that_all_ways_have() -> None:
    def one(seam: float, found: bool, steady: bool) -> Scores:
        return Scores("addition", seam, 1.0, 0.5, 1.0, found, steady, 2.0)

    first = {
        "addition/0": one(1.0, True, True),
        "addition/1": one(3.0, True, False),
        "addition/2": one(9.0, True, True),
    }
    second = {"addition/0": one(1.0, True, True), "addition/1": one(1.0, True, True)}
    found = summary(list(first.values())[:2])
    assert (found["seam"], found["seam excess"], found["found"], found["kept"]) == (2.0, 1.0, 1.0, 0.5)
    lines = table({"independent": first, "blended": second})
    assert lines[0].startswith("2 additions")
    assert [cell.strip() for cell in lines[-2].split("|")][2] == "2.00"
