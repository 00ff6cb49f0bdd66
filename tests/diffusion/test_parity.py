"""The same mathematics as diffusers' own InstructPix2Pix: its pipeline, its training step."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from torch import nn

from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.module import VeggieModule
from veggie_pl.seeding import torch_rng

WIDTH, TOKENS = 24, 5
UNET = {
    "sample_size": 8,
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [16, 32],
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SCHEDULERS = {
    "ddim": DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "pndm": PNDMScheduler(**BETAS, skip_prk_steps=True, steps_offset=1),
    "euler": EulerDiscreteScheduler(**BETAS),  # timesteps between whole numbers
    "dpm++": DPMSolverMultistepScheduler(**BETAS),
    "v": DDIMScheduler(**BETAS, clip_sample=False, prediction_type="v_prediction", timestep_spacing="trailing"),
}


class TextStates(Mllm):
    """Stands where the MLLM does and hands on the states of a text encoder, as InstructPix2Pix has them."""

    width = WIDTH

    def __init__(self, states: torch.Tensor) -> None:
        nn.Module.__init__(self)
        self.states = states

    def forward(self, source: torch.Tensor, *_: Any, **names: Any) -> torch.Tensor:
        return self.states[:, None].expand(-1, source.shape[1], -1, -1)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("sd")
    channels = {"block_out_channels": [8, 16], "norm_num_groups": 4, "latent_channels": 4}
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}
    vae = AutoencoderKL(**channels, **blocks)
    vae.save_pretrained(folder / "vae")
    unet = UNet2DConditionModel(**UNET)
    return {"folder": folder, "vae": vae.eval(), "unet": unet.eval(), "states": torch.randn(2, TOKENS, WIDTH)}


def build(parts: dict[str, Any], scheduler: Any) -> VeggieModule:
    """VEGGIE of those parts: task tokens are text states, null task tokens the vector that the aligner holds."""
    viddm = VidDM(UNET)
    viddm.unet.load_state_dict(parts["unet"].state_dict())
    aligner = Aligner(WIDTH, WIDTH)
    nn.init.eye_(aligner.linear.weight)
    nn.init.zeros_(aligner.linear.bias)
    nn.init.normal_(aligner.null, generator=torch.Generator().manual_seed(1))
    queries = TaskQueries(num_queries=TOKENS, max_frames=1, width=WIDTH)
    mllm = TextStates(parts["states"])
    return VeggieModule(mllm, queries, aligner, viddm, KlCodec(str(parts["folder"] / "vae")), scheduler).eval()


@pytest.mark.parametrize(("task", "source"), [(1.0, 1.0), (7.5, 1.5), (10.5, 2.0), (3.0, 1.0)])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_edit_is_the_instruct_pix2pix_pipeline(parts: dict[str, Any], name: str, task: float, source: float) -> None:
    scheduler = SCHEDULERS[name]
    module = build(parts, scheduler)
    pipeline = StableDiffusionInstructPix2PixPipeline(
        parts["vae"], None, None, parts["unet"], scheduler, None, None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1
    seeds = [("parity", 0), ("parity", 1)]
    noise = torch.cat([torch.randn(1, 4, 8, 8, generator=torch_rng(*seed)) for seed in seeds])
    ours = module.edit(picture[:, None], ["as the states say"] * 2, Guidance(task, source), seeds, num_steps=5)
    theirs = pipeline(
        image=picture / 2 + 0.5,
        num_inference_steps=5,
        guidance_scale=task,
        image_guidance_scale=source,
        latents=noise,
        prompt_embeds=parts["states"],
        negative_prompt_embeds=module.aligner.null.detach().expand(2, TOKENS, -1),
        output_type="pt",
    ).images
    assert (ours[:, 0] - (theirs * 2 - 1)).abs().max() < 1e-4
    assert ours.std() > 0.05


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_loss_is_that_of_the_published_training_step(parts: dict[str, Any], prediction: str) -> None:
    """The lines of diffusers' examples/instruct_pix2pix/train_instruct_pix2pix.py, on our noise and timesteps."""
    scheduler = DDPMScheduler(**BETAS, prediction_type=prediction)
    module = build(parts, scheduler)
    generator = torch.Generator().manual_seed(3)
    original, edited = torch.rand(2, 2, 3, 16, 16, generator=generator) * 2 - 1
    generators = [torch_rng("parity", index) for index in range(2)]
    target = module.vae.encode_target(edited[:, None], generators)
    draws = module.objective.draw(target, generators)
    with torch.no_grad():
        source = module.vae.encode_source(original[:, None])
        noisy = module.objective.add_noise(target, draws)
        predicted = module.predict(noisy, source, draws.timestep, parts["states"][:, None])
        ours = module.objective.loss(predicted, target, draws)

        vae, unet = parts["vae"], parts["unet"]
        posterior = vae.encode(edited).latent_dist
        eps = [torch.randn(4, 8, 8, generator=torch_rng("parity", index)) for index in range(2)]  # as `.sample()` draws
        latents = (posterior.mean + posterior.std * torch.stack(eps)) * vae.config.scaling_factor
        noise, timesteps = draws.noise[:, 0], draws.timestep
        noisy_latents = scheduler.add_noise(latents, noise, timesteps)
        original_image_embeds = vae.encode(original).latent_dist.mode()
        concatenated_noisy_latents = torch.cat([noisy_latents, original_image_embeds], dim=1)
        wanted = noise if prediction == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)
        model_pred = unet(concatenated_noisy_latents, timesteps, parts["states"], return_dict=False)[0]
        loss = F.mse_loss(model_pred.float(), wanted.float(), reduction="mean")
    assert torch.allclose(ours.mean(), loss, atol=1e-6)
