"""The walls of the house: imports only point down, files stay readable, nothing names a machine."""

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "veggie_pl").rglob("*.py"))
# A module may import from its own layer and from those before it; the longest matching name decides.
LAYERS = [
    {
        "errors",
        "signals",
        "chance",
        "batch",
        "parsing",
        "file_names",
        "places",
        "lean",
        "ckpt_path",
        "precision",
        "progress",
    },
    {"training_record", "whole_folders", "recipes"},
    {"optimizers", "sharding", "whole_files", "run_parser"},
    {"diffusion", "models", "data", "checks", "request"},
    {"model"},
    {"metrics", "module", "baselines"},
    {"model_folder"},
    {"which_model", "trained", "missing"},
    {"callbacks", "edit_files", "editor", "pipeline"},
    {"planning"},
    {"configs"},
    {"commands", "pretraining"},
    {"cli"},
    {"__main__"},
]


def layer(module: str) -> int | None:
    part = module.removeprefix("veggie_pl").strip(".").split(".")[0]
    return next((number for number, names in enumerate(LAYERS) if part in names), None)


def imported(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name for name in found if name.startswith("veggie_pl.")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if own == "veggie_pl.__init__":
        return
    assert layer(own) is not None, f"{own} has no layer"
    for name in imported(path):
        assert layer(name) is not None, f"{name} has no layer"
        assert layer(name) <= layer(own), f"{own} imports {name}, which is above it"


def test_parts_never_import_lightning() -> None:
    for folder in ("models", "diffusion"):
        for path in (ROOT / "veggie_pl" / folder).rglob("*.py"):
            assert not re.search(r"^(from|import) lightning", path.read_text(), re.M), path


def test_leaves_do_not_import_each_other() -> None:
    for folder, others in {
        "models": ("data", "diffusion"),
        "diffusion": ("data", "models"),
        "data": ("models",),
    }.items():
        for path in (ROOT / "veggie_pl" / folder).rglob("*.py"):
            wrong = [name for name in imported(path) for other in others if name.startswith(f"veggie_pl.{other}")]
            assert not wrong, f"{path.name} imports {wrong}"


def test_files_stay_readable() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert max(lengths.values()) <= 300, max(lengths, key=lambda path: lengths[path])
    assert statistics.median(lengths.values()) <= 150
    assert lengths[ROOT / "veggie_pl/module.py"] < 200


def test_no_stage_in_python() -> None:
    for path in SOURCES:
        if "pretraining" in path.parts:
            continue
        branches = re.findall(r"if [^\n]*stage ?[12]", path.read_text())
        assert not branches, f"{path}: {branches}"


def test_no_untyped_names_and_no_machine_paths() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in listed if Path(name).stem in ("utils", "helpers", "misc")]
    for name in listed:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".yaml", ".toml", ".txt", ".ipynb", ".json") and path.is_file():
            assert not re.search(r"/(home|work|root|tmp)/\w", path.read_text(errors="ignore")), name


def test_no_pickle() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "import pickle" not in text, path
        assert "trust_remote_code=True" not in text, path
        for call in re.findall(r"torch\.load\([^)]*\)", text):
            assert "weights_only=True" in call, f"{path}: {call}"
