"""What can be said of the options of an edit before its model is loaded."""

import json
import math
from pathlib import Path

import torch
from jsonargparse import Namespace

from veggie_pl.batch import is_blank
from veggie_pl.diffusion.solvers import check_solver
from veggie_pl.errors import UseError
from veggie_pl.inference.long_clips import LongClips

MAX_SEED = 2**63 - 1  # what generators of torch take
NUM_TIMESTEPS = 1000  # diffusers' default of schedulers


def judge_options(options: Namespace) -> None:
    """Look at numbers, device and instruction.

    Raises:
        UseError: If one cannot be; the message names the option, the value and the choices.
    """
    limit = _num_timesteps(options.model)
    if options.steps is not None and not 1 <= options.steps <= limit:
        raise UseError(f"--steps: num_steps must be in 1 .. {limit}, got {options.steps}")
    for name in ("guidance_task", "guidance_source"):
        scale = options[name]
        if scale is not None and not math.isfinite(scale):
            raise UseError(f"--{name.replace('_', '-')} must be a finite number, got {scale}")
    if not 0 <= options.seed <= MAX_SEED:
        raise UseError(f"--seed must be in 0 .. {MAX_SEED}, got {options.seed}")
    LongClips(options.long, options.window, options.overlap)
    if options.solver is not None:
        check_solver(options.solver)
    if options.reuse < 1:
        raise UseError(f"--reuse must be 1 or more, got {options.reuse}")
    if options.instruction is not None and is_blank(options.instruction):
        raise UseError(f"the instruction is empty: {options.instruction!r}")
    find_device(options.device)


def find_device(name: str) -> torch.device:
    """Find the device of ``--device``; "auto" is a GPU where there is one.

    Raises:
        UseError: If it is not here, or is no device that edits run on.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if name not in ("cpu", "cuda") and not (kind == "cuda" and number.isdigit()):
        raise UseError(f"--device {name}: the choices are auto, cpu and cuda, or cuda:N for one of several GPUs")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UseError(f"--device {name}: torch {torch.__version__} finds no GPU here; --device cpu works anywhere")
    if number and int(number) >= torch.cuda.device_count():
        raise UseError(f"--device {name}: there are {torch.cuda.device_count()} GPUs here, counted from 0")
    return torch.device(name)


def _num_timesteps(folder: str | None) -> int:
    try:
        config = json.loads(Path(folder or "", "scheduler/scheduler_config.json").read_text())
        return int(config["num_train_timesteps"])
    except (OSError, ValueError, KeyError, TypeError):  # loading the model says what is wrong with its folder
        return NUM_TIMESTEPS
