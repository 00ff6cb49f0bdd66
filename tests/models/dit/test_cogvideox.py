"""CogVideoX's transformer as a denoiser, against the library's own forward."""

from typing import Any

import pytest
import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXPipeline
from support import denoisers as tinies
from support.denoisers import inputs

from veggie_pl.diffusion.process import process_of
from veggie_pl.errors import UseError

ROTARY = {"use_rotary_positional_embeddings": True}
LEARNT = {**ROTARY, "use_learned_positional_embeddings": True}
LATER = {**ROTARY, "patch_size_t": 2, "ofs_embed_dim": 8}  # 1.5


def tiny(**changes: Any) -> Any:
    return tinies.tiny("cogvideox", **changes)


class Sizes:
    """What the pipeline's method asks of itself."""

    vae_scale_factor_spatial = 1

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer


def plain(config: dict[str, Any], given: Any, told: torch.Tensor) -> torch.Tensor:
    """The library's forward, called as its pipeline calls it, of a transformer that nothing was done to."""
    noisy, source, timestep, _ = given
    transformer = tiny(config=config, context="shared").transformer
    rotary = None
    if config.get("use_rotary_positional_embeddings"):
        size = (*noisy.shape[3:], noisy.shape[1])
        rotary = CogVideoXPipeline._prepare_rotary_positional_embeddings(Sizes(transformer), *size, noisy.device)
    ofs = noisy.new_full((1,), 2.0) if config.get("ofs_embed_dim") else None
    shown = torch.cat([noisy, source], 2)
    return transformer(shown, told, timestep, ofs=ofs, image_rotary_emb=rotary, return_dict=False)[0]


@pytest.mark.parametrize(
    ("config", "frames"),
    [({}, 1), ({}, 3), (ROTARY, 1), (ROTARY, 3), (LEARNT, 1), (LEARNT, 3), (LATER, 2), (LATER, 4)],
)
def test_shared_context_is_the_librarys_own_forward(config: dict[str, Any], frames: int) -> None:
    given = inputs(frames)
    told = given[3].flatten(1, 2)
    sized = {**config, "max_text_seq_length": told.shape[1]}
    model = tiny(config=sized, context="shared")
    torch.testing.assert_close(model(*given), plain(sized, given, told), rtol=0, atol=1e-6)


@pytest.mark.parametrize("config", [{}, ROTARY, LEARNT])
def test_equal_tokens_in_all_frames_are_the_library_under_one_group(config: dict[str, Any]) -> None:
    noisy, source, timestep, tokens = inputs()
    sized = {**config, "max_text_seq_length": 3}
    wanted = plain(sized, (noisy, source, timestep, tokens), tokens[:, 0])
    same = tokens[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(tiny(config=sized)(noisy, source, timestep, same), wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("config", [{}, ROTARY])
def test_a_frame_reads_its_own_tokens_in_joint_attention(config: dict[str, Any]) -> None:
    model = tiny(config=config)
    seen: list[Any] = []
    model.transformer.transformer_blocks[0].attn1.register_forward_hook(lambda module, given, out: seen.append(out))
    noisy, source, timestep, tokens = inputs()
    changed = tokens.clone()
    changed[:, 1] += 1
    model(noisy, source, timestep, tokens)
    model(noisy, source, timestep, changed)
    for first, second, each in zip(*seen, (4, 3), strict=True):  # cells, tokens
        differ = (first - second).abs().unflatten(1, (3, each)).amax((0, 2, 3)) > 1e-6
        assert differ.tolist() == [False, True, False]


def test_any_number_of_tokens_stands_before_the_cells_without_learnt_positions() -> None:
    noisy, source, timestep, tokens = inputs()
    assert tiny(tokens_per_frame=2)(noisy, source, timestep, tokens[:, :, :2]).shape == noisy.shape
    with pytest.raises(UseError, match="learnt its positions for 4 x 4 latent cells and 2 tokens; 4 x 4 and 3"):
        tiny(config={**LEARNT, "max_text_seq_length": 2})(*inputs())
    with pytest.raises(UseError, match="4 x 2 and 3 were given"):
        tiny(config=LEARNT)(noisy[..., :2], source[..., :2], timestep, tokens)


def test_an_added_source_of_patches_of_two_frames_is_the_same_as_one_on_channels() -> None:
    beside = tiny(config=LATER, context="shared")
    second = tiny(config={**LATER, "in_channels": 4}, context="shared", source="added")
    with torch.no_grad():
        state = beside.transformer.state_dict()
        whole = state["patch_embed.proj.weight"]
        second.transformer.load_state_dict({**state, "patch_embed.proj.weight": whole[:, :32]})
        second.source_embedding.weight.copy_(whole[:, 32:])
    torch.testing.assert_close(second(*inputs(4)), beside(*inputs(4)), rtol=0, atol=1e-6)


def test_its_scheduler_learns_velocity_and_steps_to_the_latents() -> None:
    process = process_of(CogVideoXDDIMScheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True))
    latents, noise, *_ = inputs()
    run = process.sampling(4)
    state = run.start(noise)
    for timestep in run.timesteps:
        left = process.scheduler.alphas_cumprod[timestep]
        straight = (state - left.sqrt() * latents) / (1 - left).sqrt()  # the noise in it, were it of these latents
        goal = process.goal(latents, straight, timestep.expand(2))
        state = run.step(goal, timestep, state)
    torch.testing.assert_close(state, latents, rtol=0, atol=1e-4)
    model = tiny()
    timestep = torch.tensor([300, 900])
    predicted = model(process.mix(latents, noise, timestep), latents, timestep, inputs()[3])
    (predicted - process.goal(latents, noise, timestep)).square().mean().backward()
    assert model.transformer.proj_out.weight.grad.abs().sum() > 0


def test_what_does_not_fit_is_one_error() -> None:
    with pytest.raises(UseError, match="patches are of 2 latent frames: set context to shared"):
        tiny(config=LATER)
    with pytest.raises(UseError, match="predicts no slope"):
        tiny(add_source=True)
    with pytest.raises(UseError, match="predicts no slope"):
        tiny(gives="latents")
    with pytest.raises(UseError, match="2 x 2 x 2 latent cells; 3 x 4 x 4"):
        tiny(config=LATER, context="shared")(*inputs(3))
