"""The length of a recipe is what its files say, whatever the command line makes of it."""

from pathlib import Path

import pytest
import yaml

from veggie_pl.commands.recipes import RecipeOfFiles, read_recipe
from veggie_pl.files import CONF, TRAINING

STAGE2 = str(CONF / "stage2.yaml")


def recipe(*args: str) -> RecipeOfFiles:
    return read_recipe([*args], TRAINING, CONF)


def write(path: Path, content: object) -> str:
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize("shorter", [["--trainer.max_steps", "4"], ["--trainer.max_steps=4"], ["--trainer.max_time=1"]])
def test_recipe_is_not_what_the_command_line_makes_of_it(shorter: list[str]) -> None:
    assert recipe("--config", STAGE2, *shorter) == RecipeOfFiles("stage2", 3000, None)
    assert recipe(*shorter, f"--config={STAGE2}") == RecipeOfFiles("stage2", 3000, None)
    assert recipe("--config", STAGE2, "--config", "trainer: {max_steps: 4}").steps == 3000  # text is no file


def test_recipe_of_the_last_file_counts(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", {"trainer": {"max_steps": 70}})
    assert recipe("--config", STAGE2, "--config", own) == RecipeOfFiles("stage2+own", 70, None)
    assert recipe("--config", own, "--config", STAGE2) == RecipeOfFiles("own+stage2", 3000, None)
    other = write(tmp_path / "other.yaml", {"data": {"batch_size": 2}})
    assert recipe("--config", STAGE2, "--config", other) == RecipeOfFiles("stage2+other", 3000, None)
    trainer = write(tmp_path / "trainer.yaml", {"max_steps": 90})
    assert recipe("--config", STAGE2, "--trainer", trainer).steps == 90
    named = write(tmp_path / "named.yaml", {"trainer": trainer})
    assert recipe("--config", STAGE2, "--config", named).steps == 90


def test_recipe_of_files_of_the_project_has_their_place_in_conf() -> None:
    paper = str(CONF / "backbone/paper.yaml")
    assert recipe("--config", STAGE2, "--config", paper).name == "stage2+backbone/paper"


def test_recipe_without_files_has_no_length() -> None:
    assert recipe() == RecipeOfFiles(None, None, None)
    assert recipe("--trainer.max_steps", "4") == RecipeOfFiles(None, None, None)


def test_recipe_may_be_told_in_epochs(tmp_path: Path) -> None:
    own = write(tmp_path / "own.yaml", {"trainer": {"max_steps": -1, "max_epochs": 3}})
    assert recipe("--config", STAGE2, "--config", own) == RecipeOfFiles("stage2+own", None, 3)


def test_config_that_a_run_left_has_the_recipe_of_its_files(tmp_path: Path) -> None:
    kept = {"trainer": {"max_steps": 4}, "recipe": {"name": "stage2", "steps": 3000, "epochs": None}}
    left = write(tmp_path / "config.yaml", kept)
    assert recipe("--config", left) == RecipeOfFiles("stage2", 3000, None)
    own = write(tmp_path / "own.yaml", {"trainer": {"max_steps": 70}})
    assert recipe("--config", left, "--config", own) == RecipeOfFiles("stage2+own", 70, None)


def test_recipe_of_files_that_cannot_be_read_is_left_to_the_parser(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("trainer: {max_steps: [")
    assert recipe("--config", STAGE2, "--config", str(tmp_path / "torn.yaml")).steps == 3000
    assert recipe("--config", str(tmp_path / "none.yaml")).steps is None
    assert recipe("--config").steps is None
