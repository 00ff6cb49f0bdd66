"""How commands end when they cannot go on."""

import ast
import importlib
import tempfile
import warnings
from pathlib import Path

import pytest

import veggie_pl
from veggie_pl import cli
from veggie_pl.errors import UseError, from_worker

SOURCES = sorted(Path(veggie_pl.__file__).parent.rglob("*.py"))


def fail(args: list[str]) -> None:
    """A command with a fault."""
    {}["no such key"]


def end_of(args: list[str]) -> str:
    """What a command ends with."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(args)
    assert isinstance(stopped.value.code, str)
    return stopped.value.code


@pytest.mark.parametrize("has_runs", [True, False])
def test_fault_of_the_program_is_one_line_and_a_traceback_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_runs: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for name in ["temporary", *["runs"][: int(has_runs)]]:
        (tmp_path / name).mkdir()
    monkeypatch.setitem(cli.COMMANDS, "index", fail)
    said = end_of(["index"])
    assert said.startswith("error: KeyError: 'no such key'; the traceback is in ")
    assert "\n" not in said
    (kept,) = tmp_path.rglob("error-*.txt")
    assert kept.parent.name == ("runs" if has_runs else "temporary")
    assert str(kept.relative_to(tmp_path)) in said
    assert '{}["no such key"]' in kept.read_text()


def test_debug_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "index", fail)
    for args in (["index", "--debug"], ["--debug", "index"]):
        with pytest.raises(KeyError):
            cli.main(args)


def test_error_of_use_is_one_line_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(args: list[str]) -> None:
        raise UseError("no\nsuch thing")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "index", refuse)
    assert end_of(["index"]) == "error: no such thing"
    assert not [*tmp_path.iterdir()]


def test_every_error_of_ours_is_one_of_use() -> None:
    for path in SOURCES:
        names = [line.split("(")[0][6:] for line in path.read_text().splitlines() if line.startswith("class ")]
        for name in (name for name in names if name.endswith("Error")):
            module = importlib.import_module(
                ".".join(["veggie_pl", *path.relative_to(SOURCES[0].parent).with_suffix("").parts])
            )
            assert issubclass(getattr(module, name), UseError), f"{path}: {name}"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("DataLoader worker (pid 7) is killed by signal: Terminated. ", "the run was stopped: a signal ended"),
        ("DataLoader worker (pid 7) is killed by signal: Segmentation fault. ", "a process that reads data died"),
        ("DataLoader timed out after 5 seconds", "longer than data.timeout allows"),
        (
            "Caught UseError in DataLoader worker process 0.\nTraceback:\n  x\nveggie_pl.errors.UseError: a: bad",
            "a: bad",
        ),
        (
            "Caught KeyError in DataLoader worker process 0.\nTraceback:\n  x\nKeyError: 'a'",
            "Caught KeyError in a process",
        ),
    ],
)
def test_what_torch_says_of_a_reader_of_data_is_one_line(message: str, said: str) -> None:
    found = from_worker(message)
    assert found is not None
    assert said in found
    assert "\n" not in found


@pytest.mark.parametrize("command", ["fit", "prepare", "plan"])
def test_without_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(cli, "CONF", tmp_path / "conf")
    assert end_of([command]).startswith(f"error: {command} has to be run from a checkout")


def test_part_whose_package_is_not_installed_is_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(args: list[str]) -> None:
        raise ValueError("Union\n- Problem with given class_path 'a.WandbLogger': Requirement 'wandb>=1' not met. HINT")

    monkeypatch.setitem(cli.COMMANDS, "index", build)
    assert end_of(["index"]) == "error: a.WandbLogger: Requirement 'wandb>=1' not met; install it beside the project"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_what_is_said_to_users_is_an_error_of_use(path: Path) -> None:
    """A plain ValueError would come with a traceback, as a fault of the program does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            assert getattr(node.exc.func, "id", "") not in ("ValueError", "RuntimeError"), f"line {node.lineno}"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("A FSDP `auto_wrap_policy` is set, but the model is already wrapped. The policy will be ignored.", True),
        ('.fit(ckpt_path="last") is set, but there is no last checkpoint available.', True),
        ("You defined a `validation_step` but have no `val_dataloader`. Skipping val loop.", True),
        ("The 'DeepSpeedStrategy' does not support skipping\nthe gradient synchronization.", True),
        ("Found 110 module(s) in eval mode. If this is intentional, you can ignore this warning.", False),
        ("The 'train_dataloader' does not have many workers which may be a bottleneck.", False),
    ],
)
def test_ignored_requests_reach_the_user_in_one_line_and_chatter_does_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, said: str, heard: bool
) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with warnings.catch_warnings():
        warnings.resetwarnings()
        cli._quiet()
        warnings.warn_explicit(said, UserWarning, "fit.py", 1, module="lightning.pytorch.trainer.trainer")
    assert capsys.readouterr().err == (f"warning: {' '.join(said.split())}\n" if heard else "")
