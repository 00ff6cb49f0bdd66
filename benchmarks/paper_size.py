"""Is paper size fast? Its tokens and pictures, on narrow networks that share the work as the real ones do.

MLLM, UNet and codec take 43, 32 and 24 % of the FLOPs of a stage 1 step; at paper size `plan` says 47, 31 and 22 %.

    python -m benchmarks.paper_size [--only a b c]

(a) a stage 1 step, ours against the straightforward one: graph through the whole MLLM, codec in the loop;
(b) the step of diffusers' examples/instruct_pix2pix with the same UNet on the same batch;
(c) an edit against diffusers' InstructPix2Pix pipeline: same steps and output, then fewer steps of the same quality.

Rounds alternate, so that a machine that slows down slows both; medians. Memory is the most that was resident in a fresh
process while it trained, less what was there before the first step. Prints markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, StableDiffusionInstructPix2PixPipeline
from torch import Tensor, nn

from veggie_pl.batch import Batch, ClipNames
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.metrics.report import read_report
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.models.codec import SD_VAE
from veggie_pl.module import VeggieModule
from veggie_pl.planning.shapes import batch_of
from veggie_pl.seeding import torch_rng
from veggie_pl.training.precision import autocast, best_precision

ROOT = Path(__file__).resolve().parent.parent
PIXELS, QUERIES, LLM, WIDTH = 512, 32, 896, 64
UNET = {
    "sample_size": PIXELS // 8,
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "block_out_channels": [32, 64, 128, 128],
    "layers_per_block": 2,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 1,  # number of heads: one in 32 channels, as one in 40 there
    "norm_num_groups": 16,
}
VAE = {**SD_VAE, "block_out_channels": [16, 32, 64, 64], "norm_num_groups": 8}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
INSTRUCTION = "highlight the large red circle on the left of the picture with blue masks, and leave the rest as it is"
WAYS = {  # (a): frozen prefix, latents from the cache, vision features from the cache, UNet computed again
    "straightforward": (False, False, False, False),
    "frozen prefix": (True, False, False, False),
    "frozen prefix, cached latents": (True, True, False, False),
    "frozen prefix, cached latents and features": (True, True, True, False),
    "the same, UNet with gradient checkpointing": (True, True, True, True),
}


def mllm_folder(home: Path) -> Path:
    """LLaVA-OneVision with the vision tokens of the 7B model, narrow, with random weights and nano's tokenizer."""
    folder = home / "mllm"
    folder.mkdir()
    nano = ROOT / "weights/nano/mllm"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((nano / name).read_bytes())
    config = json.loads((nano / "config.json").read_text())
    config["text_config"] |= {"hidden_size": LLM, "intermediate_size": 3 * LLM, "num_hidden_layers": 12}
    config["text_config"] |= {"num_attention_heads": 14, "num_key_value_heads": 14, "max_position_embeddings": 4096}
    config["text_config"]["layer_types"] = ["full_attention"] * 12
    config["vision_config"] |= {"image_size": 384, "patch_size": 14, "hidden_size": 288, "intermediate_size": 1024}
    config["vision_config"] |= {"num_hidden_layers": 6, "num_attention_heads": 4}
    config["image_grid_pinpoints"] = [[384, 384]]
    (folder / "config.json").write_text(json.dumps(config))
    processor = json.loads((nano / "preprocessor_config.json").read_text())
    processor |= {"size": {"height": 384, "width": 384}, "image_grid_pinpoints": [[384, 384]]}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def stage1(
    home: Path, frozen_prefix: bool, latents: bool = False, features: bool = False, checkpointed: bool = False
) -> VeggieModule:
    """Everything learns but MLLM and codec."""
    torch.manual_seed(0)
    kept = str(home / "features") if features else None
    dtype: Literal["float32", "bfloat16"] = "bfloat16" if best_precision("cpu").mixed else "float32"
    mllm = Mllm(str(mllm_folder(home)), pretrained=False, frozen_prefix=frozen_prefix, dtype=dtype, cache=kept)
    codec = KlCodec(None, VAE, str(home / "latents") if latents else None)
    viddm = VidDM(UNET, gradient_checkpointing=checkpointed)
    parts = (TaskQueries(QUERIES, 8, LLM), Aligner(LLM, WIDTH), viddm, codec)
    module = VeggieModule(mllm, *parts, DDPMScheduler(**BETAS))
    module.mllm.requires_grad_(False).eval()
    return module


def measure_step(way: str, frames: int, steps: int) -> dict[str, float]:
    """Seconds and bytes of steps in this process, which should be a fresh one."""
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as home:
        module = stage1(Path(home), *WAYS[way])
        learning = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(learning, 1e-4)
        batch = clips(module, 2 if frames == 1 else 1, frames)
        clock = []
        for step in range(steps + 1):
            if step == 1:  # the first fills the cache and makes the optimizer's state
                Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
                before = resident("VmRSS")
            started = time.perf_counter()
            with autocast("cpu"):
                loss = module.per_sample_loss(batch, "fit").mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            clock.append(time.perf_counter() - started)
        return {"seconds": statistics.median(clock[1:]) / len(batch), "bytes": resident("VmHWM") - before}


def clips(module: VeggieModule, size: int, frames: int) -> Batch:
    batch = batch_of(module, size, frames)
    generator = torch.Generator().manual_seed(0)
    batch.source, batch.target = torch.rand(2, *batch.source.shape, generator=generator) * 2 - 1
    batch.examples = [one._replace(instruction=INSTRUCTION) for one in batch.examples]
    batch.names = [ClipNames(f"source {row}", f"target {row}") for row in range(size)]
    return batch


def resident(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) * 1024


def compare_steps(steps: int, rounds: int, ways: list[str]) -> None:
    """(a)."""
    print("\n| stage 1 step | frames | samples/s | ratio | peak beside weights and optimizer, MiB | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    environment.pop("MALLOC_TOP_PAD_", None)  # what is freed goes back, or the peak would say nothing
    for frames in (1, 8):
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                command = [sys.executable, "-m", "benchmarks.paper_size", "--step", way, "--frames", str(frames)]
                command += ["--steps", str(steps)]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
        first: tuple[float, float] | None = None
        for way, results in found.items():
            seconds = statistics.median(result["seconds"] for result in results)
            peak = statistics.median(result["bytes"] for result in results)
            first = first or (seconds, peak)
            cells = f"{1 / seconds:.2f} | {first[0] / seconds:.2f} | {peak / 2**20:.0f} | {peak / first[1]:.2f}"
            print(f"| {way} | {frames} | {cells} |", flush=True)


class TextStates(Mllm):
    """Stands where the MLLM does and hands on the states of a text encoder, as InstructPix2Pix has them."""

    width = WIDTH

    def __init__(self, states: Tensor) -> None:
        nn.Module.__init__(self)
        self.states = states

    def forward(self, source: Tensor, *_: Any) -> Tensor:
        return self.states[:, None].expand(-1, source.shape[1], -1, -1)


def instruct_pix2pix(states: Tensor) -> VeggieModule:
    """VEGGIE with the parts of InstructPix2Pix: an image UNet, text states in place of task tokens."""
    torch.manual_seed(0)
    aligner = Aligner(WIDTH, WIDTH)
    nn.init.eye_(aligner.linear.weight)
    nn.init.zeros_(aligner.linear.bias)
    parts = (TaskQueries(states.shape[1], 1, WIDTH), aligner, VidDM(UNET), KlCodec(None, VAE))
    return VeggieModule(TextStates(states), *parts, DDPMScheduler(**BETAS))


def median_seconds(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Each side once to warm up, then in turn."""
    clock: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            started = time.perf_counter()
            side()
            if number:
                clock[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in clock.items()}


def compare_training_step(rounds: int) -> None:
    """(b): the lines of train_instruct_pix2pix.py, on the same UNet and codec."""
    states = torch.randn(2, QUERIES, WIDTH)
    module = instruct_pix2pix(states)
    module.queries.requires_grad_(False)
    module.aligner.requires_grad_(False)
    batch = clips(module, 2, 1)
    unet, vae, noise_scheduler = module.viddm.unet, module.vae.vae, module.objective.scheduler
    null = torch.zeros(2, QUERIES, WIDTH)

    def ours() -> None:
        with autocast("cpu"):
            loss = module.per_sample_loss(batch, "fit").mean()
        loss.backward()  # type: ignore[no-untyped-call]

    def theirs() -> None:
        with autocast("cpu"):
            assert batch.target is not None
            with torch.no_grad():
                latents = vae.encode(batch.target[:, 0]).latent_dist.sample() * vae.config.scaling_factor
                original = vae.encode(batch.source[:, 0]).latent_dist.mode()
            noise = torch.randn_like(latents)
            timesteps = torch.randint(0, noise_scheduler.config.num_train_timesteps, (2,)).long()
            noisy = noise_scheduler.add_noise(latents, noise, timesteps)
            chance = torch.rand(2)
            told = torch.where((chance < 0.1).reshape(2, 1, 1), null, states)
            kept = 1 - ((chance >= 0.05) & (chance < 0.15)).to(original.dtype)
            predicted = unet(torch.cat([noisy, kept.reshape(2, 1, 1, 1) * original], 1), timesteps, told).sample
            loss = F.mse_loss(predicted.float(), noise.float())
        loss.backward()  # type: ignore[no-untyped-call]

    seconds = median_seconds({"theirs": theirs, "ours": ours}, rounds)
    print("\n| training step, 2 images of 512 x 512 | samples/s | ratio |\n|---|---:|---:|")
    for name, title in (("theirs", "diffusers' train_instruct_pix2pix"), ("ours", "VeggieModule")):
        print(f"| {title} | {2 / seconds[name]:.2f} | {seconds['theirs'] / seconds[name]:.2f} |", flush=True)


def pipeline_of(module: VeggieModule) -> StableDiffusionInstructPix2PixPipeline:
    """Build diffusers' pipeline on a module's UNet, codec and scheduler, without a text encoder or a bar."""
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=module.vae.vae,
        text_encoder=None,
        tokenizer=None,
        unet=module.viddm.unet,
        scheduler=module.objective.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def compare_edits(rounds: int, steps: int = 10) -> None:
    """(c), same output: fp32, one picture."""
    states = torch.randn(1, QUERIES, WIDTH)
    module = instruct_pix2pix(states).eval()
    nn.init.normal_(module.aligner.null, std=0.5)
    pipeline = pipeline_of(module)
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    pipeline.scheduler = module.objective.scheduler = scheduler
    picture = torch.rand(1, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(2)) * 2 - 1
    null = module.aligner.null.detach().expand(1, QUERIES, -1)
    noise = torch.randn(1, 4, PIXELS // 8, PIXELS // 8, generator=torch_rng("edit", 0))
    print(f"\n| edit of one picture, {steps} steps | guidance task, source | s | ratio | largest difference |")
    print("|---|---|---:|---:|---:|")
    for task, source in ((7.5, 1.5), (7.5, 1.0)):
        made: dict[str, Tensor] = {}

        def ours(task: float = task, source: float = source, made: dict[str, Tensor] = made) -> None:
            scales, seeds = Guidance(task, source), [("edit", 0)]
            made["ours"] = module.edit(picture[:, None], [INSTRUCTION], scales, seeds, num_steps=steps)[:, 0]

        def theirs(task: float = task, source: float = source, made: dict[str, Tensor] = made) -> None:
            images = pipeline(
                image=picture / 2 + 0.5,
                num_inference_steps=steps,
                guidance_scale=task,
                image_guidance_scale=source,
                latents=noise.clone(),
                prompt_embeds=states,
                negative_prompt_embeds=null,
                output_type="pt",
            ).images
            made["theirs"] = images * 2 - 1

        seconds = median_seconds({"theirs": theirs, "ours": ours}, rounds)
        difference = float((made["ours"] - made["theirs"]).abs().max())
        for name, title in (("theirs", "diffusers' pipeline"), ("ours", "VeggieModule.edit")):
            ratio = seconds["theirs"] / seconds[name]
            print(f"| {title} | {task}, {source} | {seconds[name]:.2f} | {ratio:.2f} | {difference:.0e} |", flush=True)


def compare_quality(num_test: int) -> None:
    """(c), same quality: the shipped nano weights, the default steps against diffusers' 50."""
    print("\n| shipped nano model | s for all | ratio | mean success and mIoU, % |\n|---|---:|---:|---:|")
    first = None
    for steps in (50, 4):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "veggie_pl", "test", "--model.folder", "weights/nano/model"]
            command += ["--data.test.init_args.split", "val", "--data.num_test", str(num_test)]
            command += ["--model.num_steps", str(steps), "--evaluate.output", folder, "--trainer.logger", "false"]
            started = time.perf_counter()
            subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
            seconds = time.perf_counter() - started
            rows = read_report(Path(folder) / "report.json").results
        scores = [row.value for row in rows if row.metric == ("miou" if row.skill.is_painted else "success")]
        first = first or seconds
        print(f"| {steps} steps | {seconds:.0f} | {first / seconds:.1f} | {statistics.mean(scores):.1f} |", flush=True)


def main() -> None:
    """All, or what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list("abc"), default=list("abc"))
    parser.add_argument("--step", choices=list(WAYS), help="measure one way of (a) in this process and print JSON")
    parser.add_argument("--frames", type=int, default=1)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=16, help="of (c), a skill, to compare quality on")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="of (a), the first is 1")
    options = parser.parse_args()
    if options.step:
        print(json.dumps(measure_step(options.step, options.frames, options.steps)))
        return
    torch.set_num_threads(2)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    if "a" in options.only:
        compare_steps(options.steps, options.rounds, options.ways)
    if "b" in options.only:
        compare_training_step(2 * options.rounds)
    if "c" in options.only:
        compare_edits(options.rounds)
        compare_quality(options.clips)


if __name__ == "__main__":
    main()
