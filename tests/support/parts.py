"""Small real parts that tests share: modules of the nano classes with random weights, and batches of noise."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers import DDIMScheduler
from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from veggie_pl.batch import Batch, Example, Skill
from veggie_pl.data.benchmark import Benchmark, ListedBenchmark
from veggie_pl.data.datamodule import VeggieDataModule
from veggie_pl.data.mixture import Weighted
from veggie_pl.data.records import BadRecordError, Record, Records
from veggie_pl.data.shapes import ShapesBenchmark, ShapesRecords
from veggie_pl.data.streams import EditingStream, GroundingStream, ReasoningStream
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.metrics import SkillTable
from veggie_pl.models import Aligner, Mllm, PixelCodec, TaskQueries, VidDM
from veggie_pl.module import VeggieModule
from veggie_pl.seeding import numpy_rng

NANO_MLLM = Path(__file__).resolve().parent.parent.parent / "weights/nano/mllm"
UNET = {
    "sample_size": 4,
    "in_channels": 96,
    "out_channels": 48,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [16, 32],
    "layers_per_block": 1,
    "cross_attention_dim": 24,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
    "time_cond_proj_dim": 2 * 24,  # queries x width
}
TEMPORAL = {"motion_num_attention_heads": 2, "motion_max_seq_length": 8}


def tiny_module(video: bool = False, add_source: bool = True, seed: int = 0, **options: object) -> VeggieModule:
    """A module of the nano classes, smaller still, with random weights."""
    torch.manual_seed(seed)
    return VeggieModule(
        mllm=Mllm(str(NANO_MLLM), pretrained=False, num_slots=8, attention="eager"),
        queries=TaskQueries(num_queries=2, max_frames=8, width=192),
        aligner=Aligner(width_in=192, width_out=24),
        viddm=VidDM(UNET, TEMPORAL, video, pool_task=True, add_source=add_source, eager_attention=True),
        vae=PixelCodec(4),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", prediction_type="sample", timestep_spacing="trailing"),
        **options,  # type: ignore[arg-type]
    )


def make_batch(size: int, num_frames: int, seed: int = 0, pixels: int = 16) -> Batch:
    """Noise clips with instructions of different lengths."""
    generator = torch.Generator().manual_seed(seed)
    source, target = torch.rand(2, size, num_frames, 3, pixels, pixels, generator=generator) * 2 - 1
    words = ["remove the red circle", "make it night", "please locate the blue star and fill it with red masks"]
    return Batch(
        source=source,
        target=target,
        mask=torch.ones(size, num_frames, pixels, pixels, dtype=torch.bool),
        examples=[Example(f"noise/{i}", list(Skill)[i % 8], words[i % 3], "red circle", "red") for i in range(size)],
        index=torch.arange(size),
    )


def randomise_output(module: VeggieModule) -> None:
    """An untrained nano model copies its source: give its last layer weights, so that gradient flows."""
    torch.manual_seed(3)
    torch.nn.init.normal_(module.viddm.unet.conv_out.weight, std=0.05)


class Holey:
    """Records, some of which cannot be read: which, is up to chance, but always the same."""

    def __init__(self, records: Records, share: float) -> None:
        self.records, self.share = records, share
        self.bucket = getattr(records, "bucket", "")

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Record:
        if numpy_rng("holey", index).random() < self.share:
            raise BadRecordError(f"bad/{index}", "the file is empty")
        return self.records[index]


def make_data(num_frames: int = 1, num_val: int = 0, bad: float = 0.0, **options: Any) -> VeggieDataModule:
    """Moving Shapes at 16 pixels, all three kinds of supervision; a share of the records may be bad."""

    def records(*skills: Skill) -> Records:
        found = ShapesRecords("train", num_frames=num_frames, size=16, skills=dict.fromkeys(skills, 1.0))
        return Holey(found, bad) if bad else found

    streams = {
        "editing": Weighted(EditingStream(records(Skill.REMOVAL, Skill.BACKGROUND)), 2.0),
        "grounding": Weighted(GroundingStream(records(Skill.GROUNDING)), 1.0),
        "reasoning": Weighted(ReasoningStream(records(Skill.REASONING)), 1.0),
    }
    measures = SkillTable(ShapeDetector(), aspects=["answer"])
    val: Benchmark | None = None
    if num_val:
        val = ShapesBenchmark("val", num_frames=num_frames, size=16, measures=measures)
    if val is not None and bad:  # the first two of each skill
        streams_of = {name: type(one)(Holey(one.records, 0.7)) for name, one in val.streams().items()}
        val = ListedBenchmark(streams_of, measures)
    return VeggieDataModule(streams, val, **{"batch_size": 4, "num_workers": 0, "num_val": num_val, **options})


def mixed_data(**options: Any) -> VeggieDataModule:
    """Images and clips of two frames in one run."""
    images, clips = make_data(1), make_data(2, **{"num_val": 0, **options})
    streams = {"images": images.mixture.streams["editing"], "editing": clips.mixture.streams["editing"]}
    return VeggieDataModule(streams, clips.val, **{"batch_size": 4, "num_workers": 0, "block": 4, **options})


def fit(module: VeggieModule, data: VeggieDataModule, max_steps: int, **options: Any) -> Trainer:
    """Train for real, on the CPU, without files unless a callback writes them."""
    ckpt_path = options.pop("ckpt_path", None)
    if module.make_optimizer is None:
        module.make_optimizer = lambda parameters: torch.optim.AdamW(parameters, 1e-3)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        max_epochs=-1,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in options.get("callbacks", [])),
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        **{"devices": 1, "check_val_every_n_epoch": None, "logger": False, "enable_progress_bar": False, **options},
    )
    trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return trainer


def fake_trainer(rank: int = 0, world: int = 1) -> SimpleNamespace:
    counts = SimpleNamespace(processed=0, ready=0)
    progress = SimpleNamespace(total=counts, current=counts, is_last_batch=False)
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    settings = {"accumulate_grad_batches": 1, "num_training_batches": float("inf")}
    return SimpleNamespace(global_rank=rank, world_size=world, fit_loop=loop, **settings)
