"""What SD3 and FLUX share as denoisers, each against the library's own forward."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support.image_transformers import FLUX, KINDS, POOLED, SD3, WIDTH, denoiser, inputs, plain, write_pipeline

from veggie_pl.errors import UseError
from veggie_pl.models.checkpoints import read_part
from veggie_pl.models.denoiser import Denoiser

NAMES = ["sd3", "flux"]
TWICE = {"sd3": {**SD3, "in_channels": 8}, "flux": {**FLUX, "in_channels": 32}}  # source beside noise


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_denoiser_of_pictures(name: str) -> None:
    model = denoiser(name)
    assert isinstance(model, Denoiser)
    assert (model.width, model.channels, model.latent_size) == (WIDTH, 4, (4, 4))
    assert (model.is_video, model.reads_frames) == (False, True)
    assert model.num_tokens(5, 8, 16) == 32  # patches of one frame
    assert denoiser(name, transformer_config=TWICE[name], source="channels").channels == 4


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_on_their_own(name: str) -> None:
    model = denoiser(name).eval()
    noisy, source, timestep, tokens = inputs()
    with torch.no_grad():
        together = model(noisy, source, timestep, tokens)
        for frame in range(2):
            one = slice(frame, frame + 1)
            alone = model(noisy[:, one], source[:, one], timestep, tokens[:, one])
            torch.testing.assert_close(together[:, one], alone, rtol=0, atol=1e-5)
        assert not torch.allclose(model(noisy, source, timestep, tokens.flip(1)), together)
        shared = denoiser(name, context="shared").eval()
        both = model(noisy, source, timestep, tokens.flatten(1, 2)[:, None].expand(-1, 2, -1, -1)[:, :, :3])
        assert both.shape == shared(noisy, source, timestep, tokens).shape
        torch.testing.assert_close(
            shared(noisy, source, timestep, tokens), shared(noisy, source, timestep, tokens.flip(1)), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("source_by", ["added", "channels"])
@pytest.mark.parametrize("name", NAMES)
def test_text_to_image_weights_ignore_the_source_at_first(name: str, source_by: str, tmp_path: Path) -> None:
    folder = str(write_pipeline(name, tmp_path))
    untouched = denoiser(name)
    untouched.transformer.load_state_dict(plain(name).state_dict())
    config = KINDS[name][1] if source_by == "added" else TWICE[name]
    made = {"transformer_config": config, "source": source_by, "weights": folder}
    model = denoiser(name, **made, extend_channels=True).eval()
    noisy, source, timestep, tokens = inputs()
    with torch.no_grad():
        wanted = untouched.eval()(noisy, 0 * source, timestep, tokens)
        found = model(noisy, source, timestep, tokens)
        if source_by == "added":
            assert torch.equal(found, wanted)
            model.source_embedding.weight.normal_()
        else:
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
            embedding = model.transformer.get_submodule(model.embedding)
            embedding.weight[:, embedding.weight.shape[1] // 2 :].normal_()
        assert not torch.allclose(model(noisy, source, timestep, tokens), wanted)
        torch.testing.assert_close(model(noisy, 0 * source, timestep, tokens), wanted, rtol=0, atol=1e-6)
    if source_by == "channels":
        with pytest.raises(UseError, match="source beside noise"):
            denoiser(name, **made)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_tokens_and_pooled_states_with_and_without_checkpoints(name: str) -> None:
    found = []
    for checkpointing in (False, True):
        model = denoiser(name, gradient_checkpointing=checkpointing).train()
        noisy, source, timestep, tokens = inputs()
        tokens.requires_grad_()
        model(noisy, source, timestep, tokens).square().mean().backward()
        learn = (tokens, model.pooled.vector, model.pooled.of_tokens.weight, model.source_embedding.weight)
        assert all(part.grad.abs().sum() > 0 for part in learn)
        found.append(torch.cat([part.grad.flatten() for part in learn]))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_and_read_again(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    states = torch.randn(1, POOLED)
    save_file({"pooled_projections": states}, tmp_path / "empty.safetensors")
    model = denoiser(name, pooled_start=str(tmp_path / "empty.safetensors"), embedded_guidance=2.0).eval()
    model.save_pretrained(tmp_path / "kept")
    again = read_part(type(model), tmp_path / "kept")
    assert not caplog.records  # such as of settings that it does not know
    assert torch.equal(again.pooled.vector, states[0])
    assert again.embedded_guidance == 2.0
    with torch.no_grad():
        assert torch.equal(again(*inputs()), model(*inputs()))


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_one_error(name: str, tmp_path: Path) -> None:
    noisy, source, timestep, tokens = inputs()
    with pytest.raises(UseError, match=r"patches are 1 x 2 x 2 latent cells; 2 x 4 x 3 is no multiple"):
        denoiser(name)(noisy[..., :3], source[..., :3], timestep, tokens)
    other = NAMES[1 - NAMES.index(name)]
    with pytest.raises(UseError, match=f"holds a {KINDS[other][0].library}, not a {KINDS[name][0].library}"):
        denoiser(name, weights=str(write_pipeline(other, tmp_path / other)))
    with pytest.raises(UseError, match=r"holds no .*: it has no config\.json; name a folder"):
        denoiser(name, weights=str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"prompt_embeds": torch.zeros(3)}, "holds no pooled_projections; there are prompt_embeds"),
        ({"pooled_projections": torch.zeros(1, 7)}, "has 7 numbers, the transformer's pooled_projection_dim is 10"),
        (None, r"holds no pooled states: .* `python -m veggie_pl prompt FOLDER -o \S+` .* zeros stand in"),
    ],
)
def test_pooled_states_that_are_missing_or_of_another_model_are_one_error(
    tensors: Any, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "empty.safetensors"
    if tensors is not None:
        save_file(tensors, path)
    with pytest.raises(UseError, match=said):
        denoiser("sd3", pooled_start=str(path))
