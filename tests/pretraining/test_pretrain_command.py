"""`pretrain` leaves a whole MLLM or none, in its own place, and its readers of data outlive Ctrl-C."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from veggie_pl.cli import main
from veggie_pl.commands.pretrain import PretrainCLI
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.files import ROOT
from veggie_pl.models import Mllm
from veggie_pl.pretraining.lessons import LessonData

SHORT = ["pretrain", "--trainer.max_steps", "1", "--trainer.limit_val_batches", "0", "--trainer.logger", "false"]
SHORT += ["--data.batch_size", "2", "--data.num_clips", "1", "--data.num_workers", "0", "--trainer.accelerator", "cpu"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "weights").symlink_to(ROOT / "weights")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_mllm_is_replaced_by_a_whole_one_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = [*SHORT, "--trainer.default_root_dir", str(home), "--output", "out/mllm"]
    main(args)
    before = files(home / "out")
    tensors = load_file(home / "out/mllm/model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    Mllm("out/mllm")  # can be read

    def break_off(self: Mllm, folder: str) -> None:
        self.tokenizer.save_pretrained(folder)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Mllm, "save_pretrained", break_off)
        with pytest.raises(SystemExit, match="No space left"):
            main(args)
    assert files(home / "out") == before
    main([*args, "--trainer.fast_dev_run", "true"])  # tries, and keeps nothing
    assert files(home / "out") == before
    main([*args, "--seed_everything", "1"])
    assert files(home / "out").keys() == before.keys()
    assert files(home / "out") != before


def test_place_of_the_mllm_is_judged_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretrainCLI, "instantiate_classes", lambda _: pytest.fail("built"))
    (home / "mine").mkdir()
    (home / "mine/thesis.txt").write_text("years")
    for output, message in (
        ("mine", "--output mine exists and is no transformers folder"),
        ("mine/thesis.txt", "exists and is no transformers folder"),
        ("mine/thesis.txt/mllm", "no folder can be made there"),
        ("weights/nano/mllm", "the MLLM, lies in weights/nano/mllm, which is replaced"),
    ):
        with pytest.raises(SystemExit, match=f"error: .*{message}"):
            main([*SHORT, "--output", output])
    assert files(home / "mine") == {"thesis.txt": b"years"}


def test_readers_of_lessons_have_a_group_of_their_own() -> None:
    """So that Ctrl-C, which comes to the whole group of a terminal, leaves the step its data."""
    records = {name: ShapesRecords("train", num_frames=n, size=16) for name, n in (("images", 1), ("clips", 2))}
    data = LessonData(**records, val={}, batch_size=2, num_clips=1, num_workers=1)

    class Started:
        global_step = 0

    data.trainer = Started()  # type: ignore[assignment]
    batches = iter(data.train_dataloader())
    assert len(next(batches).good) == 2
    (worker,) = batches._workers
    assert os.getpgid(worker.pid) == worker.pid != os.getpgrp()
