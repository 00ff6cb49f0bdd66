"""Options that cannot be are said in one line, before anything is read or loaded."""

from pathlib import Path

import pytest
import torch
from jsonargparse import Namespace

from veggie_pl.cli import main
from veggie_pl.commands.judging import MAX_SEED, judge_options


def options(**changed: object) -> Namespace:
    given = {
        "model": None,
        "steps": None,
        "guidance_task": None,
        "guidance_source": None,
        "seed": 0,
        "solver": None,
        "reuse": 1,
        "long": None,
        "window": None,
        "overlap": None,
    }
    return Namespace(**{**given, "instruction": "remove it", "device": "cpu", **changed})


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--steps", "0"], "num_steps must be in 1 .. 1000, got 0"),
        (["--steps", "1001"], "num_steps must be in 1 .. 1000, got 1001"),
        (["--guidance-task", "nan"], "--guidance-task must be a finite number or null, got nan"),
        (["--guidance-source=inf"], "--guidance-source must be a finite number or null, got inf"),
        (["--seed", "-1"], f"--seed must be in 0 .. {MAX_SEED}, got -1"),
        (["--seed", str(2**70)], f"got {2**70}"),
        (["--guidance-task", ".nan"], "--guidance-task must be a finite number, got nan"),
        (["--steps", "many"], "--steps must be a whole number or null, got many"),
        (["--device", "tpu"], "--device tpu: the choices are auto, cpu and cuda"),
        (["--device", "cuda:x"], "--device cuda:x: the choices are"),
        (["--solver", "Magic"], "no solver 'Magic'; the choices are DDIMScheduler"),
        (["--reuse", "0"], "--reuse must be 1 or more, got 0"),
        (["--window", "0"], "window must be 1 frame or more, got 0"),
        (["--window", "4", "--overlap", "4"], "overlap must be below the window of 4 frames, got 4"),
        (["--guidance", "2"], "guidance"),
        (["--dev", "cpu"], "did you mean device"),
    ],
)
@pytest.mark.parametrize("command", ["edit", "predict"])
def test_odd_value_is_one_line(tmp_path: Path, command: str, args: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, str(tmp_path / "none"), "remove it", "-o", str(tmp_path / "out.mp4"), *args])
    message = str(stopped.value.code)
    assert said in message
    assert "\n" not in message
    assert "traceback" not in message
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("instruction", ["", " \n", "\u200b\u2060", "\ufeff\u00ad", "\u3164\u2800"])
def test_instruction_that_shows_nothing_is_empty(instruction: str) -> None:
    with pytest.raises(ValueError, match="the instruction is empty"):
        judge_options(options(instruction=instruction))


def test_what_can_be_is_taken() -> None:
    judge_options(options(steps=1000, guidance_task=0.0, seed=MAX_SEED, instruction="把红色方块\n变成蓝色 🎨"))
    judge_options(options(instruction=None, device="auto"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_not_there(tmp_path: Path) -> None:
    for name in ("cuda", "cuda:1"):
        with pytest.raises(ValueError, match=rf"--device {name}: torch .* finds no GPU here"):
            judge_options(options(device=name))


def test_value_of_a_wrong_kind_names_the_option_as_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(tmp_path), "-o", str(tmp_path / "out"), "--steps=few"])
    assert stopped.value.code == "error: --steps must be a whole number or null, got few"
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(tmp_path), "--near", "x"])
    assert stopped.value.code == "error: --near must be a whole number or null, got x"
