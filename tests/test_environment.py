"""`make setup`: uv is told what pip is told, and torch comes without CUDA where there is no GPU."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import environment
from environment import find_uv, install_by_uv, pip_settings, uv_options

ROOT = Path(__file__).resolve().parent.parent
LISTED = """:env:.disable-pip-version-check='1'
:env:.find-links='/wheels /more wheels'
global.cert='/certs.crt'
global.extra-index-url='file:///one file:///two'
global.find-links='/overruled'
global.timeout='15'
install.constraint='/limits.txt'
install.no-index='false'
"""


def fake_uv(folder: Path, dry_run: str, code: int = 0) -> Path:
    """A program in uv's place that writes down how it is called; what it would install depends on --torch-backend."""
    path = folder / "uv"
    path.write_text(
        f'#!/bin/sh\necho "$SSL_CERT_FILE $@" >> {folder}/calls\n'
        f'case "$*" in *--torch-backend*) exit 0;; *--dry-run*) echo "{dry_run}" >&2; exit 0;; esac\nexit {code}\n'
    )
    path.chmod(0o755)
    return path


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_settings_are_those_that_hold_for_pip() -> None:
    found = pip_settings(LISTED)
    assert found["find-links"] == "/wheels /more wheels"  # the environment wins over files
    assert found["constraint"] == "/limits.txt"
    assert pip_settings("") == {}


def test_uv_looks_where_pip_would() -> None:
    options, variables = uv_options(pip_settings(LISTED))
    pairs = list(zip(options[::2], options[1::2], strict=True))
    assert pairs == [
        ("--index-strategy", "unsafe-best-match"),
        ("--extra-index-url", "file:///one"),
        ("--extra-index-url", "file:///two"),
        ("--find-links", "/wheels"),
        ("--find-links", "/more"),
        ("--find-links", "wheels"),
        ("--constraint", "/limits.txt"),
    ]
    assert variables == {"SSL_CERT_FILE": "/certs.crt", "UV_HTTP_TIMEOUT": "15"}
    assert uv_options({"no-index": "1"})[0][-1] == "--no-index"


def test_without_a_driver_no_cuda_is_fetched(tmp_path: Path) -> None:
    uv = fake_uv(tmp_path, " + nvidia-cublas==13")
    assert install_by_uv(str(uv), Path("python"), {"cert": "/certs.crt"}, driver=False)
    looked, again, installed = calls(tmp_path)
    assert looked.startswith("/certs.crt pip install --python python")
    assert "--dry-run" in looked
    assert "--torch-backend cpu --dry-run" in again
    assert "--torch-backend cpu --constraint constraints.txt" in installed


def test_with_a_driver_or_a_build_for_cpus_torch_is_taken_as_it_is(tmp_path: Path) -> None:
    for name, driver in (("gpu", True), ("cpu", False)):
        folder = tmp_path / name
        folder.mkdir()
        uv = fake_uv(folder, " + torch==2.13.0+cpu")
        assert install_by_uv(str(uv), Path("python"), {}, driver=driver)
        assert "--torch-backend" not in calls(folder)[-1]


def test_uv_that_fails_is_said_so_that_pip_takes_over(tmp_path: Path) -> None:
    assert not install_by_uv(str(fake_uv(tmp_path, "", code=1)), Path("python"), {}, driver=True)


def test_uv_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = fake_uv(tmp_path, "")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert find_uv(Path("python")) == str(uv)


def test_what_training_imports_is_compiled_whatever_the_shell_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_once.py").write_text("value = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(environment, "STARTED", "import imported_once")
    environment.compile_imports(Path(sys.executable))
    assert list(tmp_path.glob("__pycache__/imported_once.*.pyc"))


def test_an_active_environment_is_brought_up_to_date_in_place(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env/bin/python"
    program = (
        "import environment, pathlib, subprocess, sys\n"
        "subprocess.run = lambda command, **_: subprocess.CompletedProcess(command, 0, stdout='', stderr='')\n"
        "environment.main(pathlib.Path(sys.argv[1]))"
    )
    done = subprocess.run([python, "-c", program, tmp_path / "env"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "ready, by" in done.stdout) == (0, True), done.stderr


def test_what_is_compiled_can_be_imported() -> None:
    exec(environment.STARTED, {})
