import torch
from diffusers import FluxPipeline
from support.image_transformers import FLUX, denoiser

from veggie_pl.models import FluxDenoiser

LATENTS = torch.randn(2, 1, 4, 4, 6, generator=torch.Generator().manual_seed(1))
TOKENS = torch.randn(2, 1, 3, 24, generator=torch.Generator().manual_seed(2))


def theirs(model: FluxDenoiser, timestep: torch.Tensor, guidance: float | None) -> torch.Tensor:
    """As diffusers' FLUX pipeline calls the transformer."""
    packed = FluxPipeline._pack_latents(LATENTS[:, 0], 2, 4, 4, 6)
    out = model.transformer(
        hidden_states=packed,
        timestep=timestep / 1000,
        guidance=None if guidance is None else torch.full((2,), guidance),
        pooled_projections=model.pooled.vector.expand(2, -1),
        encoder_hidden_states=TOKENS[:, 0],
        txt_ids=torch.zeros(3, 3),
        img_ids=FluxPipeline._prepare_latent_image_ids(2, 2, 3, "cpu", torch.float32),
        return_dict=False,
    )[0]
    return FluxPipeline._unpack_latents(out, height=4 * 8, width=6 * 8, vae_scale_factor=8)


def test_forward_is_the_librarys_own_on_a_rectangle() -> None:
    timestep = torch.tensor([300.0, 900.0])
    model = denoiser("flux", embedded_guidance=2.5).eval()
    with torch.no_grad():
        model.pooled.vector.normal_()
        found = model(LATENTS, LATENTS, timestep, TOKENS)[:, 0]
        torch.testing.assert_close(found, theirs(model, timestep, 2.5), rtol=0, atol=1e-6)
        assert not torch.allclose(found, theirs(model, timestep, 3.5))


def test_a_model_without_guidance_is_told_none() -> None:
    timestep = torch.tensor([300.0, 900.0])
    model = denoiser("flux", transformer_config={**FLUX, "guidance_embeds": False}).eval()
    with torch.no_grad():
        found = model(LATENTS, LATENTS, timestep, TOKENS)[:, 0]
        torch.testing.assert_close(found, theirs(model, timestep, None), rtol=0, atol=1e-6)
