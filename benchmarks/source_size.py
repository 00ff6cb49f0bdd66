"""What does bringing an edit to the source's size cost and keep? Edits of clips larger than the model sees.

    python -m benchmarks.source_size [--size 128] [--clips 6]

The shipped model edits clips of val of Moving Shapes, drawn at ``--size`` pixels, at its own 32; the edit is then
brought back to ``--size`` by enlarging its change alone, and as ``edit`` does. PSNR to the exact answer in dB, over the
picture, inside and outside the change; means over clips. Prints a table for ``docs/NANO.md``.
"""

import argparse
import math
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from veggie_pl.batch import Clip, Mask, collate
from veggie_pl.data.shapes import ShapesBenchmark
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.enlarge import at_source_size
from veggie_pl.model_folder import load_model
from veggie_pl.video.clip import resize

MODEL = Path(__file__).resolve().parent.parent / "weights/nano/model"
NUM_FRAMES = 4


def change_alone(edited: Clip, small: Clip, source: Clip) -> Clip:
    """Enlarge the change, and let all detail of the source stay."""
    return (source + resize(edited - small, *source.shape[-2:])).clamp(-1, 1)


def psnr(clip: Clip, target: Clip, mask: Mask) -> list[float]:
    """PSNR in dB over all pixels, inside and outside; NaN where there are none."""
    error = (clip - target).square().mean(1)
    places: list[Bool[Tensor, "f h w"]] = [torch.ones_like(mask), mask, ~mask]
    return [10 * math.log10(4 / max(float(error[at].mean()), 1e-10)) if at.any() else math.nan for at in places]


def main() -> None:
    """Print a row for each skill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--clips", type=int, default=6, help="of each skill")
    options = parser.parse_args()
    editor = Editor(load_model(MODEL))
    print("| skill | change alone: all / inside / outside | as edit does |\n|---|---:|---:|")
    for skill, stream in ShapesBenchmark("val", num_frames=NUM_FRAMES, size=options.size).streams().items():
        found: list[list[list[float]]] = [[], []]
        for number in range(options.clips):
            batch = collate([(number, stream[number])])
            assert batch.target is not None
            source = batch.source[0]
            small = resize(source, *editor.module.size)
            edited = editor.edit_clip(small, batch.instruction[0])
            for scores, enlarge in zip(found, (change_alone, at_source_size), strict=True):
                scores.append(psnr(enlarge(edited, small, source), batch.target[0], batch.mask[0]))
        means = [torch.tensor(scores).nanmean(0).tolist() for scores in found]
        print(f"| {skill} | {' | '.join(' / '.join(f'{one:.1f}' for one in row) for row in means)} |", flush=True)


if __name__ == "__main__":
    main()
