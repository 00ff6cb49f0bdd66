"""The command line as a user meets it: every mistake is one line, exit code 1, and nothing half-written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.command_line import error_of
from support.fake import bad_files, write_fake

from veggie_pl.cli import COMMANDS, main
from veggie_pl.module import VeggieModule
from veggie_pl.video.clip import ClipFile

ROOT = Path(__file__).resolve().parent.parent


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    assert {"fit", "validate", "test", "edit", "predict", "export", "preview", "pretrain"} <= COMMANDS.keys()


def test_unknown_command_names_the_choices() -> None:
    assert "unknown command 'fitt'; the choices are fit, validate" in error_of(["fitt"])


@pytest.mark.parametrize("command", ["edit", "predict"])
def test_help_of_a_command_has_defaults(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for option in ("--model", "--steps", "--guidance-task", "--guidance-source", "--seed", "--output"):
        assert option in text


def test_edit_writes_video_mask_and_picture(tmp_path: Path, model_folder: Path) -> None:
    source = write_fake(tmp_path / "in.mp4", 10, 64, 48, 12.0)
    out, mask = tmp_path / "out.mp4", tmp_path / "mask.mp4"
    options = ["--model", str(model_folder), "--mask", str(mask), "--steps", "1", "--guidance-task", "2", "--seed", "3"]
    main(["edit", str(source), "label the square with red masks", "-o", str(out), *options])
    assert ClipFile(out).info == ClipFile(source).info == ClipFile(mask).info
    assert (tmp_path / "out_comparison.png").is_file()


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "noise", "missing", "folder"])
def test_edit_of_what_is_no_clip_is_one_line(tmp_path: Path, model_folder: Path, kind: str) -> None:
    (tmp_path / "bad").mkdir()
    source = bad_files(tmp_path / "bad")[kind]
    message = error_of(["edit", str(source), "remove it", "-o", str(tmp_path / "o.mp4"), "--model", str(model_folder)])
    assert str(source) in message
    assert "\n" not in message
    assert not list(tmp_path.glob("*o*.mp4"))


def test_edit_to_where_nothing_can_be_written(tmp_path: Path, model_folder: Path) -> None:
    source = str(write_fake(tmp_path / "in.mp4", 2))
    for output in ("no/such/o.mp4", "o.xyz"):
        message = error_of(["edit", source, "remove it", "-o", str(tmp_path / output), "--model", str(model_folder)])
        assert str(tmp_path / output) in message


def test_edit_without_a_model_names_the_command(tmp_path: Path) -> None:
    source = str(write_fake(tmp_path / "in.mp4", 2))
    message = error_of(["edit", source, "x", "-o", str(tmp_path / "o.mp4"), "--model", str(tmp_path / "none")])
    assert "no model folder" in message
    assert "python -m veggie_pl fit" in message


def test_edit_lacking_arguments() -> None:
    assert "instruction, output" in error_of(["edit", "in.mp4"])


def test_impossible_steps_are_an_error(tmp_path: Path, model_folder: Path) -> None:
    source = str(write_fake(tmp_path / "in.mp4", 2))
    args = ["edit", source, "x", "-o", str(tmp_path / "o.mp4"), "--model", str(model_folder)]
    assert "num_steps must be in 1 .. 1000, got 0" in error_of([*args, "--steps", "0"])
    assert not (tmp_path / "o.mp4").exists()


def test_predict_edits_a_folder_and_skips_what_it_cannot_read(
    tmp_path: Path, model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("a", "b"):
        write_fake(clips / f"{name}.mp4", 3)
        (clips / f"{name}.txt").write_text("remove the red circle\n")
    (clips / "broken.mp4").write_bytes(b"no video")
    (clips / "broken.txt").write_text("remove it")
    write_fake(clips / "silent.mp4", 3)
    with caplog.at_level("INFO"):
        main(["predict", str(clips), "-o", str(tmp_path / "out"), "--model", str(model_folder)])
    assert {path.name for path in (tmp_path / "out").glob("*.mp4")} == {"a.mp4", "b.mp4"}
    assert "2 edited, 2 skipped" in caplog.text
    assert "broken.mp4" in caplog.text
    assert "silent.txt" in caplog.text


def test_predict_writes_masks_of_the_kinds_that_edit_does(tmp_path: Path, model_folder: Path) -> None:
    (tmp_path / "clips").mkdir()
    write_fake(tmp_path / "clips/a.mp4", 2)
    words = "highlight the red circle with blue masks"
    args = ["predict", str(tmp_path / "clips"), words, "-o", str(tmp_path / "out"), "--model", str(model_folder)]
    for kind in ("json", "png"):
        main([*args, "--masks", kind])
    assert len(list((tmp_path / "out/a_mask").glob("*.png"))) == 2
    assert (tmp_path / "out/a_mask.json").read_text().startswith("{")
    assert "masks" in error_of([*args, "--masks", "gif"])


def test_predict_gives_up_over_the_budget(tmp_path: Path, model_folder: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.mp4").write_bytes(b"no video")
    args = ["predict", str(tmp_path), "x", "-o", str(tmp_path / "out"), "--model", str(model_folder)]
    assert "gave up after 2 files" in error_of([*args, "--max_errors", "1"])


def test_predict_of_nothing_names_the_kinds(tmp_path: Path, model_folder: Path) -> None:
    assert "no video or image" in error_of(["predict", str(tmp_path), "x", "-o", str(tmp_path / "out")])
    assert "no such folder" in error_of(["predict", str(tmp_path / "none"), "x", "-o", str(tmp_path / "out")])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--model.drop_tsk", "3"], "did you mean model.drop_task"),
        (["--trainer.max_steps", "lots"], "trainer.max_steps"),
        (["--config", "conf/none.yaml"], "none.yaml"),
        (["--data.streams", "null"], "data.streams"),
        (["--freeze.frozen", "[vae, mlm]"], r"cannot freeze \['mlm'\]; the parts are \['mllm', 'queries'"),
        (["--init_from.folders", "[none]"], "no model folder"),
        (["--model.mllm.init_args.folder", "none"], "no MLLM at 'none'"),
        (["--model.skill_weights", "{juggling: 2}"], "juggling"),
        (["--ckpt_path", "none.ckpt"], "none.ckpt"),
    ],
)
def test_fit_with_a_mistake_is_one_line(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    run = ["--trainer.logger", "false", "--trainer.default_root_dir", str(tmp_path), "--trainer.max_steps", "1"]
    message_given = error_of(["fit", "--config", "conf/stage1.yaml", *run, *args])
    assert re.search(message, message_given), message_given
    assert not list(tmp_path.rglob("*.ckpt"))


def test_unknown_key_in_a_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "bad.yaml").write_text("model: {drop_tsk: 0.1}\n")
    message = error_of(["fit", "--config", "conf/stage1.yaml", "--config", str(tmp_path / "bad.yaml")])
    assert "did you mean model.drop_task" in message


def test_traceback_on_request(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        main(["predict", str(tmp_path / "none"), "x", "-o", str(tmp_path / "out"), "--debug"])


@pytest.mark.slow
def test_process_ends_with_one_line_and_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "veggie_pl", "edit", "none.mp4", "x", "-o", str(tmp_path / "o.mp4")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "error: none.mp4: no such file"
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_out_of_memory_names_the_three_cheapest_switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(VeggieModule, "training_step", full)
    monkeypatch.chdir(ROOT)
    args = ["fit", "--config", "conf/stage2.yaml", "--trainer.max_steps", "1", "--data.batch_size", "8"]
    args += ["--trainer.default_root_dir", str(tmp_path), "--trainer.logger", "false", "--data.num_workers", "0"]
    args += ["--trainer.callbacks", "null", "--trainer.accelerator", "cpu"]
    said = error_of(args)
    assert said.startswith("error: out of memory")
    assert said.count(";") == 2
    for switch in ("viddm.init_args.gradient_checkpointing true", "accumulate_grad_batches 8"):
        assert switch in said


@pytest.mark.parametrize("args", ["--help", "fit --help", "fit --config conf/stage1.yaml --print_config"])
def test_a_reader_that_goes_away_is_no_error(args: str) -> None:
    command = f"{sys.executable} -m veggie_pl {args} | :; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode in (0, 141)  # 0 where all went into the pipe before its reader had gone
    assert not done.stderr
