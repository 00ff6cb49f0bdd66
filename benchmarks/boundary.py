"""J and F of DAVIS against the DAVIS 2017 toolkit's way of computing them: equal values, and what the time is.

Run  python -m benchmarks.boundary
Needs scikit-image (in the ``dev`` extra), as the toolkit does. Both take one thread, in turns; the times are of the
processor, the best of some rounds.

The toolkit's algorithm (``davis2017/metrics.py`` of github.com/davisvideochallenge/davis2017-evaluation, read at
30b698a) in words of our own: contours are pixels that differ from the one to the right, below or below right; both
contours are dilated by a disk; precision and recall are the shares of one contour within the dilated other.
"""

import argparse
import math
import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from jaxtyping import Bool
from skimage.morphology import disk

from veggie_pl.metrics.functional import boundary_f, region_jaccard
from veggie_pl.seeding import numpy_rng

Mask = Bool[np.ndarray, "h w"]
Masks = Bool[np.ndarray, "f h w"]
SIZES = ((480, 854), (512, 512), (1080, 1920), (32, 32))


def toolkit_contour(mask: Mask) -> Mask:
    """Shifted copies compared with the mask; the border of the image is no contour."""
    right, below, across = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1], below[:-1], across[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    edge: Mask = (mask ^ right) | (mask ^ below) | (mask ^ across)
    edge[-1] = mask[-1] ^ right[-1]
    edge[:, -1] = mask[:, -1] ^ below[:, -1]
    edge[-1, -1] = False
    return edge


def toolkit_f(pred: Mask, target: Mask, tolerance: float = 0.008) -> float:
    """Boundary measure of one frame by dilation."""
    counts_in = np.logical_not(np.zeros_like(pred))  # no pixel is void, but the toolkit looks
    round_about = disk(math.ceil(tolerance * np.linalg.norm(pred.shape))).astype(np.uint8)  # type: ignore[no-untyped-call]
    a, b = toolkit_contour(pred * counts_in), toolkit_contour(target * counts_in)
    right_a = a * cv2.dilate(b.astype(np.uint8), round_about)
    right_b = b * cv2.dilate(a.astype(np.uint8), round_about)
    num_a, num_b = a.sum(), b.sum()
    if num_a == 0 or num_b == 0:
        return float(num_a == num_b)
    precision, recall = right_a.sum() / num_a, right_b.sum() / num_b
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def toolkit_j(pred: Masks, target: Masks) -> np.ndarray:
    """Region measure of all frames."""
    counts_in = np.logical_not(np.zeros_like(pred))
    both = np.sum((pred & target) & counts_in, axis=(-2, -1))
    either = np.sum((pred | target) & counts_in, axis=(-2, -1))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def objects(num_frames: int, height: int, width: int, seed: int) -> tuple[Masks, Masks]:
    """A wavy thing that moves, a tenth of the picture in size, and a prediction of it that is a few pixels off."""
    rng = numpy_rng("boundary", seed, height, width)
    waves = rng.uniform(0, 0.25, 6) / np.arange(2, 8)
    phases = rng.uniform(0, 2 * math.pi, (2, 6))
    y, x = np.mgrid[:height, :width] / min(height, width)
    clips = []
    for wobble in (0.0, 0.4):
        frames = []
        for frame in range(num_frames):
            down, across = y - 0.5 - 0.01 * frame, x - 0.5 * width / min(height, width) + 0.01 * frame
            angle = np.arctan2(down, across)
            reach = sum(
                wave * np.cos(k * angle + phases[0, k - 2] + wobble * np.sin(phases[1, k - 2] + frame))
                for k, wave in enumerate(waves, start=2)
            )
            frames.append(np.hypot(down, across) < 0.2 * (1 + reach + wobble / 4))
        clips.append(np.stack(frames))
    return clips[0], clips[1]


def best(run: Callable[[], object], rounds: int) -> float:
    """Least processor time in milliseconds."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Print one row per size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print("| size | toolkit J&F, ms a frame | here | ratio | largest difference |\n|---|---:|---:|---:|---:|")
    for height, width in SIZES:
        pred, target = objects(args.frames, height, width, seed=0)
        ours = torch.from_numpy(pred), torch.from_numpy(target)

        def toolkit(pred: Masks = pred, target: Masks = target) -> np.ndarray:
            f = [toolkit_f(a, b) for a, b in zip(pred, target, strict=True)]
            return np.stack([toolkit_j(pred, target), np.array(f)])

        def here(pred: torch.Tensor = ours[0], target: torch.Tensor = ours[1]) -> np.ndarray:
            return torch.stack([region_jaccard(pred, target), boundary_f(pred, target)]).numpy()

        difference = np.abs(toolkit() - here()).max()
        theirs, mine = (best(run, args.rounds) / args.frames for run in (toolkit, here))
        print(f"| {height} x {width} | {theirs:.2f} | {mine:.2f} | {theirs / mine:.1f} | {difference:g} |", flush=True)


if __name__ == "__main__":
    main()
