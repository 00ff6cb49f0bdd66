"""Solvers of diffusers along one noise schedule come to one end."""

from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import sample_latents
from veggie_pl.diffusion.solvers import SOLVERS, solver_like


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("prediction", ["sample", "epsilon", "v_prediction"])
def test_solvers_keep_the_schedule_and_come_to_the_known_end(name: str, prediction: str) -> None:
    """Of Gaussian pictures the best prediction is known, and where it leads."""
    mine = diffusers.DDIMScheduler(
        beta_schedule="scaled_linear", prediction_type=prediction, timestep_spacing="trailing", clip_sample=False
    )
    solver: Any = solver_like(mine, name)
    assert type(solver) is getattr(diffusers, name)
    torch.testing.assert_close(solver.alphas_cumprod, mine.alphas_cumprod)
    noise = torch.randn(1, 1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    scale = 0.5  # of the pictures

    def predict(noisy: Tensor, timestep: Tensor) -> Tensor:
        left = mine.alphas_cumprod[timestep.round().long()][:, None, None, None, None]
        picture = left.sqrt() * scale**2 * noisy / (left * scale**2 + 1 - left)
        drawn = (noisy - left.sqrt() * picture) / (1 - left).sqrt()
        velocity = left.sqrt() * drawn - (1 - left).sqrt() * picture
        return {"sample": picture, "epsilon": drawn, "v_prediction": velocity}[prediction]

    last = mine.alphas_cumprod[-1]
    expected = noise * scale / (last * scale**2 + 1 - last).sqrt()
    found = sample_latents(predict, process_of(solver), noise, 50)
    torch.testing.assert_close(found, expected, rtol=0.08, atol=0)


def test_what_does_not_fit_is_an_error() -> None:
    mine = diffusers.DDIMScheduler(prediction_type="sample")
    with pytest.raises(ValueError, match=r"no solver 'Magic'; the choices are DDIMScheduler, .*UniPC"):
        solver_like(mine, "Magic")
    with pytest.raises(ValueError, match="one of rectified flow: leave the solver out"):
        solver_like(diffusers.FlowMatchEulerDiscreteScheduler(), "UniPCMultistepScheduler")
    zero = diffusers.DDIMScheduler(prediction_type="sample", rescale_betas_zero_snr=True)
    with pytest.raises(ValueError, match="DEISMultistepScheduler does not know zero terminal SNR"):
        solver_like(zero, "DEISMultistepScheduler")
