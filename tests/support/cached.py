"""Small modules with a Stable Diffusion codec and the nano MLLM, both with caches, and what is encoded by them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from lightning import Callback

from support.checkpoints import sd_vae
from support.parts import NANO_MLLM, TEMPORAL, UNET, randomise_output
from veggie_pl.caching.filler import Filler
from veggie_pl.callbacks import Caches, Freeze
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.module import VeggieModule

FROZEN = ["vae", "mllm"]


def cached_module(folder: Path, cache: Path | None = None) -> VeggieModule:
    """The same weights with every call; ``folder`` holds the codec's."""
    if not (folder / "vae").exists():
        sd_vae().save_pretrained(folder / "vae")
    torch.manual_seed(0)
    places = (None, None) if cache is None else (str(cache / "latents"), str(cache / "features"))
    module = VeggieModule(
        mllm=Mllm(str(NANO_MLLM), num_slots=8, attention="eager", cache=places[1]),
        queries=TaskQueries(num_queries=2, max_frames=8, width=192),
        aligner=Aligner(width_in=192, width_out=24),
        viddm=VidDM(
            {**UNET, "in_channels": 8, "out_channels": 4}, TEMPORAL, False, pool_task=True, eager_attention=True
        ),
        vae=KlCodec(str(folder / "vae"), cache=places[0]),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", prediction_type="sample", timestep_spacing="trailing"),
    )
    randomise_output(module)
    return module


def filler_of(module: VeggieModule) -> Filler:
    """Frozen as a run freezes it, in float32."""
    Freeze(FROZEN).apply(module)
    return Filler(module, nullcontext, lambda batch: batch, torch.device("cpu"))


class Losses(Callback):
    """Of every step, as they are."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append(outputs["loss"].item())


def callbacks(*more: Callback) -> list[Callback]:
    """As `fit` has them, as far as caches go."""
    return [Freeze(FROZEN), Caches(), *more]


@contextmanager
def counted(module: VeggieModule) -> Iterator[dict[str, int]]:
    """Frames that the codec's encoder and the vision tower were given."""
    found = {"latents": 0, "features": 0}

    def note(name: str) -> Any:
        def add(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            found[name] += len(next(iter((*given, *named.values()))))

        return add

    parts = {"latents": module.vae.vae.encoder, "features": module.mllm.model.base_model.vision_tower}
    hooks = [part.register_forward_pre_hook(note(name), with_kwargs=True) for name, part in parts.items()]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
