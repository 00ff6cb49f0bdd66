"""`cache` says what it will take, fills the caches of a run, and is the run's only time of encoding."""

import os
import re
import signal
from pathlib import Path

import pytest
import yaml
from support.checkpoints import sd_vae
from support.command_line import error_of
from support.starts import Starts
from support.ticking import HANGS, wait_for

from veggie_pl.cli import main

STEPS, BATCH = 2, 3


@pytest.fixture
def config(tmp_path: Path) -> list[str]:
    """Stage 1 at the pico size, but with a codec of Stable Diffusion's kind, and caches for it and for the MLLM."""
    sd_vae().save_pretrained(tmp_path / "vae")
    pico = yaml.safe_load(Path("conf/ablation/pico.yaml").read_text())["model"]["viddm"]["init_args"]["unet_config"]
    model = {
        "vae": {
            "class_path": "veggie_pl.models.KlCodec",
            "init_args": {"folder": str(tmp_path / "vae"), "cache": str(tmp_path / "kept")},
        },
        "mllm": {"init_args": {"cache": str(tmp_path / "kept")}},
        "viddm": {"init_args": {"unet_config": {**pico, "in_channels": 8, "out_channels": 4}}},
    }
    trainer = {"max_steps": STEPS, "default_root_dir": str(tmp_path), "callbacks": None, "precision": "bf16-mixed"}
    trainer |= {"enable_checkpointing": False, "devices": 1, "accelerator": "cpu"}
    settings = {"model": model, "trainer": trainer, "data": {"batch_size": BATCH, "num_workers": 0}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(settings))
    files = ["conf/stage1.yaml", "conf/ablation/pico.yaml", str(tmp_path / "own.yaml")]
    return [word for file in files for word in ("--config", file)]


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_cache_says_its_size_fills_and_leaves_nothing_to_encode(
    config: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    main(["cache", *config, "--dry-run"])
    said = " ".join(re.sub(r"[^\w./,-]+", " ", capsys.readouterr().out).split())
    samples = STEPS * BATCH
    assert f"For {samples} samples of the run. What is there already is not made again." in said
    assert re.search(rf" total {samples} {2 * samples} [\d.e-]+ {samples} [\d.e-]+ ", said)
    assert re.search(rf"{tmp_path}/kept [\d.e-]+ GB at most, [\d.e]+ GB free", said)
    assert not entries(tmp_path / "kept")
    main(["cache", *config, "--workers", "1"])
    assert f"{3 * samples} entries made, 0 examples there before" in caplog.text
    assert len(entries(tmp_path / "kept")) == 3 * samples
    main(["cache", *config, "--workers", "0"])
    assert f"0 entries made, {samples} examples there before" in caplog.text
    main(["fit", *config])
    assert f"cached latents: {2 * samples} found, 0 made, 0 damaged" in caplog.text
    assert f"cached features: {samples} found, 0 made, 0 damaged" in caplog.text


def test_a_config_without_caches_is_an_error_that_names_the_settings() -> None:
    said = error_of(["cache", "--config", "conf/stage1.yaml", "--config", "conf/ablation/pico.yaml"])
    assert "there is no cache to fill: name a folder, --model.vae.init_args.cache FOLDER" in said


def test_fewer_than_no_processes_are_an_error(config: list[str]) -> None:
    assert "--workers must be at least 0, got -1" in error_of(["cache", *config, "--workers", "-1"])


@pytest.mark.slow
def test_ctrl_c_leaves_whole_entries_and_says_how_many(config: list[str], tmp_path: Path, starts: Starts) -> None:
    command = ["cache", *config, "--trainer.max_steps", "100000", "--workers", "1"]
    with starts.start(command, tmp_path / "log", session=True) as process:
        wait_for(process, lambda: len(entries(tmp_path / "kept")) > 5, "the fifth entry")
        os.killpg(process.pid, signal.SIGINT)
        process.wait(HANGS)
    said = (tmp_path / "log").read_text()
    assert process.returncode == 1, said
    assert said.endswith("interrupted\n")
    assert re.search(r"[1-9]\d* entries made, 0 examples there before", said)
    assert "Traceback" not in said
    assert not list((tmp_path / "kept").rglob("*.partial"))
