"""What a program needs beside a model's graphs: how to write the prompt, and the numbers of each sampling step."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler

from veggie_pl.diffusion.sampler import draw_noise
from veggie_pl.errors import UseError
from veggie_pl.model import VeggieModel
from veggie_pl.seeding import torch_rng

RECIPE, TOKENIZER, NOISE = "edit.json", "tokenizer.json", "noise.bin"
FORMAT = 1
STEPS = (1, 2, 4, 8, 16, 32)  # numbers of sampling steps that are written, beside the model's own


def write_recipe(model: VeggieModel, folder: Path) -> None:
    """Write the recipe, the tokenizer and the noise that `edit --seed 0` starts from into a folder.

    The noise is float32, little-endian, (max_frames, c, h, w) of latents; of a shorter clip it is the first frames'.

    Raises:
        UseError: If the scheduler is not DDIM, whose step is two lines in any language.
    """
    tokenizer = model.mllm.tokenizer.backend_tokenizer
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    (folder / RECIPE).write_text(json.dumps(recipe_of(model), indent=1), encoding="utf-8")
    shape = _latents(model)
    noise = draw_noise(shape, [torch_rng("edit", 0)], torch.device("cpu"))
    (folder / NOISE).write_bytes(noise.numpy().astype("<f4").tobytes())


def recipe_of(model: VeggieModel) -> dict[str, Any]:
    """Give the recipe as JSON: ``Prompt`` by its own names and, for each number of steps, its ``ddim_steps``."""
    prompt, mllm = model.mllm.prompt, model.mllm
    scales = {(one.task, one.source) for one in model.guidance.values()}
    return {
        "format": FORMAT,
        "size": list(model.size),
        "max_frames": model.queries.max_frames,
        "latents": list(_latents(model)),
        "num_queries": model.queries.num_queries,
        "one_group_a_frame": not model.queries.per_clip and model.queries.every == 1,
        "num_steps": model.num_steps,
        "needs_guidance": scales != {(1.0, 1.0)},
        "prompt": {
            "before": prompt.before,
            "frame": prompt.frame_ids(mllm.tokens_per_frame),
            "behind_frames": [prompt.vision_token_id] * mllm.extra_tokens,
            "num_slots": mllm.num_slots,
            "lead_text": prompt.lead_text,
            "tail_text": prompt.tail_text,
            "lead": prompt.lead,
            "after": prompt.after,
            "tail": prompt.tail,
            "max_text_tokens": prompt.max_text_tokens,
            "special_tokens": prompt.special_tokens,
        },
        "scheduler": {
            "prediction_type": model.objective.scheduler.config.prediction_type,
            "clip": _clip(model.objective.scheduler.config),
            "steps": {str(count): ddim_steps(model, count) for count in sorted({*STEPS, model.num_steps})},
        },
    }


def ddim_steps(model: VeggieModel, num_steps: int) -> list[tuple[int, float, float]]:
    """Give each step's timestep, and the share of the picture (``alphas_cumprod``) before and after it.

    With eta 0 a step is DDIM (arXiv:2010.02502) Eq. 12: the picture and the noise that the prediction tells, mixed
    anew.

    Raises:
        UseError: If the scheduler is another one.
    """
    scheduler = model.objective.scheduler
    if type(scheduler) is not DDIMScheduler or scheduler.config.thresholding:
        raise UseError(f"{type(scheduler).__name__} cannot be written for other programs; DDIMScheduler can")
    run: Any = model.objective.process.sampling(num_steps)
    alphas = scheduler.alphas_cumprod
    apart = scheduler.config.num_train_timesteps // num_steps
    found = []
    for timestep in run.timesteps.tolist():
        after = timestep - apart
        left = alphas[after] if after >= 0 else scheduler.final_alpha_cumprod
        found.append((timestep, float(alphas[timestep]), float(left)))
    return found


def _clip(config: Any) -> float | None:
    return float(config.clip_sample_range) if config.clip_sample else None


def _latents(model: VeggieModel) -> tuple[int, int, int, int]:
    frames, channels, height, width = model.vae.latent_shape(model.queries.max_frames, *model.size)
    if frames != model.queries.max_frames:
        raise UseError(f"a {type(model.vae).__name__} compresses time: no recipe knows such clips")
    return frames, channels, height, width
