"""What each of two real processes does; ``test_ranks.py`` starts it with torchrun and compares with one process.

torchrun --standalone --nproc_per_node 2 tests/support/ranks.py OUT
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy

from support.parts import NANO_MLLM, fit, make_data, mixed_data, randomise_output, tiny_module
from support.video_models import nano_dit_module
from veggie_pl.callbacks import Ema, ErrorBudget, Evaluate, Freeze, GradNorms, SaveModel, SkillLoss
from veggie_pl.callbacks.error_budget import BudgetError
from veggie_pl.models import Mllm
from veggie_pl.models.stored import deferred_weights

BATCH, HELD = 4, 3  # batch: of all ranks together; held: samples a skill, which two ranks cannot share evenly
TRAINS: dict[str, Any] = {
    "validates": False
}  # the scores of two ranks take most of the time, and three cases show them
CLIPS = {"video": True, "frozen": ["vae", "mllm.model.model.vision_tower.post_layernorm"], "steps": 2, **TRAINS}
DIT = {"dit": True, "video": True, "frozen": ["vae", "mllm"], "steps": 2, **TRAINS}
PLANS: dict[str, dict[str, Any]] = {  # what is gone on from is kept after every step, all others at their end
    "images": {"frozen": ["vae", "mllm"], "kept": 1},
    "clips": CLIPS,
    "mixed": {"video": True, "frozen": ["vae", "mllm"], **TRAINS},
    "holes": {"frozen": ["vae", "mllm"], "bad": 0.4},  # ranks with holes, more of them, and nothing but holes
    "sharded": {"frozen": ["vae", "mllm"], "kept": 1},
    "pretrained": {"frozen": ["vae", "mllm"], "pretrained": True, **TRAINS},
    "sharded_pretrained": {
        "frozen": ["vae", "mllm"],
        "pretrained": True,
        "kept": 1,
        **TRAINS,
    },  # starts from the meta device
    "sharded_clips": CLIPS,
    "dit": DIT,
    "sharded_dit": DIT,
}
OVER = {"over": {"frozen": ["vae", "mllm"], "bad": 0.9, "max_bad": 0.1, "steps": 40}}  # more bad samples than allowed


def steps_of(case: str) -> int:
    """Training steps, of BATCH samples each."""
    return int((PLANS | OVER)[case].get("steps", 4))


class Record(Callback):
    """Losses of the global batch, samples in order and shapes, of this rank."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.keys: list[list[str]] = []
        self.frames: list[int] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.losses.append(float(trainer.strategy.reduce(outputs["loss"].clone())))
        self.keys.append(list(batch.key))
        self.frames.append(batch.source.shape[1])


def train(out: Path, case: str, world: int, ckpt: Path | None = None, accumulate: int = 1) -> Record:
    """Train for the steps of the case in all; leave a model folder and checkpoints."""
    plan, steps = (PLANS | OVER)[case], steps_of(case)
    settings: dict[str, Any] = {"num_steps": 1, "lr_factors": {"queries": 0.1}}
    settings["optimizer"] = lambda groups: torch.optim.SGD(groups, 0.05, momentum=0.5)
    if plan.get("dit"):
        module = nano_dit_module(**settings)
    else:
        module = tiny_module(plan.get("video", False), **settings)
        randomise_output(module)
    if plan.get("pretrained"):
        with deferred_weights() if case.startswith("sharded") and world > 1 else nullcontext():
            module.mllm = Mllm(str(NANO_MLLM), num_slots=8, attention="eager")
        assert all(p.is_meta for p in module.mllm.parameters()) == (module.mllm.pending is not None)
        assert (module.mllm.pending is not None) == (case.startswith("sharded") and world > 1)
    batch: dict[str, Any] = {"batch_size": BATCH // world // accumulate, "num_val": HELD}
    frames = 2 if plan.get("video") else 1
    data = mixed_data(**batch) if case == "mixed" else make_data(frames, bad=plan.get("bad", 0.0), **batch)
    record = Record()
    keep = ModelCheckpoint(out / "steps", every_n_train_steps=plan.get("kept", steps), save_top_k=-1, filename="{step}")
    watchers = [Freeze(plan["frozen"]), Ema(0.9), SkillLoss(1), GradNorms(1), Evaluate(), SaveModel(), keep, record]
    watchers.append(ErrorBudget(plan.get("max_bad", 1.0)))
    strategy: Any = {} if world == 1 else {"strategy": DDPStrategy(), "devices": world}
    if not plan.get("validates", True):
        strategy["limit_val_batches"] = 0
    if case.startswith("sharded") and world > 1:
        strategy["strategy"] = ModelParallelStrategy(world, 1, save_distributed_checkpoint=False)
    logger = CSVLogger(str(out), name="", version="")
    options = {"callbacks": watchers, "logger": logger, "log_every_n_steps": 1, "gradient_clip_val": 0.2}
    options |= {"val_check_interval": steps * accumulate, "accumulate_grad_batches": accumulate}
    fit(module, data, steps, ckpt_path=None if ckpt is None else str(ckpt), **strategy, **options)
    return record


def main(out: Path) -> None:
    """Every case, and the one that goes on from one rank's checkpoint."""
    torch.set_num_threads(1)
    records = {case: train(out / case, case, 2) for case in PLANS}
    records["resumed"] = train(out / "resumed", "images", 2, out / "one/steps/step=2.ckpt")
    place = out / "sharded_pretrained/steps/step=2.ckpt"  # without its MLLM
    records["sharded_pretrained_resumed"] = train(out / "sharded_pretrained_resumed", "sharded_pretrained", 2, place)
    records["sharded_resumed"] = train(out / "sharded_resumed", "sharded", 2, out / "sharded/steps/step=2.ckpt")
    rank = torch.distributed.get_rank()
    try:
        train(out / "over", "over", 2)
    except BudgetError as error:
        (out / f"over{rank}.txt").write_text(str(error))
    text = json.dumps({case: vars(record) for case, record in records.items()}, default=lambda value: None)
    (out / f"rank{rank}.json").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
