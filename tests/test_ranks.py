"""Two real processes on one machine (gloo) do what one process does with the joint batch."""

import csv
import json
import os
import sys
from pathlib import Path

import pytest
import torch
from support.ended import run_to_end
from support.parts import mixed_data
from support.ranks import BATCH, PLANS, steps_of, train

from veggie_pl.model_folder import load_model
from veggie_pl.training.left_out import LEFT_OUT

ROOT = Path(__file__).resolve().parent.parent
STEPS = steps_of("images")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
pytestmark = pytest.mark.slow


def start(*args: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"}
    code, said = run_to_end([*TORCHRUN, *args], ROOT, environment)
    of_ranks = [line for line in said.splitlines() if line.startswith("[rank")]
    assert code == 0, "\n".join(of_ranks)[-6000:] or said[-3000:]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One process first (it leaves the checkpoint that two go on from), then two."""
    folder = tmp_path_factory.mktemp("ranks")
    for case in ("images", "clips", "mixed", "holes", "pretrained", "dit"):
        one = train(folder / ("one" if case == "images" else f"one_{case}"), case, 1)
        (folder / f"one_{case}.json").write_text(json.dumps({name: getattr(one, name) for name in ("losses", "keys")}))
    start("tests/support/ranks.py", str(folder))
    return folder


def ranks(out: Path, case: str) -> list[dict[str, list]]:
    return [json.loads((out / f"rank{rank}.json").read_text())[case] for rank in (0, 1)]


def folder_of_one(out: Path, case: str) -> Path:
    kind = case.removeprefix("sharded_") if case != "sharded" else "images"
    return out / ("one" if kind == "images" else f"one_{kind}")


def metrics(folder: Path) -> dict[str, list[float]]:
    """Every logged series."""
    series: dict[str, list[float]] = {}
    with (folder / "metrics.csv").open() as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "epoch"):
                    series.setdefault(name, []).append(float(value))
    return series


def assert_same_weights(folder: Path, other: Path, limit: float = 1e-6) -> None:
    first, second = load_model(folder / "model").state_dict(), load_model(other / "model").state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        size = value.double().norm().clamp_min(1e-2)  # some layers start at zero
        difference = (value.double() - second[name].double()).norm() / size
        assert difference <= limit, (name, difference)


def test_scores_of_both_strategies_are_compared() -> None:
    scored = {case for case, plan in PLANS.items() if plan.get("validates", True)}
    assert scored == {"images", "holes", "sharded"}


@pytest.mark.parametrize("case", PLANS)
def test_two_ranks_equal_one_with_the_joint_batch(out: Path, case: str) -> None:
    assert_same_weights(out / case, folder_of_one(out, case))
    one = metrics(folder_of_one(out, case))["train/loss"]
    assert len(one) == steps_of(case)
    for rank in ranks(out, case):  # the loss of the global batch, on every rank
        assert rank["losses"] == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize("case", PLANS)
def test_what_is_logged_is_of_all_ranks(out: Path, case: str) -> None:
    one, two = metrics(folder_of_one(out, case)), metrics(out / case)
    assert one.keys() == two.keys()
    expected = {"train/loss", "samples/stream/editing", "grad_norm/viddm"}
    if PLANS[case].get("validates", True):
        expected |= {"val/loss", "val/miou/grounding"}
    assert expected <= one.keys()
    for name, series in one.items():
        assert two[name] == pytest.approx(series, rel=2e-5, abs=1e-6), name


def test_missing_samples_of_all_ranks_are_counted_and_written_down_once(out: Path) -> None:
    one, two = folder_of_one(out, "holes"), out / "holes"
    assert (one / "ledger.jsonl").read_text() == (two / "ledger.jsonl").read_text()
    lines = [json.loads(line) for line in (two / "ledger.jsonl").read_text().splitlines()]
    halves = [line["index"] // 2 for line in lines if not line["stream"].startswith("val/")]
    assert 2 in [halves.count(half) for half in range(STEPS * 2)]  # a rank had nothing but missing samples
    assert [line["index"] for line in lines if line["stream"] == "val/grounding"] == [0, 1]


def test_all_ranks_stop_together_over_budget(out: Path) -> None:
    first, second = ((out / f"over{rank}.txt").read_text() for rank in (0, 1))
    assert first == second
    assert "samples of editing cannot be read" in first
    kept = torch.load(out / "over/checkpoints/over_budget.ckpt", weights_only=True)
    assert kept["callbacks"]["ErrorBudget"]["bad"]["editing"] > 10


def test_ranks_share_the_samples_of_one(out: Path) -> None:
    whole = json.loads((out / "one_images.json").read_text())["keys"]
    parts = [rank["keys"] for rank in ranks(out, "images")]
    assert [parts[0][step] + parts[1][step] for step in range(STEPS)] == whole


def test_images_and_clips_take_turns_on_all_ranks_at_once(out: Path) -> None:
    frames = [rank["frames"] for rank in ranks(out, "mixed")]
    assert frames[0] == frames[1]
    assert set(frames[0]) == {1, 2}
    assert all(len(step) == BATCH // 2 for rank in ranks(out, "mixed") for step in rank["keys"])
    assert mixed_data().mixture.block == BATCH


def test_one_rank_goes_on_from_two_and_two_from_one(out: Path, tmp_path: Path) -> None:
    whole = json.loads((out / "one_images.json").read_text())
    parts = ranks(out, "resumed")  # two ranks, from the second step of one
    assert [parts[0]["keys"][step] + parts[1]["keys"][step] for step in range(STEPS - 2)] == whole["keys"][2:]
    assert parts[0]["losses"] == pytest.approx(whole["losses"][2:], rel=1e-6)
    assert_same_weights(out / "resumed", out / "one")
    back = train(tmp_path, "images", 1, out / "resumed/steps/step=3.ckpt")  # one rank, from the third step of those
    assert back.keys == whole["keys"][3:]
    assert back.losses == pytest.approx(whole["losses"][3:], rel=1e-6)
    assert_same_weights(tmp_path, out / "one")


def test_sharded_run_resumes_and_one_rank_reads_its_checkpoint(out: Path, tmp_path: Path) -> None:
    whole = json.loads((out / "one_images.json").read_text())
    parts = ranks(out, "sharded_resumed")
    assert [parts[0]["keys"][step] + parts[1]["keys"][step] for step in range(STEPS - 2)] == whole["keys"][2:]
    assert_same_weights(out / "sharded_resumed", out / "one")
    train(tmp_path, "images", 1, out / "sharded/steps/step=3.ckpt")
    assert_same_weights(tmp_path, out / "one")


def test_sharded_run_from_the_meta_device_goes_on_without_its_mllm_in_the_checkpoint(out: Path, tmp_path: Path) -> None:
    kept = torch.load(out / "sharded_pretrained/steps/step=2.ckpt", weights_only=True)
    assert not [key for key in kept["state_dict"] if key.startswith("mllm.")]
    assert kept[LEFT_OUT]["mllm"]["folder"].endswith("weights/nano/mllm")
    assert_same_weights(out / "sharded_pretrained_resumed", out / "one_pretrained")
    train(tmp_path, "pretrained", 1, out / "sharded_pretrained/steps/step=3.ckpt")
    assert_same_weights(tmp_path, out / "one_pretrained")


@pytest.mark.parametrize("case", ["images", "dit"])
def test_micro_batches_equal_one_big_batch(out: Path, case: str, tmp_path: Path) -> None:
    train(tmp_path, case, 1, accumulate=2)
    assert_same_weights(tmp_path, folder_of_one(out, case))


@pytest.mark.smoke
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_documented_command_trains_and_leaves_one_model(tmp_path: Path, strategy: str) -> None:
    args = ["--config", "conf/stage2.yaml", "--config", f"conf/strategy/{strategy}.yaml"]
    args += ["--trainer.devices", "2", "--trainer.accelerator", "cpu"]
    args += ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2", "--data.batch_size", "2"]
    args += ["--data.num_val", "1", "--data.num_workers", "0", "--trainer.enable_progress_bar", "false"]
    args += ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.default_root_dir", str(tmp_path)]
    start("-m", "veggie_pl", "fit", *args)
    run = tmp_path / "stage2/version_0"
    assert all(value.isfinite().all() for value in load_model(run / "model").state_dict().values())
    kept = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert kept["global_step"] == 2
