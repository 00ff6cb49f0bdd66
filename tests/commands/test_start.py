"""What a command imports before it works, in processes of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from veggie_pl.cli import COMMANDS, main
from veggie_pl.commands.options import OPTIONS
from veggie_pl.commands.run_help import HELP, run_help

ROOT = Path(__file__).resolve().parent.parent.parent
REPORT = """
import atexit, json, sys
atexit.register(lambda: print("\\nmodules " + json.dumps(sorted(sys.modules)), file=sys.stderr))
from veggie_pl.cli import main
main(sys.argv[1:])
"""


def imported_by(args: list[str]) -> tuple[set[str], str]:
    """Modules that a command has imported when it ends, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", REPORT, *args]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stderr.splitlines() if line.startswith("modules "))
    return set(json.loads(line.removeprefix("modules "))), done.stdout


def test_every_command_has_a_short_help() -> None:
    assert OPTIONS.keys() | HELP.keys() == COMMANDS.keys()
    assert not OPTIONS.keys() & HELP.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_no_torch(command: str) -> None:
    modules, text = imported_by([command, "--help"])
    assert not {"torch", "lightning", "diffusers", "transformers", "numpy"} & modules
    assert text.startswith(f"usage: python -m veggie_pl {command} ")


@pytest.mark.parametrize("command", HELP)
def test_short_help_puts_own_options_first_and_names_the_whole_list(command: str) -> None:
    text = run_help(command)
    shared = [text.index(title) for title in ("\nrun:", "\ndata:", "\nmodel:") if title in text]
    assert text.index("options:") < min(shared)
    assert text.endswith("--help-all")


@pytest.mark.slow
def test_edit_imports_what_it_needs(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    modules, _ = imported_by(["edit", "docs/example.mp4", "highlight the green circle with red masks", "-o", str(out)])
    assert out.is_file()
    unused = {"lightning", "datasets", "peft", "scipy", "torchmetrics", "tensorboard", "pycocotools", "pandas"}
    assert not unused & modules
    assert "veggie_pl.module" not in modules


def test_lean_imports_leave_optional_packages_importable() -> None:
    code = """
from veggie_pl.commands.lean import lean_imports
with lean_imports():
    import veggie_pl.models.mllm
import sys
assert "peft" not in sys.modules and "scipy" not in sys.modules
from transformers.utils import is_peft_available
assert is_peft_available()  # folders with adapters are read as everywhere
import peft, scipy
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", HELP)
def test_short_help_names_options_that_exist(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help-all"])
    assert not ended.value.code
    taken = set(re.findall(r"--[\w.+-]+", capsys.readouterr().out))
    groups = HELP[command][2].values()
    named = {name.split(",")[0].split()[0] for options in groups for name in options}
    nested = {name for name in named if ".init_args." in name}  # arguments of a class, which its own help lists
    assert nested <= {
        f"--model.{part}" for part in ("mllm.init_args.folder", "mllm.init_args.cache", "vae.init_args.cache")
    }
    named -= nested
    assert named - taken - {"--from", "--dry-run"} == set()  # those two are looked for before the parser is made
