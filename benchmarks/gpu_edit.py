"""The part ``sampling`` of ``benchmarks.gpu``: an edit against diffusers' InstructPix2Pix pipeline."""

import copy
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks import paper_size
from benchmarks.gpu_model import build, clips
from benchmarks.gpu_timing import say, timed, wait
from veggie_pl.diffusion.guidance import Guidance
from veggie_pl.inference import quick
from veggie_pl.inference.quick import Quick, quicken
from veggie_pl.model import Condition
from veggie_pl.models.regions import compile_regions
from veggie_pl.module import VeggieModule
from veggie_pl.seeding import torch_rng
from veggie_pl.training.precision import autocast

SCALES, SEEDS = Guidance(7.5, 1.5), [("edit", 0)]
UNIPC = "UniPCMultistepScheduler"
TIMES, WARM = 2, 1


class Table:
    """Rows of edits; ratios are to the first, differences to the first of as many steps by the same solver."""

    def __init__(self, device: str) -> None:
        self.device, self.first = device, 0.0
        self.made: dict[tuple[str, int], Tensor] = {}

    def row(self, name: str, steps: int, run: Callable[[], Tensor], like: str = "", times: int = TIMES) -> None:
        """Time an edit and compare what it makes with the first of as many steps under this ``like``."""
        made: list[Tensor] = []
        seconds = timed(lambda: made.append(run()), self.device, times, WARM)
        self.first = self.first or seconds
        plain = self.made.setdefault((like, steps), made[-1]) if like else None
        off = "" if plain is None else f"{float((made[-1] - plain).abs().mean()):.1e}"
        say(name, steps, f"{seconds:.2f}", f"{self.first / seconds:.2f}", off)


def sampling(device: str, size: str) -> None:
    """Rows in the order of what they tell."""
    module = build(size, device).eval()
    source = clips(module, 1, 8).source
    many, few = (20, 4) if size == "real" else (3, 2)
    table = Table(device)
    with torch.no_grad(), autocast(device):
        condition = module.condition(source, ["make the circle red"])
    table.row("diffusers' pipeline, no MLLM", many, published(module, source, condition, many), "DDIM")
    table.row("image UNet", many, ours(module, source, many), "DDIM")
    table.row("image UNet", few, ours(module, source, few), "DDIM")
    halved = published(module, source, condition, many, torch.bfloat16)
    table.row("diffusers' pipeline in bfloat16", many, halved, "DDIM")
    del halved
    parts(module, source, device)
    quicken(module, Quick(half=True))
    table.row("image UNet, half", many, ours(module, source, many), "DDIM")
    if device != "cuda":  # walk the way without waiting for a compiler
        setattr(quick, "compile_regions", partial(compile_regions, backend="eager"))  # noqa: B010
    compile_it(module, source, "the image UNet")
    table.row("image UNet, half, compiled", many, ours(module, source, many), "DDIM")
    table.row("image UNet, half, compiled", few, ours(module, source, few), "DDIM")
    module.reuse = 3
    table.row("the same, deep part every 3 steps", many, ours(module, source, many), "DDIM")
    module.reuse = 1
    quicken(module, Quick(solver=UNIPC))
    for steps in (2 * few, few):
        table.row("image UNet, half, compiled, UniPC", steps, ours(module, source, steps), "UniPC", 1)
    module = build(size, device, video=True).eval()
    table.made.clear()
    table.row("video UNet", many, ours(module, source, many), "DDIM", 1)
    quicken(module, Quick(half=True))
    table.row("video UNet, half", many, ours(module, source, many), "DDIM", 1)
    table.row("video UNet, half", few, ours(module, source, few), "DDIM", 1)
    module.reuse = 3
    table.row("the same, deep part every 3 steps", many, ours(module, source, many), "DDIM", 1)
    module.reuse = 1
    compile_it(module, source, "the video UNet")
    table.row("video UNet, half, compiled", many, ours(module, source, many), "DDIM", 1)


def compile_it(module: VeggieModule, source: Tensor, name: str) -> None:
    """Compile the UNet by region and say how long its first edit takes; where that fails, say so and go on without."""
    started = time.perf_counter()
    try:
        quicken(module, Quick(compiled=True))
        ours(module, source, 1)()
        wait(module.device.type)
        say(f"{name} compiled by region: first edit, of one step", 1, f"{time.perf_counter() - started:.1f}", "", "")
    except Exception as error:
        say(f"{name} is not compiled: {error}"[:300].replace("\n", " "), "", "", "", "")
        for block in module.viddm.modules():
            block._compiled_call_impl = None


def ours(module: VeggieModule, source: Tensor, steps: int) -> Callable[[], Tensor]:
    """An edit of the frames."""

    def run() -> Tensor:
        with autocast(module.device):
            return module.edit(source, ["make the circle red"], SCALES, SEEDS, num_steps=steps)[0]

    return run


def parts(module: VeggieModule, source: Tensor, device: str) -> None:
    """What an edit does once, before and after its steps."""
    with torch.no_grad(), autocast(device):
        before = timed(lambda: module.condition(source, ["make the circle red"]), device, TIMES, WARM)
        latents = module.vae.encode_source(source)
        after = timed(lambda: module.decode(latents), device, TIMES, WARM)
    say("of each edit: MLLM, and the source encoded", "", f"{before:.2f}", "", "")
    say("of each edit: frames decoded", "", f"{after:.2f}", "", "")


def published(
    module: VeggieModule, source: Tensor, condition: Condition, steps: int, dtype: torch.dtype = torch.float32
) -> Callable[[], Tensor]:
    """The same edit by diffusers' pipeline, from the same states, source and noise.

    Under autocast with float32 weights, as we are; or with everything in another type, as people load it.
    """
    pipeline: Any = paper_size.pipeline_of(module)
    mixed = dtype == torch.float32
    if not mixed:
        pipeline.register_modules(
            unet=copy.deepcopy(module.viddm.unet).to(dtype), vae=copy.deepcopy(module.vae.vae).to(dtype)
        )
    shape = module.vae.latent_shape(source.shape[1], *source.shape[-2:])
    noise = torch.randn(1, *shape, generator=torch_rng(*SEEDS[0])).to(source.device)[0]
    states, null = (part[0].to(dtype) for part in (condition.tokens, condition.null))

    def run() -> Tensor:
        kind = source.device.type
        with autocast(kind) if mixed else torch.autocast(kind, enabled=False):
            made = pipeline(
                image=(source[0] / 2 + 0.5).to(dtype),
                num_inference_steps=steps,
                guidance_scale=SCALES.task,
                image_guidance_scale=SCALES.source,
                latents=noise.to(dtype),
                prompt_embeds=states,
                negative_prompt_embeds=null,
                output_type="pt",
            ).images
        pictures: Tensor = made.float() * 2 - 1
        return pictures

    return run
