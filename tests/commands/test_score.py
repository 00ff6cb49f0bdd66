"""`score` as a user calls it: outputs on disk, with all that can be wrong with them."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.command_line import error_of
from support.outputs import copied, exact, write_outputs

from veggie_pl.batch import Sample, Skill
from veggie_pl.cli import main
from veggie_pl.prepare.bench import open_bench
from veggie_pl.video.writer import write_clip

NUM = 2
FEW = ["--per_skill", str(NUM)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on the embedded bench."""
    folder = tmp_path_factory.mktemp("outputs")
    for name, edit in (("exact", exact), ("copy", copied)):

        def painted(sample: Sample, edit: Any = edit) -> Any:
            return edit(sample)

        write_outputs(folder / name, open_bench("shapes"), NUM, painted)
    return folder


def score(outputs: Path, report: Path, *more: str) -> dict[str, Any]:
    where = ["--bench", "shapes", "--outputs", str(outputs), "-o", str(report)]
    main(["score", *where, "--store", str(report.parent / "store"), *FEW, *more])
    found: dict[str, Any] = json.loads((report / "report.json").read_text())
    return found


def values(report: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {(row["skill"], row["metric"]): row["value"] for row in report["results"]}


def test_two_methods_stand_in_one_table_and_on_one_page(outputs: Path, tmp_path: Path) -> None:
    score(outputs / "copy", tmp_path / "copy")
    best = score(outputs / "exact", tmp_path / "exact", "--against", str(tmp_path / "copy/report.json"))
    numbers = values(best)
    for skill in Skill:
        assert numbers[skill, "miou" if skill.is_painted else "success"] > 95
    assert len(best["samples"]) == NUM * len(Skill)
    assert best["bench"] == "shapes"
    assert all(one["state"] == "scored" for one in best["samples"])
    text = (tmp_path / "exact/report.md").read_text()
    assert "copy" in text
    page = (tmp_path / "exact/report.html").read_text()
    assert "image/webp;base64," in page
    assert not re.search(r"(src|href)=[\"']?https?:", page)


def test_second_run_is_the_first_and_computes_nothing(
    outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = score(outputs / "copy", tmp_path / "one")
    monkeypatch.setattr("veggie_pl.scoring.engine.Scorer.score", lambda self, outputs: iter(()))
    second = score(outputs / "copy", tmp_path / "two")
    assert first["samples"] == second["samples"]
    assert first["results"] == second["results"]


def test_processes_give_the_same_numbers(outputs: Path, tmp_path: Path) -> None:
    alone = score(outputs / "exact", tmp_path / "one", "--store", "")
    both = score(outputs / "exact", tmp_path / "two", "--store", "", "--devices", "2", "--device", "cpu")
    assert alone["samples"] == both["samples"]
    assert alone["results"] == both["results"]


def test_faults_are_listed_and_counted(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = open_bench("shapes")

    def with_faults(sample: Sample) -> Any:
        return None if sample.example.key.endswith("/0") else sample.target

    write_outputs(tmp_path / "some", bench, NUM, with_faults)
    removal = bench.streams()["removal"]
    write_clip(tmp_path / "some" / f"{removal.key(0)}.mp4", torch.zeros(3, 3, 32, 32))
    (tmp_path / "some" / f"{bench.streams()['grounding'].key(0)}.mp4").write_bytes(b"no video")
    found = score(tmp_path / "some", tmp_path / "report")
    said = capsys.readouterr().out
    for word in ("good", "unfit", "unreadable", "missing"):
        assert word in said
    rows = {(row["skill"], row["metric"]): row for row in found["results"]}
    success = rows["changing", "success"]
    assert (success["value"], success["value_without"], success["failed"], success["n"]) == (50.0, 100.0, 1, NUM)
    states = {one["key"]: one["state"] for one in found["samples"]}
    assert states[removal.key(0)] == "unfit"
    assert states[bench.streams()["grounding"].key(0)] == "unreadable"


def test_ratings_are_judged_before_anything_is_scored(
    outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("key,method,rating\nshapes/test/0/removal/0,nobody,4\n")
    given = ["score", "--bench", "shapes", "--outputs", str(outputs / "copy"), "-o", str(tmp_path / "r"), *FEW]
    monkeypatch.setattr("veggie_pl.scoring.engine.Scorer.score", lambda self, outputs: pytest.fail("scored"))
    assert "no report of the method 'nobody'" in error_of([*given, "--human", str(ratings)])
    monkeypatch.undo()
    rows = [f"shapes/test/0/{skill}/{number},copy,{number + 1}" for skill in Skill for number in range(NUM)]
    ratings.write_text("key,method,rating\n" + "\n".join([*rows, "shapes/test/0/removal/9,copy,4"]) + "\n")
    score(outputs / "copy", tmp_path / "rated", "--human", str(ratings))
    assert "shapes/test/0/removal/9" in (tmp_path / "rated/report.md").read_text()  # the row that does not count


def test_nothing_is_written_over(outputs: Path, tmp_path: Path) -> None:
    score(outputs / "copy", tmp_path / "report")
    given = ["score", "--bench", "shapes", "--outputs", str(outputs / "copy"), "-o", str(tmp_path / "report")]
    assert "holds a report already" in error_of(given)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--naming", "number"], "--naming 'number'; the choices are key, index"),
        (["--devices", "0"], "--devices must be at least 1, got 0"),
        (["--device", "tpu"], "--device 'tpu'; the choices are auto, cpu, cuda"),
        (["--against", "nothing.json"], "nothing.json is no report"),
        (["--human", "nothing.csv"], "there is no such file"),
        (["--bench", "shape"], "shapes"),
        (["--outputs", "nowhere"], "no folder of edits at nowhere"),
        (["--naming", "index"], "no output of the bench is in"),
    ],
)
def test_what_cannot_be_scored_is_one_line(outputs: Path, more: list[str], said: str) -> None:
    assert said in error_of(["score", "--bench", "shapes", "--outputs", str(outputs / "copy"), *FEW, *more])


def test_values_are_numbers_or_null(outputs: Path, tmp_path: Path) -> None:
    found = score(outputs / "copy", tmp_path / "report")
    for one in found["samples"]:
        assert all(value is None or math.isfinite(value) for value in one["values"].values())


def test_written_edits_score_as_the_test_did(tmp_path: Path) -> None:
    few = tmp_path / "few.yaml"
    few.write_text(f"data: {{num_test: {NUM}, num_workers: 0, eval_batch_size: {NUM}}}")
    edits = ["--edits.folder", str(tmp_path / "edits"), "--edits.kind", "png"]
    report = ["--evaluate.output", str(tmp_path / "test"), "--trainer.logger", "false", "--samples.per_skill", "0"]
    main(["test", "--config", str(few), "--model.baseline", "oracle", *edits, *report])
    tested = json.loads((tmp_path / "test/report.json").read_text())
    scored = score(tmp_path / "edits", tmp_path / "score")
    numbers = values(scored)
    for row in tested["results"]:  # of files, whose pixels are rounded to 8 bits
        assert numbers[row["skill"], row["metric"]] == pytest.approx(
            row["value"], abs=0.6 if "psnr" not in row["metric"] else 60
        )
    assert [one["key"] for one in tested["samples"]] == [one["key"] for one in scored["samples"]]
    assert [one["instruction"] for one in tested["samples"]] == [one["instruction"] for one in scored["samples"]]
    assert "image/webp;base64," in (tmp_path / "test/report.html").read_text()
    again = ["test", "--config", str(few), "--model.baseline", "copy", *edits, *report]
    assert "is not empty; name another" in error_of(again)
