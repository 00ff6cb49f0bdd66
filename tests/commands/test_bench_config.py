"""A bench of real videos, edited and scored as conf/bench/veg.yaml says."""

import json
from pathlib import Path

import pytest
from support.benches import prepare_bench, write_veg
from support.parts import tiny_module

from veggie_pl.batch import Skill
from veggie_pl.cli import main
from veggie_pl.files import CONF
from veggie_pl.model_folder import save_model

CONFIG = ["--config", str(CONF / "bench/veg.yaml")]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the bench in miniature and a model."""
    write_veg(tmp_path / "veg", each=1)
    card = tmp_path / "veg/card.md"
    card.write_text((CONF.parent / "data_cards/bench/veg.md").read_text().replace("[256, 256]", "[16, 16]"))
    prepare_bench(str(card), tmp_path / "veg", tmp_path / "prepared")
    save_model(tiny_module(video=True, num_steps=1), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_bench_of_real_videos_is_edited_and_scored(workplace: Path) -> None:
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.logger", "false", "--data.num_workers", "0"]
    asked = ["--data.test.init_args.card", "veg/card.md", "--model.folder", "model", "--evaluate.output", "report"]
    main(["test", *CONFIG, *quiet, *asked])
    report = json.loads((workplace / "report/report.json").read_text())
    scored = {(row["skill"], row["metric"]) for row in report["results"]}
    assert {("grounding", "miou"), ("reasoning", "miou")} <= scored
    assert {skill for skill, _ in scored} <= set(Skill)
    edits = {skill for skill, _ in scored if not Skill(skill).is_painted}
    assert edits == {skill for skill in Skill if not skill.is_painted}  # by what needs no target: not "answer" alone
    assert not {metric for _, metric in scored} & {"success", "detection"}  # no targets, no detector


def test_bench_that_is_not_prepared_says_so_before_a_model_is_loaded(workplace: Path) -> None:
    with pytest.raises(SystemExit, match=r"the bench veg is not prepared: there is no prepared/none/veg/test"):
        main(["test", *CONFIG, "--data.test.init_args.prepared", "prepared/none", "--model.folder", "model"])
