"""VEGGIE at paper size from the shipped config.json, with random weights made on the device; and the same, narrow.

The narrow one does the same steps on tiny networks, so that ``benchmarks.gpu`` can be run where there is no GPU.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import DDIMScheduler

from benchmarks import paper_size
from veggie_pl.batch import Batch
from veggie_pl.callbacks import Freeze
from veggie_pl.models import Aligner, KlCodec, Mllm, TaskQueries, VidDM
from veggie_pl.models.codec import SD_VAE
from veggie_pl.models.lora import Lora
from veggie_pl.module import VeggieModule
from veggie_pl.planning.shapes import batch_of

ROOT = Path(__file__).resolve().parent.parent
NANO_MLLM = ROOT / "weights/nano/mllm"
LLAVA = ROOT / "conf/backbone/models/llava-onevision-qwen2-7b-ov-hf"
NARROW_WIDTH = 64


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Args:
        unet: Configuration of the image UNet.
        vae: Configuration of the codec.
        task_width: Of the task tokens that the UNet reads.
        queries: Of a frame.
        motion: Configuration of the temporal layers.
        dtype: Of the MLLM's weights.
    """

    unet: dict[str, Any]
    vae: dict[str, Any]
    task_width: int
    queries: int
    motion: dict[str, int]
    dtype: Literal["float32", "bfloat16"]


SD15 = paper_size.UNET | {
    "block_out_channels": [320, 640, 1280, 1280],
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
}
SIZES = {
    "real": Size(SD15, SD_VAE, 768, 32, {"motion_num_attention_heads": 8, "motion_max_seq_length": 32}, "bfloat16"),
    "narrow": Size(
        paper_size.UNET | {"sample_size": 8, "block_out_channels": [16, 16, 32, 32], "cross_attention_dim": 16},
        paper_size.VAE | {"block_out_channels": [8, 8, 16, 16], "sample_size": 64},
        16,
        4,
        {"motion_num_attention_heads": 1, "motion_norm_num_groups": 16},
        "float32",
    ),
}


def mllm_folder(size: str, folder: Path) -> Path:
    """A transformers folder without weights: the shipped configuration, nano's tokenizer, its ids written into it."""
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((NANO_MLLM / name).read_bytes())
    nano = json.loads((NANO_MLLM / "config.json").read_text())
    config = json.loads((LLAVA / "config.json").read_text()) if size == "real" else dict(nano)
    for key in [key for key in nano if key.endswith(("_token_id", "_token_index"))]:
        config[key] = nano[key]
    if size == "real":
        # The ids above are nano's; everything else of the language model is the 7B model's.
        for key in [key for key in nano["text_config"] if key.endswith("_token_id")]:
            config["text_config"][key] = nano["text_config"][key]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_bytes(
        ((LLAVA if size == "real" else NANO_MLLM) / "preprocessor_config.json").read_bytes()
    )
    return folder


def build(size: str, device: str, video: bool = False, lora: bool = False) -> VeggieModule:
    """The model on the device, bfloat16 weights in the MLLM; stage 1 of images or, with ``lora``, stage 2 of clips.

    What learns is what the paper's stages teach: queries, aligner and UNet, and in stage 2 the MLLM's adapters.
    """
    sizes = SIZES[size]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as home, torch.device(device):
        folder = mllm_folder(size, Path(home) / "mllm")
        adapters = Lora() if lora else None
        mllm = Mllm(str(folder), pretrained=False, dtype=sizes.dtype, lora=adapters)
        unet = VidDM(sizes.unet, sizes.motion if video else None, video=video)
        parts = (
            TaskQueries(sizes.queries, 8, mllm.width),
            Aligner(mllm.width, sizes.task_width),
            unet,
            KlCodec(None, sizes.vae),
        )
    scheduler = DDIMScheduler(
        **paper_size.BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading"
    )
    module = VeggieModule(mllm, *parts, scheduler).to(device)
    Freeze(["vae", "mllm"]).apply(module)  # adapters inside a frozen part still learn
    return module


def clips(module: VeggieModule, size: int, frames: int) -> Batch:
    """A batch of noise with instructions, on the module's device."""
    batch = batch_of(module, size, frames)
    generator = torch.Generator().manual_seed(0)
    source, target = torch.rand(2, *batch.source.shape, generator=generator) * 2 - 1
    batch.source, batch.target = source.to(module.device), target.to(module.device)
    batch.examples = [one._replace(instruction=paper_size.INSTRUCTION) for one in batch.examples]
    return batch
