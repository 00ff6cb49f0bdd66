"""SIGKILL at random points: the run that goes on is, bit for bit, the one that was never killed."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.ended import run_to_end
from support.killed import BATCH, KILLS, RANKS, STEPS

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "tests/support/killed.py", str(folder)]
    code, said = run_to_end(command, ROOT, environment)
    assert code == 0, said[-3000:]
    return folder


def end_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / "done.pt", weights_only=True)
    return found


def test_ten_kills_change_nothing(out: Path) -> None:
    whole, killed = end_of(out / "whole"), end_of(out / "killed")
    assert (out / "killed/lives").read_text() == str(KILLS + 1) == "11"
    assert whole["indices"] == list(range(STEPS * BATCH))
    assert killed["indices"] == whole["indices"]
    for name, value in whole["weights"].items():
        assert torch.equal(killed["weights"][name], value), name


def test_kills_and_changes_of_ranks_keep_the_order(out: Path) -> None:
    whole, killed = end_of(out / "whole_sum"), end_of(out / "ranks")
    assert (out / "ranks/lives").read_text() == str(len(RANKS))
    assert killed["indices"] == whole["indices"]
    for name, value in whole["weights"].items():  # two ranks add up in another order
        size = value.double().norm().clamp_min(1e-2)
        assert (killed["weights"][name].double() - value.double()).norm() / size < 1e-6, name
