"""The command, from a config to a data set."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lifting import steps, write_stills

from veggie_pl.commands.synthesize import synthesize_table
from veggie_pl.data.table import Table
from veggie_pl.errors import UseError


def config(folder: Path, **changes: Any) -> str:
    settings = {"table": str(folder / "data/train"), "output": str(folder / "lifted"), "store": str(folder / "store")}
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({**settings, **steps(), **changes}))
    return str(path)


def test_config_and_command_line_make_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_stills(tmp_path / "data", 6)
    args = ["--config", config(tmp_path, directions=["reversed", "forward"]), "--limit", "4"]
    synthesize_table([*args, "--dry-run"])
    assert "what it will take" in capsys.readouterr().out
    assert not (tmp_path / "lifted").exists()
    synthesize_table([*args, "--size", "[16, 24]", "--animate.init_args.num_frames", "5"])
    columns = Table(tmp_path / "lifted/train").columns(0)
    assert (columns["frames"], columns["height"], columns["width"]) == (5, 16, 24)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--engine", "rays"], "--engine 'rays'; the choices are process, ray"),
        (["--moved", "both"], "--moved 'both'; the choices are source, target"),
        (["--directions", '["backwards"]'], "--directions 'backwards'; the choices are forward, reversed"),
        (["--size", "[0, 16]"], "--size must be at least 1 pixel"),
        (["--workers", "two"], "workers"),
        (["--animate.init_args.frames", "5"], "frames"),
        (["--table", "nowhere"], "nowhere: no prepared table"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path: Path, args: list[str], said: str) -> None:
    write_stills(tmp_path / "data", 1)
    with pytest.raises(UseError, match=f"^[^\n]*{re.escape(said)}[^\n]*$"):
        synthesize_table(["--config", config(tmp_path), *args])
