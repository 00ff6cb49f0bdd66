"""Make the virtual environment: by uv, which is several times faster than pip, or by pip where uv cannot be had.

    python environment.py .venv

uv does not read pip's configuration, so what `pip config list` says of indexes, links, constraints and certificates is
handed to it. Where there is no NVIDIA driver torch's build for CPUs is installed: the other one brings gigabytes of
CUDA. Only the standard library is used.
"""

import ast
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

STARTED = "import veggie_pl.commands.configs, veggie_pl.commands.edit, veggie_pl.app.serve, tensorboard.summary, pytest"
WANTED = ["--constraint", "constraints.txt", "--editable", ".[dev]"]
# pip's option -> uv's; each may hold several values, separated by spaces or lines
LISTS = {
    "index-url": "--index-url",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "trusted-host": "--allow-insecure-host",
}
VARIABLES = {"cert": "SSL_CERT_FILE", "default-timeout": "UV_HTTP_TIMEOUT", "timeout": "UV_HTTP_TIMEOUT"}


def pip_settings(listed: str) -> dict[str, str]:
    """What holds for `pip install`, from the lines of `pip config list`: the environment wins over files."""
    found: dict[str, str] = {}
    for scope in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            section, _, option = name.rpartition(".")
            if section == scope:
                found[option] = str(ast.literal_eval(value))
    return found


def uv_options(settings: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Options and environment variables by which uv looks where pip would."""
    options = ["--index-strategy", "unsafe-best-match"]  # as pip: the best version of all indexes
    for name, option in LISTS.items():
        options += [part for value in settings.get(name, "").split() for part in (option, value)]
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        options.append("--no-index")
    variables = {variable: settings[name] for name, variable in VARIABLES.items() if settings.get(name)}
    if proxy := settings.get("proxy"):
        variables |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy}
    return options, variables


def has_nvidia_driver() -> bool:
    """Whether a GPU of NVIDIA could be used here."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def find_uv(python: Path) -> str | None:
    """uv, from the path or installed beside this Python; None if it cannot be had."""
    if found := shutil.which("uv"):
        return found
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=False, capture_output=True)
    beside = python.with_name("uv")
    return str(beside) if done.returncode == 0 and beside.is_file() else None


def install_by_uv(uv: str, python: Path, settings: dict[str, str], driver: bool) -> bool:
    """Install; False if uv cannot, after its own words."""
    options, variables = uv_options(settings)
    install = [uv, "pip", "install", "--python", str(python), *options]
    environment = {**os.environ, **variables}
    if not driver and _brings_cuda(install, environment):
        install += ["--torch-backend", "cpu"]
        if _brings_cuda(install, environment):
            print("uv finds no build of torch for CPUs", file=sys.stderr)
            return False
    return subprocess.run([*install, *WANTED], env=environment, check=False).returncode == 0


def _brings_cuda(install: list[str], environment: dict[str, str]) -> bool:
    """Whether what would be installed is for NVIDIA's GPUs, or nothing can be found."""
    done = subprocess.run(
        [*install, "--dry-run", *WANTED], env=environment, check=False, capture_output=True, text=True
    )
    return done.returncode != 0 or " + nvidia-" in done.stderr


def compile_imports(python: Path) -> None:
    """Import once what training and the page do: Python keeps the compiled files, which uv, unlike pip, does not make.

    Without them a start takes three times as long, every time where ``PYTHONDONTWRITEBYTECODE`` is set.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([python, "-c", STARTED], env=environment, check=False, stdout=subprocess.DEVNULL)


def main(folder: Path) -> None:
    """Make the environment, or bring it up to date, with the tested set of packages."""
    if sys.version_info < (3, 11):  # noqa: UP036 - older ones run this file
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version}")
    started = time.monotonic()
    if Path(sys.prefix).resolve() != folder.resolve():  # else it is active: its Python runs this, and stays
        venv.create(folder, with_pip=True)
    python = folder.absolute() / "bin/python"
    listed = subprocess.run([python, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    settings = pip_settings(listed.stdout)
    uv = None if os.environ.get("VEGGIE_PIP") else find_uv(python)
    by = "uv"
    if uv is None or not install_by_uv(uv, python, settings, has_nvidia_driver()):
        by = "pip"
        quiet = ["--quiet", "--disable-pip-version-check"]
        if subprocess.run([python, "-m", "pip", "install", *quiet, *WANTED], check=False).returncode:
            sys.exit("error: the packages could not be installed, by uv or by pip; what they said is above")
    compile_imports(python)
    print(f"{folder}: ready, by {by}, after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".venv"))
