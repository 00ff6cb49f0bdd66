"""Reference pictures behind the clip: clean, read by its frames, and not given back."""

import pytest
import torch
from support.denoisers import inputs, tiny

from veggie_pl.errors import UseError


@pytest.mark.parametrize("name", ["wan", "ltx"])
@torch.no_grad()
def test_a_picture_is_a_frame_of_timestep_zero_that_the_clip_looks_at(name: str) -> None:
    model = tiny(name, references="latents")
    noisy, source, timestep, tokens = inputs()
    pictures = torch.randn(2, 2, 4, 4, 4)
    out = model(noisy, source, timestep, tokens, references=pictures)
    assert out.shape == noisy.shape
    assert not torch.allclose(out, model(noisy, source, timestep, tokens))
    assert not torch.allclose(out, model(noisy, source, timestep, tokens, references=-pictures))

    longer = torch.cat([noisy, pictures], 1)
    clean = torch.tensor([[False] * 3 + [True] * 2] * 2)
    told = torch.cat([tokens, tokens[:, :1], tokens[:, :1]], 1)
    by_hand = model(longer, torch.cat([source, torch.zeros_like(pictures)], 1), timestep, told, clean)
    assert torch.equal(out, by_hand[:, :3])


@torch.no_grad()
def test_branches_of_guidance_see_the_pictures_of_their_clip() -> None:
    model = tiny("wan", references="latents")
    noisy, source, timestep, tokens = inputs()
    pictures = torch.randn(2, 1, 4, 4, 4)
    one = model(noisy, source, timestep, tokens, references=pictures)
    twice = model(
        *(part.repeat(2, *[1] * (part.ndim - 1)) for part in (noisy, source, timestep, tokens)), references=pictures
    )
    torch.testing.assert_close(twice, torch.cat([one, one]))


@pytest.mark.parametrize("name", ["vace", "cogvideox"])
def test_a_model_of_one_timestep_a_clip_is_one_error(name: str) -> None:
    with pytest.raises(UseError, match="has one timestep for a clip: leave references at 'mllm'"):
        tiny(name, references="latents")
