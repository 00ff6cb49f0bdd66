"""The walls of the house: imports only point down, rooms and files stay small, nothing names a machine."""

import ast
import re
import statistics
import subprocess
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "veggie_pl").rglob("*.py"))
# From the bottom to the top: a module may import from its own floor and from those below it.
FLOORS = [
    {"errors", "batch", "seeding", "host", "file_names", "files", "outputs", "signals", "progress", "tensor_digest"},
    {"masks", "models", "training"},
    {"video", "diffusion"},
    {"data"},
    {"keeping", "model", "module"},
    {"prepare", "check", "experts", "model_folder", "model_weights", "pretraining"},
    {"metrics", "inference", "methods"},
    {"scoring", "synthesis"},
    {"callbacks"},
    {"planning", "caching"},
    {"commands", "app"},
    {"cli"},
    {"__main__"},
]
# Inside data/.
DATA_FLOORS = [
    {"records", "proportions", "workers"},
    {"table"},
    {"instructions"},
    {"streams"},
    {"benchmark", "groups", "shapes", "shards"},
    {"mixture"},
    {"mixture_report"},
    {"datamodule", "contact_sheet"},
]
APART = {"models": {"video", "diffusion", "data"}, "diffusion": {"video", "models"}, "video": {"models", "diffusion"}}


def floor(room: str, floors: list[set[str]]) -> int:
    found = next((number for number, rooms in enumerate(floors) if room in rooms), None)
    assert found is not None, f"{room} has no floor"
    return found


def imported(path: Path) -> list[list[str]]:
    """What a file imports of ours, also inside functions, in the parts of its names."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # "from veggie_pl.data import mixture" names a module, too
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return [name.split(".") for name in found if name.startswith("veggie_pl.")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = [*path.relative_to(ROOT).with_suffix("").parts]
    if own == ["veggie_pl", "__init__"]:
        return
    for other in imported(path):
        said = f"{'.'.join(own)} imports {'.'.join(other)}"
        assert floor(other[1], FLOORS) <= floor(own[1], FLOORS), f"{said}, which is above it"
        assert other[1] not in APART.get(own[1], ()), said
        if own[1] == other[1] == "data" and min(len(own), len(other)) > 2:
            assert floor(other[2], DATA_FLOORS) <= floor(own[2], DATA_FLOORS), f"{said}, which is above it"


def test_parts_never_import_lightning() -> None:
    for folder in ("models", "diffusion"):
        for path in (ROOT / "veggie_pl" / folder).rglob("*.py"):
            assert not re.search(r"^(from|import) lightning", path.read_text(), re.M), path


def test_files_stay_readable() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in SOURCES}
    assert max(lengths.values()) <= 300, max(lengths, key=lambda path: lengths[path])
    assert statistics.median(lengths.values()) <= 100
    assert lengths[ROOT / "veggie_pl/module.py"] < 200


def test_no_room_is_the_house() -> None:
    lines = Counter[str]()
    for path in SOURCES:
        lines[path.relative_to(ROOT / "veggie_pl").parts[0]] += len(path.read_text().splitlines())
    (room, most), *_ = lines.most_common(1)
    assert most <= 0.25 * lines.total(), f"{room} has {most} of {lines.total()} lines"


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
