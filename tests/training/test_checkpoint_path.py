"""Which checkpoint a run goes on from."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from veggie_pl.errors import UseError
from veggie_pl.training.checkpoint_path import find_checkpoint


def trainer(folder: Path, version: Any = None, **more: Any) -> Namespace:
    """The ``trainer:`` block of a run in ``folder/stage1``."""
    logger = {
        "class_path": "TensorBoardLogger",
        "init_args": {"save_dir": folder, "name": "stage1", "version": version},
    }
    return Namespace(**{"default_root_dir": str(folder / "stage1"), "callbacks": [], "logger": logger, **more})


def write(path: Path, age: int, best: Path | None = None) -> Path:
    """A checkpoint of so many seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"best_model_path": str(best or ""), "monitor": "val/score" if best else None}
    torch.save({"callbacks": {"ModelCheckpoint{}": state}}, path)
    now = path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


def versions(folder: Path, name: str = "last.ckpt") -> Path:
    return folder / "stage1" / "version_{}" / "checkpoints" / name


def test_last_is_the_newest_of_earlier_versions(tmp_path: Path) -> None:
    place = str(versions(tmp_path))
    write(Path(place.format(0)), 20)
    newest = write(Path(place.format(1)), 10)
    (tmp_path / "stage1/version_2/checkpoints").mkdir(parents=True)  # killed before it kept anything
    assert find_checkpoint("last", trainer(tmp_path)) == str(newest)


def test_hidden_folders_and_files_are_no_versions(tmp_path: Path) -> None:
    own = write(Path(str(versions(tmp_path)).format(0)), 20)
    write(tmp_path / "stage1/._version_1/checkpoints/last.ckpt", 10)
    write(tmp_path / "stage1/.trash/checkpoints/last.ckpt", 5)
    write(own.with_name("._last.ckpt"), 1)
    assert find_checkpoint("last", trainer(tmp_path)) == str(own)


def test_last_of_a_named_version_is_its_own(tmp_path: Path) -> None:
    write(Path(str(versions(tmp_path)).format(1)), 10)
    own = write(tmp_path / "stage1/nano/checkpoints/last.ckpt", 50)
    assert find_checkpoint("last", trainer(tmp_path, "nano")) == str(own)
    assert find_checkpoint("last", trainer(tmp_path, 1)).endswith("version_1/checkpoints/last.ckpt")
    with pytest.raises(UseError, match=r"no checkpoint in .*stage1/other/checkpoints"):
        find_checkpoint("last", trainer(tmp_path, "other"))


def test_a_run_that_was_killed_early_goes_on_from_what_it_kept(tmp_path: Path) -> None:
    kept = write(Path(str(versions(tmp_path, "step=500.ckpt")).format(0)), 10)
    assert find_checkpoint("last", trainer(tmp_path)) == str(kept)


def test_best_is_what_the_run_held_for_its_best_one(tmp_path: Path) -> None:
    best = write(Path(str(versions(tmp_path, "step=500.ckpt")).format(0)), 20)
    write(Path(str(versions(tmp_path)).format(0)), 10, best)
    assert find_checkpoint("best", trainer(tmp_path)) == str(best)
    moved = (tmp_path / "stage1").rename(tmp_path / "stage2")
    there = trainer(tmp_path)
    there.logger["init_args"]["name"] = "stage2"
    assert find_checkpoint("best", there) == str(moved / "version_0/checkpoints/step=500.ckpt")
    (moved / "version_0/checkpoints/step=500.ckpt").unlink()
    with pytest.raises(UseError, match="no best checkpoint that is still there"):
        find_checkpoint("best", there)


@pytest.mark.parametrize("given", ["last", "best", "hpc", "none.ckpt"])
def test_what_is_not_there_is_an_error(tmp_path: Path, given: str) -> None:
    with pytest.raises(UseError, match=given):
        find_checkpoint(given, trainer(tmp_path))


def test_missing_file_names_the_newest_that_is_there(tmp_path: Path) -> None:
    newest = write(Path(str(versions(tmp_path)).format(3)), 10)
    with pytest.raises(UseError, match=rf"no such checkpoint; the newest of this run is {newest}"):
        find_checkpoint(str(tmp_path / "none.ckpt"), trainer(tmp_path))


def test_torn_file_is_no_checkpoint(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ckpt", 0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UseError, match="not written to its end"):
        find_checkpoint(str(path), trainer(tmp_path))


def test_without_a_logger_and_with_a_folder_of_its_own(tmp_path: Path) -> None:
    plain = write(tmp_path / "stage1/checkpoints/last.ckpt", 5)
    assert find_checkpoint("last", trainer(tmp_path, logger=False)) == str(plain)
    own = write(tmp_path / "kept/last.ckpt", 5)
    callback = {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"dirpath": str(own.parent)}}
    assert find_checkpoint("last", trainer(tmp_path, callbacks=[callback])) == str(own)
