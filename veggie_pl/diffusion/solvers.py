"""Other ways along a model's noise schedule: diffusers' solvers, some of which need fewer steps."""

import inspect
from typing import Any

from veggie_pl.errors import UseError

SOLVERS = (  # deterministic, and able to take another's schedule
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "UniPCMultistepScheduler",
)


def check_solver(name: str) -> None:
    """Look whether there is a solver of that name.

    Raises:
        UseError: If not; the message names the choices.
    """
    if name not in SOLVERS:
        raise UseError(f"no solver {name!r}; the choices are {', '.join(SOLVERS)}")


def solver_like(scheduler: Any, name: str) -> Any:
    """Make the solver of that name for the noise schedule, prediction and spacing of a scheduler.

    Raises:
        UseError: If there is none, or it does not know what the model was trained for.
    """
    import diffusers

    check_solver(name)
    if isinstance(scheduler, diffusers.FlowMatchEulerDiscreteScheduler) or scheduler.config.get("use_flow_sigmas"):
        raise UseError(f"{name} steps along diffusion, and this model is one of rectified flow: leave the solver out")
    kind = getattr(diffusers, name)
    # Without the list of what was left at its default: another class has other defaults for the same noise.
    config = {key: value for key, value in scheduler.config.items() if key != "_use_default_values"}
    if config.get("rescale_betas_zero_snr") and "rescale_betas_zero_snr" not in inspect.signature(kind).parameters:
        raise UseError(f"{name} does not know zero terminal SNR, which this model was trained with")
    return kind.from_config(config)
