"""Schedulers that cannot be learned with, or whose chance no seed fixes, are refused before anything is built."""

import numpy as np
import pytest
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
)
from diffusers.configuration_utils import register_to_config

from veggie_pl.diffusion.denoising import check_scheduler
from veggie_pl.diffusion.objective import Objective

TO_NOISE = np.append(np.linspace(1e-4, 0.02, 99), 1.0)  # the last beta leaves nothing of the picture


@pytest.mark.parametrize("kind", [DDIMScheduler, DDPMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler])
def test_epsilon_with_zero_terminal_snr_is_one_line(kind: type) -> None:
    with pytest.raises(
        ValueError, match=r"epsilon does not go with zero terminal SNR.*v_prediction or sample"
    ) as error:
        check_scheduler(kind(prediction_type="epsilon", rescale_betas_zero_snr=True))
    assert "\n" not in str(error.value)
    for predicted in ("v_prediction", "sample"):
        check_scheduler(kind(prediction_type=predicted, rescale_betas_zero_snr=True))
    check_scheduler(kind(prediction_type="epsilon"))


@pytest.mark.parametrize("kind", [DDIMScheduler, DDPMScheduler])
def test_betas_of_ones_own_that_end_in_noise_are_seen(kind: type) -> None:
    with pytest.raises(ValueError, match="zero terminal SNR"):
        check_scheduler(kind(100, trained_betas=TO_NOISE, prediction_type="epsilon"))
    check_scheduler(kind(100, trained_betas=TO_NOISE, prediction_type="sample"))
    check_scheduler(kind(prediction_type="epsilon", beta_schedule="squaredcos_cap_v2"))  # ends at 2e-9, not at 0


def test_betas_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match=r"betas must lie in \[0, 1\]"):
        check_scheduler(DDIMScheduler(3, trained_betas=[0.1, 0.2, 1.5]))


def test_unknown_predictions_name_the_choices() -> None:
    with pytest.raises(ValueError, match=r"predicts 'flow_prediction'; .* epsilon, v_prediction, sample"):
        check_scheduler(DPMSolverMultistepScheduler(prediction_type="flow_prediction"))
    with pytest.raises(ValueError, match="predicts None"):
        check_scheduler(FlowMatchHeunDiscreteScheduler())


def test_objective_refuses_at_construction_and_in_exchange() -> None:
    bad = DDIMScheduler(prediction_type="epsilon", rescale_betas_zero_snr=True)
    with pytest.raises(ValueError, match="zero terminal SNR"):
        Objective(bad)
    objective = Objective(DDIMScheduler())
    with pytest.raises(ValueError, match="zero terminal SNR"):
        objective.scheduler = bad


def test_chance_that_no_seed_reaches_is_refused() -> None:
    class Tree(DDIMScheduler):  # as DPMSolverSDEScheduler, which needs torchsde
        @register_to_config
        def __init__(self, noise_sampler_seed: int | None = None) -> None:
            super().__init__()

    with pytest.raises(ValueError, match="Tree draws noise that the seed of an edit does not reach"):
        check_scheduler(Tree())
