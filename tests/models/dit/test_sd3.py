import pytest
import torch
from support.image_transformers import denoiser, inputs

from veggie_pl.errors import UseError


def test_forward_is_the_librarys_own() -> None:
    model = denoiser("sd3").eval()
    noisy, source, timestep, tokens = inputs(frames=1)
    with torch.no_grad():
        model.pooled.vector.normal_()
        model.pooled.of_tokens.weight.normal_()
        pooled = model.pooled.vector + tokens[:, 0].mean(1) @ model.pooled.of_tokens.weight.T
        wanted = model.transformer(noisy[:, 0], tokens[:, 0], pooled, timestep, return_dict=False)[0]
        found = model(noisy, source, timestep, tokens)[:, 0]
        without = model.transformer(noisy[:, 0], tokens[:, 0], 0 * pooled, timestep, return_dict=False)[0]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    assert not torch.allclose(wanted, without)


def test_more_places_than_it_knows_are_an_error() -> None:
    noisy, _, timestep, tokens = inputs(frames=1)
    wide = noisy.repeat(1, 1, 1, 1, 5)
    with pytest.raises(UseError, match="knows places of 16 x 16 latent cells, not of 4 x 20"):
        denoiser("sd3")(wide, wide, timestep, tokens)
