import torch
from diffusers import DDIMScheduler

from veggie_pl.diffusion.keep import cells_of, keep_outside
from veggie_pl.diffusion.process import process_of
from veggie_pl.diffusion.sampler import sample_latents

PROCESS = process_of(DDIMScheduler(prediction_type="sample", timestep_spacing="trailing"))
KNOWN, NOISE = torch.randn(2, 2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
CELLS = torch.zeros(2, 3, 5, 5, dtype=torch.bool)
CELLS[:, :, 1:3, 2] = True
FREE = CELLS[:, :, None].expand_as(KNOWN)


def test_outside_is_the_known_under_the_same_noise_at_every_step_and_clean_at_the_end() -> None:
    constrain = keep_outside(PROCESS, KNOWN, NOISE, CELLS)
    latents = torch.zeros_like(KNOWN)
    noised = PROCESS.mix(KNOWN, NOISE, torch.tensor([500, 500]))
    found = constrain(latents, torch.tensor(500))
    assert torch.equal(found[~FREE], noised[~FREE])
    assert torch.equal(found[FREE], latents[FREE])
    assert torch.equal(constrain(latents, torch.tensor(0))[~FREE], KNOWN[~FREE])


def test_sampling_changes_nothing_but_the_region() -> None:
    shown = []

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        shown.append(noisy)
        return torch.full_like(noisy, 0.5)

    out = sample_latents(predict, PROCESS, NOISE, 4, constrain=keep_outside(PROCESS, KNOWN, NOISE, CELLS))
    assert torch.equal(out[~FREE], KNOWN[~FREE])
    assert torch.allclose(out[FREE], torch.tensor(0.5), atol=1e-4)
    second = PROCESS.sampling(4, NOISE.shape[1:]).timesteps[1]
    assert torch.allclose(shown[1][~FREE], PROCESS.mix(KNOWN, NOISE, second.expand(2))[~FREE])


def test_cells_are_those_that_a_region_touches() -> None:
    region = torch.zeros(1, 2, 8, 8)
    region[0, 1, 3, 4] = 0.01
    cells = cells_of(region, (2, 4, 4))
    assert cells.nonzero().tolist() == [[0, 1, 1, 2]]
    assert cells_of(region, (1, 4, 4)).nonzero().tolist() == [[0, 0, 1, 2]]  # a codec that compresses time
