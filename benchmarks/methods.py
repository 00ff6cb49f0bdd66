"""How fast methods without training are beside the image model alone.

    python -m benchmarks.methods [--folder weights/nano/stage1] [--rounds 5]
    python -m benchmarks.methods --width 160 [--rounds 2]

Without --width whole edits over a model folder: frames a second of every method in ``veggie_pl.methods``, and their
ratio to ``FrameByFrame``; methods in turn, the median of all rounds. With it one pass of a UNet of Stable Diffusion
1.5's shape at 64 x 64 latents, plain and under VidToMe: random weights, and that many channels in the finest layers
(the real one has 320). Only the processor's own time is counted. Prints markdown.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from diffusers import UNet2DConditionModel

import veggie_pl.methods
from veggie_pl.batch import Batch, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.errors import UseError
from veggie_pl.methods import FrameByFrame
from veggie_pl.methods.processors import SamplingRun, processors_set, self_attention
from veggie_pl.methods.vidtome import MergedAttention


def clips(num_frames: int) -> Batch:
    """One clip of each skill of Moving Shapes."""
    streams = ShapesBenchmark("test", num_frames=num_frames).streams()
    return collate([(0, stream[0]) for stream in streams.values()])


def seconds(run: Callable[[], object]) -> float:
    """Processor time of a call."""
    started = time.process_time()
    run()
    return time.process_time() - started


def edits(folder: str, rounds: int, num_frames: int) -> None:
    """Print the table of whole edits."""
    batch = clips(num_frames)
    methods, refused = {}, []
    for name in veggie_pl.methods.__all__:
        try:
            methods[name] = getattr(veggie_pl.methods, name)(folder)
        except UseError as problem:
            refused.append(f"{name} is left out: {problem}")
    taken: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds + 1):  # the first is for warming up
        for name, method in methods.items():
            needed = seconds(partial(method.edit_batch, batch))
            taken[name] += [needed] if number else []
    rates = {name: batch.source.shape[:2].numel() / statistics.median(times) for name, times in taken.items()}
    print("| method | frames/s | ratio |\n|---|---:|---:|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} | {rate / rates[FrameByFrame.__name__]:.2f} |")
    print("\n" + "\n".join(refused))


def pass_of_unet(width: int, rounds: int, num_frames: int) -> None:
    """Print the table of one pass."""
    torch.manual_seed(0)
    channels = (width, 2 * width, 4 * width, 4 * width)
    unet = UNet2DConditionModel(
        in_channels=8, sample_size=64, block_out_channels=channels, attention_head_dim=8, cross_attention_dim=768
    ).eval()
    noisy, told = torch.randn(num_frames, 8, 64, 64), torch.randn(num_frames, 77, 768)
    taken: dict[str, list[float]] = {"plain": [], "VidToMe": [], "VidToMe, local alone": []}
    for number in range(rounds):
        for (name, times), ratio in zip(taken.items(), (None, 0.8, 0.0), strict=True):
            run = SamplingRun(num_frames, rounds, ("benchmark",), number)
            own = {} if ratio is None else self_attention(unet, 2)
            merged = {name: MergedAttention(plain, run, 4, 0.9, ratio or 0.0) for name, plain in own.items()}
            with torch.no_grad(), processors_set(unet, merged):
                times.append(seconds(lambda: unet(noisy, torch.tensor(500), told)))
    print("| pass at 64 x 64 latents | frames/s | ratio |\n|---|---:|---:|")
    for name, times in taken.items():
        rate, plain = (num_frames / statistics.median(one) for one in (times, taken["plain"]))
        print(f"| {name} | {rate:.2f} | {rate / plain:.2f} |")


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="weights/nano/stage1")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--width", type=int)
    given = parser.parse_args()
    if given.width:
        pass_of_unet(given.width, given.rounds, given.frames)
    else:
        edits(given.folder, given.rounds, given.frames)


if __name__ == "__main__":
    main()
