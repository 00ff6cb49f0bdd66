"""Gradients of a training step are those of a step written as one would say it: every MLLM family, both stages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from support.families import FAMILIES
from support.parts import TEMPORAL, UNET, make_batch
from torch import Tensor

from veggie_pl.batch import Batch
from veggie_pl.callbacks import Freeze
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.models.lora import Lora
from veggie_pl.module import VeggieModule
from veggie_pl.seeding import torch_rng

QUERIES, FRAMES, WIDTH, SIDE = 2, 4, 24, 16  # queries a frame, frames they know, width of task tokens, pixels
IMAGE_UNET = UNET | {"in_channels": 8, "out_channels": 4, "sample_size": 8, "time_cond_proj_dim": None}
VAE = {
    "block_out_channels": [8, 8],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": SIDE,
    "scaling_factor": 0.18215,
}
STAGES = {"stage 1": (False, 1), "stage 2, LoRA": (True, 2), "stage 2, full": (True, 2)}  # video, frames
# In float64 latents and errors alone are rounded to float32; in float32 a UNet alone rounds to 1e-6 here.
OFF_BY = {torch.float64: 1e-6, torch.float32: 2e-6}
CASES = [(family, stage, torch.float64) for family in FAMILIES for stage in STAGES]
CASES += [("llava_onevision", stage, torch.float32) for stage in STAGES]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    made = {}
    for family, make in FAMILIES.items():
        torch.manual_seed(0)
        made[family] = make(tmp_path_factory.mktemp(family))
    return made


def learner(folder: str, stage: str) -> VeggieModule:
    torch.manual_seed(0)
    lora = Lora(rank=2) if stage == "stage 2, LoRA" else None
    mllm = Mllm(folder, lora=lora)
    codec, unet = KlCodec(None, VAE), VidDM(IMAGE_UNET, TEMPORAL, STAGES[stage][0])
    parts = (TaskQueries(QUERIES, FRAMES, mllm.width), Aligner(mllm.width, WIDTH), unet, codec)
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", prediction_type="epsilon")
    module = VeggieModule(mllm, *parts, scheduler, drop_task=0.3, drop_source=0.3, drop_both=0.1)
    Freeze(["vae"] if stage == "stage 2, full" else ["vae", "mllm"]).apply(module)
    with torch.no_grad():  # what starts at zero hides what comes before it
        for name, parameter in module.named_parameters():
            if "lora_B" in name or "motion_modules" in name or name == "aligner.null":
                torch.nn.init.normal_(parameter, std=0.1)
    module.log = lambda *args, **options: None
    return module


def gradients(module: VeggieModule, loss: Tensor) -> dict[str, Tensor]:
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    module.zero_grad(set_to_none=True)
    return found


@contextmanager
def queries_in(embedding: torch.nn.Module, queries: Tensor) -> Iterator[None]:
    """Let the last embeddings of a prompt be queries."""

    def put(_: Any, inputs: Any, embedded: Tensor) -> Tensor:
        if inputs[0].shape[-1] <= queries.shape[1]:  # a model may embed its placeholder's id alone
            return embedded
        return torch.cat([embedded[:, : -queries.shape[1]], queries], 1)

    hook = embedding.register_forward_hook(put)
    try:
        yield
    finally:
        hook.remove()


def straight_loss(module: VeggieModule, batch: Batch) -> Tensor:
    """Draw, encode, read everything with its graph, add noise, predict, compare."""
    frames, objective, vae = batch.source.shape[1], module.objective, module.vae.vae
    places, sources, targets, noises, timesteps, drops_task, drops_source = [], [], [], [], [], [], []
    assert batch.target is not None
    for row, index in enumerate(batch.index.tolist()):
        chance = torch_rng(module.seed, "fit", index)
        places.append(torch.randint(FRAMES - frames + 1, (1,), generator=chance) + torch.arange(frames))
        with torch.no_grad():
            sources.append(torch.cat([vae.encode(frame[None]).latent_dist.mean for frame in batch.source[row]]))
            posterior = [vae.encode(frame[None]).latent_dist for frame in batch.target[row]]
        mean, std = (torch.cat([getattr(one, name) for one in posterior]) for name in ("mean", "std"))
        sampled = mean + std * torch.randn(1, *mean.shape, generator=chance)[0]
        targets.append(sampled * VAE["scaling_factor"])
        share, choice = torch.rand(2, generator=chance).tolist()
        noises.append(torch.randn(1, *mean.shape, generator=chance)[0])
        timesteps.append(int(share * 1000))
        both = 0.6 <= choice < 0.7
        drops_task.append(choice < objective.drop_task or both)
        drops_source.append(0.3 <= choice < 0.6 or both)
    assert any(drops_task) or any(drops_source)
    place = torch.stack(places)

    # The MLLM reads frames, words and queries in one pass.
    asked = (module.queries.group + module.queries.frame[place][:, :, None]).flatten(1, 2)
    mllm, model = module.mllm, module.mllm.model
    pixels: dict[str, Any] = mllm.vision_inputs(batch.source)
    per_frame = mllm.vision.tokens_per_frame(*batch.source.shape[-2:])
    prompt = mllm.prompt.layout(batch.instruction, place, QUERIES, per_frame, mllm.extra_tokens, None)
    found = mllm.vision.positions(model.base_model, prompt.ids, prompt.attention_mask, pixels)
    with queries_in(model.get_input_embeddings(), asked):
        hidden = model.base_model(
            input_ids=prompt.ids,
            attention_mask=prompt.attention_mask,
            position_ids=prompt.position_ids if found is None else found,
            use_cache=False,
            **pixels,
        ).last_hidden_state[:, -asked.shape[1] :]

    tokens = module.aligner.linear(hidden.view(len(batch), frames, QUERIES, -1))
    null = module.aligner.null.expand_as(tokens[0])
    tokens = torch.stack([null if left else one for one, left in zip(tokens, drops_task, strict=True)]).flatten(0, 1)
    kept = [torch.zeros_like(one) if left else one for one, left in zip(sources, drops_source, strict=True)]
    timestep, target, noise = torch.tensor(timesteps), torch.stack(targets), torch.stack(noises)
    shown = torch.cat([objective.scheduler.add_noise(target, noise, timestep), torch.stack(kept)], 2)
    if module.viddm.is_video:
        predicted = module.viddm.unet(shown.transpose(1, 2), timestep, tokens).sample.transpose(1, 2)
    else:
        predicted = module.viddm.unet(shown[:, 0], timestep, tokens).sample[:, None]
    return (predicted - noise).square().mean()


@pytest.mark.parametrize(("family", "stage", "dtype"), CASES)
def test_gradients_are_those_of_a_straightforward_step(
    folders: dict[str, str], family: str, stage: str, dtype: torch.dtype
) -> None:
    module = learner(folders[family], stage).to(dtype)
    batch = make_batch(3, STAGES[stage][1], pixels=SIDE)
    assert batch.target is not None
    batch.source, batch.target = batch.source.to(dtype), batch.target.to(dtype)
    passes: list[bool] = []
    hook = module.mllm.model.base_model.register_forward_pre_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    loss = module.training_step(batch, 0)["loss"]
    hook.remove()
    assert passes == ([False, True] if stage == "stage 1" else [True])  # over the prefix alone, or whole
    expected_loss = straight_loss(module, batch)
    torch.testing.assert_close(loss.to(dtype), expected_loss, rtol=1e-6, atol=0)
    found, expected = gradients(module, loss), gradients(module, expected_loss)
    assert found.keys() == expected.keys()
    parts = {name.split(".")[0] for name in found}
    assert parts == {"queries", "aligner", "viddm"} | ({"mllm"} if stage != "stage 1" else set())
    for part in (*parts, ""):
        names = [name for name in found if name.startswith(part)]
        size = torch.stack([expected[name].norm() for name in names]).norm()
        error = torch.stack([(found[name] - expected[name]).norm() for name in names]).norm()
        assert size > 0, part
        assert float(error / size) < OFF_BY[dtype], part
