"""`plan --all`: stages and numbers of GPUs, hours and cost."""

import json
from pathlib import Path

import pytest
from jsonargparse import Namespace

from veggie_pl.cli import main
from veggie_pl.commands.plan_all import rows_of, stages_of
from veggie_pl.data.table.shards import INFO, TableInfo, TablePart
from veggie_pl.errors import UseError

PICO = ["--config", "conf/ablation/pico.yaml", "--data.batch_size", "2"]
FSDP = "conf/strategy/fsdp2.yaml"


def test_a_line_for_each_stage_and_number_of_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["--gpu", "h100", "--gpus", "[1, 2, 16]", "--price", "3", "--rows", "800", "-o", str(tmp_path / "all.json")]
    first = ["--config", "conf/stage1.yaml", *PICO, "--trainer.max_steps", "1000", *said]
    then = ["--config", "conf/stage1.yaml", *PICO, "--config", FSDP, "--trainer.max_steps", "500"]
    then += ["--trainer.accumulate_grad_batches", "4", "--trainer.devices", "1"]
    main(["plan", "--all", *first, "--next", *then])
    found = json.loads((tmp_path / "all.json").read_text())
    assert "measured on h100" in found["rates"]
    lines = found["stages"]
    assert [(line["sharing"], line["gpus"]) for line in lines] == [
        (sharing, gpus) for sharing in ("ddp", "fsdp") for gpus in (1, 2, 16)
    ]
    for line in lines:
        batch = 2 if line["sharing"] == "ddp" else 8  # accumulated ones included
        assert line["samples"] == (2000 if line["sharing"] == "ddp" else 4000)
        assert line["epochs"] == line["samples"] / 800
        assert line["hours"] == pytest.approx(line["samples"] / (batch * line["gpus"]) * line["seconds"] / 3600)
        assert line["gpu_hours"] == pytest.approx(line["gpus"] * line["hours"])
        assert line["cost"] == pytest.approx(3 * line["gpu_hours"])
        assert line["fits"]
    whole, shared = lines[:3], lines[3:]
    assert whole[0]["peak"] == whole[2]["peak"]
    assert shared[2]["peak"] < shared[1]["peak"] < shared[0]["peak"]
    assert whole[2]["seconds"] > whole[1]["seconds"] > whole[0]["seconds"]  # of a step: it also sends gradients
    assert whole[2]["hours"] < whole[1]["hours"] < whole[0]["hours"]
    out = " ".join(capsys.readouterr().out.split())
    assert "at 3 a GPU-hour" in out
    assert "Several GPUs were never measured" in out


def test_stages_are_split_where_the_next_begins() -> None:
    assert stages_of(["--all", "--config", "a.yaml", "--next", "--config", "b.yaml", "--gpu", "h100"]) == [
        ["--config", "a.yaml"],
        ["--config", "b.yaml", "--gpu", "h100"],
    ]
    both = stages_of(["--all", "--gpu", "h100"])
    assert [Path(stage[1]).name for stage in both] == ["stage1.yaml", "stage2.yaml"]
    assert all(stage[2:] == ["--gpu", "h100"] for stage in both)
    with pytest.raises(UseError, match="nothing follows --next"):
        stages_of(["--all", "--config", "a.yaml", "--next"])


def test_a_stage_without_end_has_no_cost() -> None:
    with pytest.raises(SystemExit, match=r"stage1 has no end: set trainer\.max_steps"):
        main(["plan", "--all", "--config", "conf/stage1.yaml", *PICO, "--trainer.max_steps", "-1"])


def test_rows_are_those_of_all_tables_or_unknown(tmp_path: Path) -> None:
    def stream(table: Path) -> Namespace:
        records = Namespace(class_path="veggie_pl.data.table.TableRecords", init_args=Namespace(table=str(table)))
        return Namespace(class_path="veggie_pl.data.streams.EditingStream", init_args=Namespace(records=records))

    for name, rows in (("one", [7, 5]), ("two", [30])):
        (tmp_path / name).mkdir()
        parts = tuple(TablePart(file=f"{n}", rows=count, bytes=1, hash="") for n, count in enumerate(rows))
        (tmp_path / name / INFO).write_text(TableInfo(card=name, root="/", parts=parts).model_dump_json())
    streams = {name: Namespace(weight=1, stream=stream(tmp_path / name)) for name in ("one", "two")}
    assert rows_of(Namespace(data=Namespace(streams=streams))) == 42
    streams["three"] = Namespace(weight=1, stream=stream(tmp_path / "three"))
    assert rows_of(Namespace(data=Namespace(streams=streams))) is None
