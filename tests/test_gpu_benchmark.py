"""The GPU benchmark walks all its ways on a CPU, keeps what a stopped part had said, and counts what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu_model import build, clips
from benchmarks.gpu_parts import PARTS
from benchmarks.gpu_timing import flops_of, trainer_step
from benchmarks.without_video import PACKAGES

ROWS = {"steps": 6, "compiled": 4, "inside": 6, "adapters": 3, "sampling": 19, "nano": 6}
PATIENCE = 20.0  # times the limits of a GPU: what is tested here is no speed


@pytest.mark.slow
@pytest.mark.parametrize(("part", "rows"), ROWS.items())
def test_every_part_says_all_its_rows(part: str, rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    PARTS[part]("cpu", "narrow")
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [len(row) for row in said] == [len(gpu.HEADS[part])] * rows


def test_a_part_becomes_a_table() -> None:
    said = list(gpu.run("machine", "cpu", "narrow", PATIENCE))
    assert said[:2] == ["\n| what | figure |", "|---|---:|"]
    assert [line.split(" | ")[0] for line in said[2:-1]] == [
        "| torch",
        "| device",
        "| precision",
        "| bf16 product of 512",
        "| copy",
    ]
    assert said[-1].startswith("\nmachine: ")


def test_nothing_needs_a_video_package() -> None:
    code = (
        "import sys, importlib.util as util; own = util.find_spec; "
        f"util.find_spec = lambda name, *more: None if name in {PACKAGES} else own(name, *more); "
        "import benchmarks.without_video as stands; stands.find_spec = util.find_spec; "
        "finder = stands._StandIns(stands.PACKAGES); sys.meta_path.insert(0, finder); "
        "from benchmarks import gpu_parts; print(gpu_parts.MISSING)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=gpu.ROOT, check=False)
    assert done.stdout == "['av', 'decord']\n", done.stderr


def test_a_part_that_is_stopped_leaves_what_it_said() -> None:
    code = "import time; print('first', flush=True); time.sleep(600)"
    assert list(gpu.lines_of([sys.executable, "-c", code], 3)) == ["first\n", "# stopped at its limit of 3 s"]


def test_a_part_that_fails_says_why() -> None:
    code = "print('first'); raise RuntimeError('no device')"
    *said, last = gpu.lines_of([sys.executable, "-c", code], 600)
    assert said == ["first\n"]
    assert last.startswith("# ended with 1")
    assert last.endswith("RuntimeError: no device")


def test_lines_come_while_the_part_runs() -> None:
    code = "import time; print('early', flush=True); time.sleep(600)"
    lines = gpu.lines_of([sys.executable, "-c", code], 500)
    assert next(lines) == "early\n"  # 500 s before the limit
    lines.close()  # type: ignore[attr-defined]


def test_stage_1_learns_no_mllm_and_stage_2_its_adapters_alone() -> None:
    learns = {name for name, p in build("narrow", "cpu").named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in learns} == {"queries", "aligner", "viddm"}
    module = build("narrow", "cpu", video=True, lora=True)
    mllm = {name for name, p in module.mllm.named_parameters() if p.requires_grad}
    assert mllm
    assert all("lora_" in name for name in mllm)
    assert flops_of(module, trainer_step(module, clips(module, 1, 2), "cpu")) > 0


def test_tables_of_measured_figures_are_in_the_docs() -> None:
    text = (Path(gpu.ROOT) / "docs/BENCHMARKS.md").read_text()
    for part in ("steps", "adapters", "sampling", "nano"):
        assert "| " + " | ".join(gpu.HEADS[part]) + " |" in text, part
    assert json.dumps("python -m benchmarks.gpu")[1:-1] in text
