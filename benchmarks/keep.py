"""What do the model's own mask, a region from outside and a local edit keep, and what do they cost?

    python -m benchmarks.keep own [--clips 64] [--split test]     # --keep nothing / background, skill by skill
    python -m benchmarks.keep region [--clips 64] [--split test]  # the exact region from outside, whole / --local
    python -m benchmarks.keep long [--clips 8] [--split test]     # --keep in clips of several windows, way by way
    python -m benchmarks.keep flops                               # of a local edit at 128 x 128 latents
    python -m benchmarks.keep time [--width 8]                    # the same in seconds, an eighth as wide

Each prints a table for ``docs/NANO.md`` or ``docs/LONG_CLIPS.md``. The first three edit clips of Moving Shapes by the
shipped model, the first two in float32 with two sampling steps: success in % and PSNR outside and inside the change in
dB, with 95 % intervals over clips, and the process's time a clip. ``flops`` counts those of Stable Diffusion 1.5's UNet
on tensors without data; ``time`` runs one that is narrower, with random weights and no guard: what is predicted is not
looked at.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from benchmarks.gpu_model import SD15
from veggie_pl.batch import Batch, Clips, collate
from veggie_pl.data.instructions.request import find_request
from veggie_pl.data.instructions.sought import LOCAL
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.diffusion.crop import TOLERANCE, Crop, crop_around, cropped
from veggie_pl.experts.shape_detector import ShapeDetector
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.long_clips import LONG, Long, LongClips
from veggie_pl.keeping import Keep
from veggie_pl.masks.soften import soften
from veggie_pl.metrics import SkillTable
from veggie_pl.metrics.skill_scores import SkillScores
from veggie_pl.model import VeggieModel
from veggie_pl.model_folder import load_model
from veggie_pl.models import VidDM
from veggie_pl.planning.meter import Meter
from veggie_pl.video.clip import to_frames

MODEL = Path(__file__).resolve().parent.parent / "weights/nano/model"
LENGTH = 22  # frames of long clips: three windows
BATCH, MARGIN = 8, 2  # clips; pixels that the region from outside is wider than the change
SIDE = 128  # latent cells
Edit = Callable[[VeggieModel, Batch], Clips]


def own(keep: Keep) -> Edit:
    """Edit as `test --model.keep` does."""

    def edit(module: VeggieModel, batch: Batch) -> Clips:
        module.keep = keep
        return module.edit_batch(batch)

    return edit


def region(local: float) -> Edit:
    """Edit clip by clip where the exact answer differs from the source, as `edit --region` does."""

    def edit(module: VeggieModel, batch: Batch) -> Clips:
        module.local = local
        edited = []
        for row in range(len(batch.source)):
            may_change = (soften(batch.mask[row : row + 1], MARGIN, 0) > 0).float()
            guidance = find_request(batch.instruction[row], module.guidance, batch.skill[row]).guidance
            seeds = [(module.seed, "edit", batch.key[row])]
            source, words = batch.source[row : row + 1], [batch.instruction[row]]
            edited.append(module.edit(source, words, guidance, seeds, region=may_change))
        return torch.cat(edited)

    return edit


def long(how: Long, keep: Keep) -> Edit:
    """Edit clip by clip as `edit --long --keep` does."""

    def edit(module: VeggieModel, batch: Batch) -> Clips:
        editor = Editor(module, keep=keep, long=LongClips(how))
        asked = zip(batch.source, batch.instruction, strict=True)
        return torch.stack([editor.edit_frames(to_frames(source), words) for source, words in asked])

    return edit


def rows(name: str, edit: Edit, clips: int, split: Literal["val", "test"], num_frames: int = 8) -> None:
    """Print a row for each local skill."""
    module: VeggieModel = load_model(MODEL)
    module.num_steps = 2
    measures = SkillTable(ShapeDetector(), aspects=["answer"])
    for stream in ShapesBenchmark(split, num_frames=num_frames, measures=measures).streams().values():
        skill = collate([(0, stream[0])]).skill[0]
        if skill not in LOCAL:
            continue
        scores, seconds = SkillScores(measures.of_skill(skill)), 0.0
        for first in range(0, clips, BATCH):
            batch = collate([(number, stream[number]) for number in range(first, min(first + BATCH, clips))])
            started = time.process_time()
            edited = edit(module, batch)
            seconds += time.process_time() - started
            scores.update(edited, batch)
        found = scores.summaries(0)
        wanted = (scores.row.headline, "psnr_outside", "psnr_inside")
        cells = [f"{one.mean:.1f} [{one.low:.1f}, {one.high:.1f}]" for one in (found[key] for key in wanted)]
        print(f"| {skill} | {name} | {' | '.join(cells)} | {seconds / clips:.2f} |", flush=True)


def tenth(viddm: VidDM) -> tuple[Bool[Tensor, "1 1 h w"], Crop]:
    """Give a region of a tenth of the picture, in the middle, and the crop around it."""
    side = round((0.1 * SIDE**2) ** 0.5)
    cells = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    start = (SIDE - side) // 2
    cells[..., start : start + side, start : start + side] = True
    crop = crop_around(cells, viddm.crop_multiple)
    assert crop is not None
    return cells, crop


def seconds(width: int) -> None:
    """Time both ways, the first step on both included, after one pass of each that is not timed."""
    channels = [count // width for count in (320, 640, 1280, 1280)]
    narrow = {"block_out_channels": channels, "norm_num_groups": 32 // width, "attention_head_dim": 8 // width}
    viddm = VidDM({**SD15, **narrow}).eval()
    cells, crop = tenth(viddm)
    noisy, tokens = torch.randn(1, 1, 4, SIDE, SIDE), torch.randn(1, 1, 32, 768)

    def whole(latents: Tensor, timestep: Tensor) -> Tensor:
        return viddm(latents, latents, timestep, tokens)  # type: ignore[no-any-return]

    print("| steps | whole, s | local, s | times |\n|---:|---:|---:|---:|")
    for steps in (1, 2, 10):
        spent = []
        for predict in (whole, cropped(whole, whole, crop, cells, math.inf)):
            started = time.process_time()
            with torch.inference_mode():
                for _ in range(steps):
                    predict(noisy, torch.zeros(1))
            spent.append(time.process_time() - started)
        if steps > 1:  # one is to warm up
            print(f"| {steps} | {spent[0]:.1f} | {spent[1]:.1f} | {spent[0] / spent[1]:.2f} |", flush=True)


def flops() -> None:
    """Count a region of a tenth of the picture."""
    with torch.device("meta"):
        viddm = VidDM(SD15)
    cells, crop = tenth(viddm)
    side, near = round(float(cells.sum()) ** 0.5), crop.rows.stop - crop.rows.start
    counted = {}
    for size in (SIDE, near):
        latents = torch.zeros(1, 1, 4, size, size, device="meta")
        tokens = torch.zeros(1, 1, 32, 768, device="meta")
        with torch.no_grad(), Meter(viddm, lambda name: "") as meter:
            viddm(latents, latents, torch.zeros(1, device="meta"), tokens)
        counted[size] = sum(cost.flops for cost in meter.costs.values())
    print(f"region {side} x {side} of {SIDE} x {SIDE} cells, crop {near} x {near}")
    for steps in (2, 10, 20, 50):
        whole, local = steps * counted[SIDE], counted[SIDE] + steps * counted[near]
        print(f"| {steps} | {whole / 1e12:.1f} | {local / 1e12:.1f} | {whole / local:.2f} |")


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["own", "region", "long", "flops", "time"])
    parser.add_argument("--clips", type=int, default=64, help="of each skill")
    parser.add_argument("--split", choices=["val", "test"], default="test")
    parser.add_argument(
        "--width", type=int, choices=[1, 2, 4, 8], default=8, help="time: as what part of Stable Diffusion 1.5's"
    )
    options = parser.parse_args()
    if options.what == "flops":
        return flops()
    if options.what == "time":
        return seconds(options.width)
    if options.what == "own":
        ways = {"nothing": own("nothing"), "background": own("background")}
    elif options.what == "long":
        ways = {f"{how}, {keep}": long(how, keep) for how in LONG for keep in get_args(Keep)}
    else:
        ways = {"whole": region(0), "local": region(TOLERANCE), "local, without the guard": region(math.inf)}
    for name, edit in ways.items():
        rows(name, edit, options.clips, options.split, LENGTH if options.what == "long" else 8)
    return None


if __name__ == "__main__":
    main()
