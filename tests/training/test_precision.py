"""What to compute in: where bfloat16 is faster it is bfloat16, a name always wins, and a run says which and why."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch.demos.boring_classes import BoringModel
from PIL import Image
from support.fake import write_fake

from veggie_pl.callbacks import KeepPrecision
from veggie_pl.cli import main
from veggie_pl.commands import configs
from veggie_pl.commands.configs import PreciseCLI, StepsCLI, VeggieCLI
from veggie_pl.commands.pretrain import PretrainCLI
from veggie_pl.files import CONF
from veggie_pl.inference.pipeline import VeggiePipeline
from veggie_pl.model_folder import load_model
from veggie_pl.training import precision
from veggie_pl.training.precision import FULL, MIXED, VARIABLE, best_precision, cpu_gain, for_capability, for_gain

BOTH = pytest.mark.parametrize("forced", [MIXED, FULL])


@pytest.fixture
def unforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(precision, "cpu_gain", cpu_gain.__wrapped__)  # not what this process has found before


def clock(monkeypatch: pytest.MonkeyPatch, full: float, mixed: float) -> list[torch.dtype]:
    """A CPU that takes these seconds for a product; returns the products it was asked for."""
    asked: list[torch.dtype] = []

    def seconds(run: Any) -> float:
        asked.append(run().dtype)
        busy = 100.0 if len(asked) % 3 == 0 else 1.0  # now and then something else runs
        return busy * (mixed if asked[-1] == torch.bfloat16 else full)

    monkeypatch.setattr(precision, "_seconds", seconds)
    return asked


@pytest.mark.parametrize(
    ("full", "mixed", "expected"),
    [(0.01, 0.002, MIXED), (0.01, 0.009, FULL), (0.01, 0.01, FULL), (0.01, 0.03, FULL), (0.01, 0.35, FULL)],
)
@pytest.mark.usefixtures("unforced")
def test_cpu_is_asked_what_it_multiplies_faster(
    full: float, mixed: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = clock(monkeypatch, full, mixed)
    choice = best_precision("cpu")
    assert choice.precision == expected
    assert choice.mixed == (choice.dtype == torch.bfloat16) == (expected == MIXED)
    assert "bfloat16" in choice.reason
    assert "\n" not in str(choice)
    assert asked[:2] == [torch.float32, torch.bfloat16]  # in turn, so that other work meets both
    assert len(asked) == (10 if mixed > 0.2 else 20)  # where it is hopeless nobody waits for large products


@pytest.mark.usefixtures("unforced")
def test_cpu_is_measured_once_a_process_and_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = clock(monkeypatch, 0.01, 0.002)
    before = torch.get_num_threads()
    monkeypatch.setattr(precision, "cpu_gain", cpu_gain)
    cpu_gain.cache_clear()
    try:
        assert {best_precision("cpu") for _ in range(3)} == {for_gain(5.0)}
    finally:
        cpu_gain.cache_clear()
    assert len(asked) == 20
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("capability", "expected"), [((6, 1), FULL), ((7, 5), FULL), ((8, 0), MIXED), ((8, 9), MIXED), ((12, 0), MIXED)]
)
def test_gpu_is_judged_by_its_capability(capability: tuple[int, int], expected: str) -> None:
    choice = for_capability(capability)
    assert choice.precision == expected
    assert f"{capability[0]}.{capability[1]}" in choice.reason


@pytest.mark.usefixtures("unforced")
def test_oldest_gpu_that_is_used_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(9, 0), (7, 5), (8, 0)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(found))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: found[index])
    assert best_precision("cuda").precision == FULL
    assert best_precision("cuda", [0, 2]).precision == MIXED
    assert best_precision("cuda", [1]).precision == FULL


@pytest.mark.usefixtures("unforced")
def test_other_devices_compute_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 0.01, 0.002)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert best_precision("mps").precision == FULL
    assert best_precision("cuda").precision == FULL  # what uses it says that there is none


@BOTH
def test_answer_can_be_forced(forced: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, forced)
    assert best_precision("cpu").precision == best_precision("cuda").precision == forced
    assert VARIABLE in best_precision("cpu").reason
    monkeypatch.setenv(VARIABLE, "bf16")
    with pytest.raises(ValueError, match="VEGGIE_PRECISION is 'bf16'; the choices are bf16-mixed and 32-true"):
        best_precision("cpu")


@BOTH
def test_trainer_computes_in_it_and_a_name_wins(forced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, forced)
    other = FULL if forced == MIXED else MIXED
    (tmp_path / "mine.yaml").write_text(f"trainer: {{precision: {other}}}\n")
    mine = ["--config", str(tmp_path / "mine.yaml")]
    plugin = ["--trainer.plugins", "{class_path: lightning.pytorch.plugins.precision.DoublePrecision}"]
    for cli in (StepsCLI, PreciseCLI):
        for args, expected, chosen in (
            ([], forced, True),
            (["--trainer.precision", other], other, False),
            (mine, other, False),
            ([*mine, "--trainer.precision", forced], forced, False),
            ([*mine, "--trainer.precision", "null"], forced, True),
            (plugin, "64-true", False),
        ):
            trainer = cli(BoringModel, args=["--trainer.accelerator", "cpu", *args], run=False).trainer
            kept = [one.choice for one in trainer.callbacks if isinstance(one, KeepPrecision)]
            assert trainer.precision == expected
            assert [choice is not None for choice in kept] == [chosen]


def test_all_commands_with_a_trainer_choose_and_no_config_does_it_for_them() -> None:
    assert all(issubclass(cli, PreciseCLI) for cli in (VeggieCLI, configs.TestCLI, PretrainCLI))
    named = {path: yaml.safe_load(path.read_text()) for path in CONF.rglob("*.yaml")}
    assert not {path for path, config in named.items() if (config.get("trainer") or {}).get("precision") is not None}


@BOTH
def test_fit_says_what_it_computes_in(
    forced: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(CONF.parent)
    monkeypatch.setenv(VARIABLE, forced)
    args = ["fit", "--config", "conf/stage1.yaml", "--trainer.max_steps", "1"]
    args += ["--data.batch_size", "2", "--data.num_workers", "0", "--trainer.limit_val_batches", "0"]
    args += ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.enable_progress_bar", "false"]
    with caplog.at_level("INFO"):
        main([*args, "--trainer.accelerator", "cpu"])
    assert [line for line in caplog.messages if line.startswith("precision: ")] == [str(best_precision("cpu"))]
    last = torch.load(next(tmp_path.rglob("last.ckpt")), weights_only=True)
    assert last["callbacks"]["KeepPrecision"] == {"precision": forced}


@BOTH
def test_edit_computes_in_it_and_says_so_once(
    forced: str,
    tmp_path: Path,
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(VARIABLE, forced)
    precision._say.cache_clear()
    mixed = []
    inner = type(load_model(model_folder)).edit

    def edit(self: Any, *args: Any, **options: Any) -> Any:
        mixed.append(torch.is_autocast_enabled("cpu"))
        return inner(self, *args, **options)

    monkeypatch.setattr("veggie_pl.model.VeggieModel.edit", edit)
    source = write_fake(tmp_path / "in.mp4", 12)
    with caplog.at_level("INFO"):
        main(["edit", str(source), "remove it", "-o", str(tmp_path / "o.mp4"), "--model", str(model_folder)])
        VeggiePipeline.from_pretrained(model_folder)([Image.new("RGB", (16, 16))] * 2, "remove it")
    assert len(mixed) > 2
    assert set(mixed) == {forced == MIXED}
    assert caplog.text.count(f"precision: {forced}") == 1
