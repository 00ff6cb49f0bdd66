"""What caches give a step of stage 1 at the nano size; `python -m benchmarks.caches` prints a table.

Ways take turns within each round, on the same batches; a step is loss, gradients and AdamW, without loading data. The
first pass over the batches fills the caches and is not counted. Beside the nano model as shipped, whose codec only
rearranges pixels, stands one with an autoencoder of Stable Diffusion's kind, narrow and of random weights.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
import yaml

from veggie_pl.batch import Batch, collate
from veggie_pl.callbacks import Freeze
from veggie_pl.commands.configs import VeggieCLI
from veggie_pl.files import CONF, TRAINING
from veggie_pl.module import VeggieModule

KL = {
    "block_out_channels": [32, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 16,
}
WAYS = {  # codec of Stable Diffusion's kind, latents cached, features cached
    "nano as shipped": (False, False, False),
    "nano as shipped, features cached": (False, False, True),
    "nano with an autoencoder": (True, False, False),
    "nano with an autoencoder, latents cached": (True, True, False),
    "nano with an autoencoder, latents and features cached": (True, True, True),
}


@dataclass
class Way:
    """A module, its optimizer, and seconds of its steps."""

    module: VeggieModule
    optimizer: torch.optim.Optimizer
    seconds: list[float] = field(default_factory=list)

    def step(self, batch: Batch) -> float:
        """Train on a batch; seconds."""
        started = time.perf_counter()
        self.module.per_sample_loss(batch, "fit").mean().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - started


def build(home: Path, name: str, batch: int) -> tuple[Way, list[Batch]]:
    """The config of stage 1 with some of its parts changed, and the first batches of its mixture."""
    kl, latents, features = WAYS[name]
    model: dict[str, object] = {"mllm": {"init_args": {"cache": str(home / name)}}} if features else {}
    if kl:
        init = {"folder": None, "config": KL, "cache": str(home / name) if latents else None}
        model["vae"] = {"class_path": "veggie_pl.models.KlCodec", "init_args": init}
        nano = yaml.safe_load((CONF / "backbone/nano.yaml").read_text())["model"]["viddm"]["init_args"]["unet_config"]
        model["viddm"] = {"init_args": {"unet_config": {**nano, "in_channels": 8, "out_channels": 4}}}
    (home / "own.yaml").write_text(yaml.safe_dump({"model": model, "trainer": {"logger": False, "accelerator": "cpu"}}))
    files = ["conf/stage1.yaml", str(home / "own.yaml")]
    args = [*(word for file in files for word in ("--config", file)), "--trainer.callbacks", "null"]
    cli = VeggieCLI(args, run=False, parser_kwargs={"default_config_files": TRAINING})
    module, mixture = cli.model, cli.datamodule.mixture
    assert isinstance(module, VeggieModule)
    Freeze(["vae", "mllm"]).apply(module)
    optimizer = torch.optim.AdamW([one for one in module.parameters() if one.requires_grad], 1e-4)
    batches = [collate([mixture[row] for row in range(start, start + batch)]) for start in (0, batch)]
    return Way(module, optimizer), batches


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16, help="pictures of a step")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each way")
    parser.add_argument("--steps", type=int, default=2, help="steps of a turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        built = {name: build(Path(folder), name, options.batch) for name in WAYS}
        for way, batches in built.values():  # fills the caches
            for batch in batches:
                way.step(batch)
        for _ in range(options.rounds):
            for way, batches in built.values():
                way.seconds += [way.step(batches[step % len(batches)]) for step in range(options.steps)]
    print(f"{torch.get_num_threads()} threads, float32, batches of {options.batch} pictures\n")
    print("| stage 1 step | ms, median | least | ratio |\n|---|---:|---:|---:|")
    for name, (way, _) in built.items():
        plain = "nano with an autoencoder" if WAYS[name][0] else "nano as shipped"
        middle, base = (statistics.median(one.seconds) for one in (way, built[plain][0]))
        print(f"| {name} | {1e3 * middle:.0f} | {1e3 * min(way.seconds):.0f} | {base / middle:.2f} |")


if __name__ == "__main__":
    main()
