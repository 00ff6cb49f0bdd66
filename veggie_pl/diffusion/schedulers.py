"""Which of diffusers' schedulers a model can be trained and sampled with."""

from typing import Any

import torch

from veggie_pl.errors import UseError

PREDICTIONS = ("epsilon", "v_prediction", "sample")


def check_scheduler(scheduler: Any) -> None:
    """Look whether the scheduler has a goal that can be learned, and chance that a seed fixes.

    Raises:
        UseError: If it predicts something unknown, its betas are none, it predicts the noise though its last timestep
            is nothing but noise (0 / 0 when the picture is computed from it), or it draws from where no seed reaches.
    """
    name, config = type(scheduler).__name__, scheduler.config
    predicted = config.get("prediction_type")
    if predicted not in PREDICTIONS:
        raise UseError(f"{name} predicts {predicted!r}; the choices of prediction_type are {', '.join(PREDICTIONS)}")
    if "noise_sampler_seed" in config:  # one for all clips, else the global generator's
        raise UseError(f"{name} draws noise that the seed of an edit does not reach; DPMSolverMultistepScheduler does")
    left = getattr(scheduler, "alphas_cumprod", torch.ones(1))
    if not bool(((left >= 0) & (left <= 1)).all()):
        raise UseError(f"{name}: betas must lie in [0, 1]")
    if predicted == "epsilon" and (config.get("rescale_betas_zero_snr") or not bool((left > 0).all())):
        raise UseError(
            f"{name}: prediction_type epsilon does not go with zero terminal SNR (rescale_betas_zero_snr, or betas "
            "that reach 1), since no picture can be told from nothing but noise; predict v_prediction or sample"
        )
