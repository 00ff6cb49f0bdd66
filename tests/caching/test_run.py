"""Caches that are filled ahead give a run the losses it would have had, bit for bit, and nothing is encoded in it."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from safetensors.torch import load_file
from support.cached import Losses, cached_module, callbacks, counted, filler_of
from support.parts import fit, make_data

from veggie_pl.caching.run import Filled, Rows, fill_all
from veggie_pl.caching.work import portions_of
from veggie_pl.callbacks.error_budget import BudgetError
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.table.quarantine import RunLog
from veggie_pl.models.cache import CacheError
from veggie_pl.module import VeggieModule

STEPS, BATCH = 3, 4


def trained(
    module: VeggieModule, workers: int = 0, steps: int = STEPS, frames: int = 1, **options: object
) -> list[float]:
    losses = Losses()
    keep = options.pop("keep", None)
    more = [losses] if keep is None else [losses, keep]
    fit(module, make_data(frames, num_workers=workers, batch_size=BATCH), steps, callbacks=callbacks(*more), **options)
    return losses.losses


def filled(
    module: VeggieModule, data: VeggieDataModule, folder: Path, workers: int = 0, here: bool = True, bad: float = 0.1
) -> Filled:
    rows = Rows(data.mixture, portions_of(data.mixture, STEPS * BATCH), filler_of(module), here)
    found = Filled()
    fill_all(rows, found, RunLog(folder / "ledger.jsonl"), workers, 3, bad)
    return found


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def without(home: Path) -> list[float]:
    return trained(cached_module(home))


def test_cold_warm_resumed_and_no_cache_give_the_same_losses(home: Path, without: list[float], tmp_path: Path) -> None:
    assert len(set(without)) == STEPS
    keep = ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{step}")
    cold, warm = (cached_module(home, tmp_path) for _ in range(2))
    with counted(cold) as encoded:
        assert trained(cold, keep=keep) == without
    assert encoded["latents"] >= 2 * STEPS * BATCH
    assert encoded["features"]
    with counted(warm) as encoded:
        assert trained(warm, workers=2) == without
    assert encoded == {"latents": 0, "features": 0}
    resumed = cached_module(home, tmp_path)
    with counted(resumed) as encoded:
        assert trained(resumed, ckpt_path=str(tmp_path / "step=1.ckpt")) == without[1:]
    assert encoded == {"latents": 0, "features": 0}


@pytest.mark.parametrize(("workers", "here"), [(0, True), (2, True), (1, False)])
def test_a_run_after_filling_encodes_nothing(
    workers: int, here: bool, home: Path, without: list[float], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = filled(cached_module(home, tmp_path), make_data(1, batch_size=BATCH), tmp_path, workers, here)
    assert found.rows == {"filled" if here else "to fill": STEPS * BATCH}
    assert found.entries == {"made": 3 * STEPS * BATCH}
    assert len(entries(tmp_path)) == 3 * STEPS * BATCH
    module = cached_module(home, tmp_path)
    with counted(module) as encoded:
        assert trained(module) == without
    assert encoded == {"latents": 0, "features": 0}
    assert f"cached latents: {2 * STEPS * BATCH} found, 0 made, 0 damaged" in caplog.text
    again = filled(cached_module(home, tmp_path), make_data(1, batch_size=BATCH), tmp_path, workers, here)
    assert again.rows == {"present": STEPS * BATCH}
    assert not again.entries


def test_clips_are_kept_as_pictures_are(home: Path, tmp_path: Path) -> None:
    plain, warm = cached_module(home), cached_module(home, tmp_path)
    filled(cached_module(home, tmp_path), make_data(2, batch_size=BATCH), tmp_path)
    with counted(warm) as encoded:
        assert trained(warm, steps=1, frames=2) == trained(plain, steps=1, frames=2)
    assert encoded == {"latents": 0, "features": 0}


def test_a_killed_command_leaves_whole_entries_and_goes_on(home: Path, tmp_path: Path) -> None:
    module = cached_module(home, tmp_path)
    child = os.fork()
    if not child:
        try:
            filled(module, make_data(1, batch_size=BATCH), tmp_path)
        finally:
            os._exit(0)
    while len(entries(tmp_path)) < 5:
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    before = entries(tmp_path)
    assert all(load_file(path) for path in before)
    found = filled(module, make_data(1, batch_size=BATCH), tmp_path)
    assert found.entries["made"] == 3 * STEPS * BATCH - len(before)
    assert len(entries(tmp_path)) == 3 * STEPS * BATCH


def test_what_cannot_be_read_is_counted_and_too_much_of_it_ends_the_command(home: Path, tmp_path: Path) -> None:
    data = make_data(1, batch_size=BATCH, bad=0.3)
    found = filled(cached_module(home, tmp_path), data, tmp_path)
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert 0 < found.bad.total() == len(lines) == found.rows["missing"]
    assert '"reason": "the file is empty"' in lines[0]
    assert f"{found.bad.total()} examples that cannot be read left out" in str(found)
    rows = Rows(data.mixture, portions_of(data.mixture, 100), filler_of(cached_module(home, tmp_path)), True)
    with pytest.raises(BudgetError, match=r"11 of \d+ rows of editing cannot be read, more than .*max_bad of 0.1"):
        fill_all(rows, Filled(), RunLog(tmp_path / "ledger.jsonl"), 0, BATCH, 0.1)


def test_damaged_entries_are_made_again_and_counted(home: Path, without: list[float], tmp_path: Path) -> None:
    filled(cached_module(home, tmp_path), make_data(1, batch_size=BATCH), tmp_path)
    for path in entries(tmp_path)[::4]:
        path.write_bytes(path.read_bytes()[:-2])
    module = cached_module(home, tmp_path)
    assert trained(module) == without
    caches = (module.vae.cache, module.mllm.features.tensors)
    assert sum(cache.counts["damaged"] for cache in caches) == sum(cache.counts["made"] for cache in caches)
    assert sum(cache.counts["made"] for cache in caches) == -(-3 * STEPS * BATCH // 4)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_full_disk_is_one_clear_error(workers: int, home: Path, tmp_path: Path) -> None:
    (tmp_path / "latents").write_text("in the way")
    module = cached_module(home, tmp_path)
    with pytest.raises(CacheError, match=r"^the cache .*latents takes no more"):
        filled(module, make_data(1, batch_size=BATCH), tmp_path, workers)


def test_other_weights_find_nothing(home: Path, tmp_path: Path) -> None:
    filled(cached_module(home, tmp_path), make_data(1, batch_size=BATCH), tmp_path)
    other = cached_module(home, tmp_path)
    with torch.no_grad():
        other.vae.vae.encoder.conv_out.weight[0, 0, 0, 0] += 1e-3
        other.mllm.model.base_model.multi_modal_projector.linear_2.bias[0] += 1e-3
    found = filled(other, make_data(1, batch_size=BATCH), tmp_path)
    assert found.entries == {"made": 3 * STEPS * BATCH}
