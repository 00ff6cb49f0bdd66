"""Scores do not depend on how many outputs are scored together, nor on what was known before."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.outputs import copied, exact, write_outputs

from veggie_pl.batch import Skill
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.edited_files import EditFolder
from veggie_pl.metrics.report import SampleScore
from veggie_pl.scoring.engine import Scorer
from veggie_pl.scoring.expected import expected_of
from veggie_pl.scoring.outputs import Output, look
from veggie_pl.scoring.store import ScoreStore
from veggie_pl.scoring.summary import results_of_samples
from veggie_pl.scoring.units import list_units

NUM = 3
BENCH = ShapesBenchmark(num_frames=3, measures=SkillTable(ShapeDetector()))


def found_in(folder: Path) -> list[Output]:
    units = list_units(BENCH, lambda stream, index: stream.key(index), NUM)
    return look(units, EditFolder(folder), expected_of(BENCH.streams()))


def scorer(store: Path | None, batch_size: int | None = None) -> Scorer:
    assert BENCH.measures is not None
    return Scorer(BENCH.streams(), BENCH.measures, "table", ScoreStore(store), batch_size)


def values_of(scored: list[SampleScore]) -> Mapping[str, Mapping[str, str]]:
    """Written out, so that NaN equals NaN."""
    return {one.key: {name: repr(value) for name, value in one.values.items()} for one in scored}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Output]:
    folder = tmp_path_factory.mktemp("outputs")
    places = write_outputs(folder, BENCH, NUM, copied)
    for file in places[1].iterdir():
        file.unlink()
    places[1].rmdir()
    (places[4] / "1.png").write_bytes(b"no picture")
    return found_in(folder)


def test_scores_of_one_and_of_sixteen_together_are_equal(outputs: list[Output]) -> None:
    alone, together = list(scorer(None, 1).score(outputs)), list(scorer(None, 16).score(outputs))
    assert len(alone) == len(outputs) == NUM * len(Skill)
    assert values_of(alone) == values_of(together)  # type: ignore[arg-type]
    assert {one.key: one.state for one in alone} == {one.key: one.state for one in together}  # type: ignore[union-attr]


def test_run_that_was_stopped_goes_on_with_the_same_numbers(outputs: list[Output], tmp_path: Path) -> None:
    whole = list(scorer(None).score(outputs))
    first = scorer(tmp_path).score(outputs)
    for _ in range(7):
        next(first)
    first.close()  # stopped
    kept = sum(1 for _ in tmp_path.rglob("*.json"))
    assert 7 <= kept < len(outputs)
    again = scorer(tmp_path)
    assert values_of(list(again.score(outputs))) == values_of(whole)  # type: ignore[arg-type]
    unknown = [one for one in outputs if again.known(one) is None]
    assert len(unknown) == 1  # whose frames cannot be decoded, which is found out anew


def test_failed_outputs_get_the_worst_value_and_a_column_without_them(outputs: list[Output]) -> None:
    scored = [one for one in scorer(None).score(outputs) if isinstance(one, SampleScore)]
    failed = [one for one in scored if one.state != "scored"]
    assert sorted(one.state for one in failed) == ["missing", "unreadable"]
    assert all(one.output for one in failed if one.state == "unreadable")  # the report names the file
    addition = next(one for one in failed if one.skill == Skill.ADDITION)
    assert addition.values["success"] == addition.values["psnr_outside"] == 0
    assert BENCH.measures is not None
    rows = {(one.skill, one.metric): one for one in results_of_samples(scored, BENCH.measures, seed=0)}
    row = rows[Skill.ADDITION, "psnr_outside"]
    assert row.failed == 1
    assert row.n == NUM
    assert row.value == pytest.approx(row.value_without * (NUM - 1) / NUM)
    assert math.isnan(rows[Skill.STYLIZATION, "psnr"].value_without)
    assert rows[Skill.STYLIZATION, "psnr"].failed == 0


def test_exact_answers_score_best(tmp_path: Path) -> None:
    def score_of_target(sample: object) -> object:
        return exact(sample)  # type: ignore[arg-type]

    bench = ShapesBenchmark(num_frames=3, skills=["changing"])
    write_outputs(tmp_path, bench, 2, score_of_target)  # type: ignore[arg-type]
    units = list_units(bench, lambda stream, index: "", 2)
    found = look(units, EditFolder(tmp_path), expected_of(bench.streams()))
    scored = list(Scorer(bench.streams(), SkillTable(), "table", ScoreStore(None)).score(found))
    assert all(one.values["success"] == 100 for one in scored)  # type: ignore[union-attr]
