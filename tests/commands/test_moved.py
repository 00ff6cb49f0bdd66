"""A config of before is told what its classes are called now."""

import importlib
from pathlib import Path

import pytest
import yaml
from support.command_line import error_of

from veggie_pl.commands.moved import MOVED, moved_name


@pytest.mark.parametrize("name", MOVED.values())
def test_class_is_where_the_error_says(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), kind), type)


def test_other_messages_are_left_alone() -> None:
    assert moved_name("key veggie_pl.callbacks.Emma is unknown") is None


@pytest.mark.parametrize(
    ("command", "config", "old"),
    [
        ("fit", "trainer: {plugins: [{class_path: OLD}]}", "veggie_pl.whole_files.WholeFiles"),
        ("fit", "model: {vae: {class_path: OLD}}", "veggie_pl.models.vae.PixelCodec"),
        (
            "test",
            "data: {test: {class_path: veggie_pl.data.shapes.ShapesBenchmark, init_args: {measures: "
            "{class_path: veggie_pl.metrics.SkillTable, init_args: {detector: {class_path: OLD}}}}}}",
            "veggie_pl.data.shapes.detector.ShapeDetector",
        ),
    ],
)
def test_old_class_path_names_the_new_one(tmp_path: Path, command: str, config: str, old: str) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(config.replace("OLD", old))))
    assert error_of([command, "--config", str(path)]) == (
        f"error: {old} is called {MOVED[old]} now; write that name into the config"
    )
