"""Are masks read back from pictures that a codec has been at? Painted clips through blur, JPEG and H.264, and back.

    python -m benchmarks.painting [--clips 12]

Clips of 8 frames, 128 x 128: Moving Shapes, textures of pink noise, and scikit-image's photographs under a moving view;
on the latter two, blobs of three sizes are filled, by colours chosen as in training. Prints markdown tables.
"""

import argparse
import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
import cv2
import numpy as np
import skimage.data
import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Clip, Example, Mask, Skill
from veggie_pl.data.records import Record
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.streams import choose_fill
from veggie_pl.masks.colors import COLORS
from veggie_pl.masks.paint import paint, paint_objects, visible
from veggie_pl.masks.unpaint import DecodedMask, decode_mask, read_objects
from veggie_pl.metrics.functional import region_jaccard
from veggie_pl.seeding import numpy_rng
from veggie_pl.video.clip import resize, to_clip, to_frames

SIZE, FRAMES = 128, 8
AREAS = {"small": 0.006, "medium": 0.03, "large": 0.15}  # share of the frame
BETWEEN = (0.012, 0.06)  # where one size ends and the next begins
MARGIN = 16  # pixels that a view can move by in each direction
FEATHER = 8.0  # pixels from untouched to whole at the edge of a soft mask
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "retina")
CRFS = (10, 18, 23, 28, 35)
Soft = Float[Tensor, "f h w"]
Spoil = Callable[[Clip], Clip]


@dataclass(frozen=True)
class Case:
    """A source and what is to be filled."""

    source: Clip
    mask: Mask
    soft: Soft  # the same object with a soft edge
    fill: str


Way = Callable[[Clip, Case, Spoil], DecodedMask]


def gauss(sigma: float) -> Spoil:
    def spoil(clip: Clip) -> Clip:
        frames = clip.permute(0, 2, 3, 1).numpy()
        return torch.from_numpy(np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])).movedim(-1, 1)

    return spoil


def down_up(factor: int) -> Spoil:
    return lambda clip: resize(resize(clip, SIZE // factor, SIZE // factor), SIZE, SIZE)


def jpeg(quality: int) -> Spoil:
    def spoil(clip: Clip) -> Clip:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        coded = [cv2.imencode(".jpg", frame[..., ::-1], options)[1] for frame in to_frames(clip)]
        return to_clip(np.stack([np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1] for data in coded]))

    return spoil


def h264(crf: int, pixels: str) -> Spoil:
    def spoil(clip: Clip) -> Clip:
        data = io.BytesIO()
        with av.open(data, "w", format="mp4") as file:
            stream = file.add_stream("libx264", rate=8, options={"crf": str(crf)})
            stream.height, stream.width, stream.pix_fmt = *clip.shape[-2:], pixels
            for frame in to_frames(clip):
                file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            file.mux(stream.encode())
        data.seek(0)
        with av.open(data, "r") as file:
            return to_clip(np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]))

    return spoil


SPOILS: dict[str, Spoil] = {
    "8-bit pixels": lambda clip: to_clip(to_frames(clip)),
    **{f"blur, sigma {sigma:g}": gauss(sigma) for sigma in (0.5, 1, 2)},
    **{f"down and up x{factor}": down_up(factor) for factor in (2, 4, 8)},
    **{f"JPEG {quality}": jpeg(quality) for quality in (95, 75, 50, 25)},
    **{
        f"H.264 crf {crf} {pixels}": h264(crf, pixels)
        for pixels in ("yuv444p", "yuv420p")
        for crf in (10, 18, 23, 28, 35)
    },
}


def blob(rng: np.random.Generator, area: float) -> Soft:
    """A star-like outline of this area that moves on by up to two pixels a frame."""
    angles = np.arange(2, 6)
    waves, phases = rng.normal(0, 0.25 / angles), rng.uniform(0, 2 * np.pi, len(angles))
    radius = SIZE * np.sqrt(area / np.pi)
    centre, speed = rng.uniform(0.3, 0.7, 2) * SIZE, rng.uniform(-2, 2, 2)
    y, x = np.mgrid[:SIZE, :SIZE]
    frames = []
    for frame in range(FRAMES):
        down, right = y - centre[0] - speed[0] * frame, x - centre[1] - speed[1] * frame
        angle = np.arctan2(down, right)[..., None]
        edge = radius * (1 + (waves * np.cos(angles * angle + phases)).sum(-1))
        width = min(FEATHER, radius)
        frames.append(np.clip(0.5 + (edge - np.hypot(down, right)) / width, 0, 1))
    return torch.from_numpy(np.stack(frames)).float()


def textures(number: int) -> Clip:
    """Noise with the spectrum of natural pictures, 1/f, its colour channels alike in part."""
    rng = numpy_rng("texture", number)
    side = 2 * SIZE
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    frequency[0, 0] = np.inf
    planes = [np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / frequency) for _ in range(4)]
    gray, *own = (plane / plane.std() for plane in planes)
    picture = np.stack([np.tanh(0.5 * (0.8 * gray + 0.6 * plane)) for plane in own], -1)
    return moving_view(picture.astype(np.float32), rng)


def photographs(number: int) -> Clip:
    rng = numpy_rng("photograph", number)
    picture = getattr(skimage.data, PHOTOGRAPHS[number % len(PHOTOGRAPHS)])()
    side = round(min(picture.shape[:2]) * rng.uniform(0.6, 1))
    top, left = (int(rng.integers(0, length - side + 1)) for length in picture.shape[:2])
    cut = cv2.resize(
        picture[top : top + side, left : left + side], (SIZE + 32, SIZE + 32), interpolation=cv2.INTER_AREA
    )
    return moving_view(cut.astype(np.float32) / 127.5 - 1, rng)


def moving_view(picture: np.ndarray, rng: np.random.Generator) -> Clip:
    speed = rng.integers(-2, 3, 2)
    places = [np.array([MARGIN, MARGIN]) + speed * (frame - FRAMES // 2) for frame in range(FRAMES)]
    return torch.from_numpy(np.stack([picture[y : y + SIZE, x : x + SIZE] for y, x in places])).permute(0, 3, 1, 2)


def blob_cases(source: Callable[[int], Clip], num: int) -> Iterator[Case]:
    for number in range(num):
        clip = source(number)
        soft = blob(numpy_rng("blob", number), list(AREAS.values())[number % len(AREAS)])
        record = Record(Example(f"{source.__name__}/{number}", Skill.GROUNDING), clip, mask=soft >= 0.5)
        yield Case(clip, soft >= 0.5, soft, choose_fill(record))


def shape_cases(num: int) -> Iterator[Case]:
    records = ShapesRecords("val", num_frames=FRAMES, size=SIZE, skills={"grounding": 1.0}, vocabulary="large")
    for record in (records[number] for number in range(num)):
        assert record.mask is not None
        soft = gauss(FEATHER / 4)(record.mask[:, None].float().expand(-1, 3, -1, -1))[:, 0]
        yield Case(record.source, record.mask, soft.where(soft > 0.01, 0), record.example.fill)


def size_of(mask: Mask) -> str:
    area = float(mask.float().mean())
    return list(AREAS)[sum(area > limit for limit in BETWEEN)]


def accuracy(cases: list[Case]) -> list[tuple[float, float]]:
    """One row a codec: overlap by size, error of soft shares, confidence. Gives (confidence, overlap) of all frames."""
    print("| codec | IoU % small | medium | large | share error | confidence | its error |\n|---|" + 6 * "---:|")
    seen: list[tuple[float, float]] = []
    for name, spoil in SPOILS.items():
        overlap: dict[str, list[float]] = {size: [] for size in AREAS}
        shares, pairs = [], []
        for case in cases:
            read = decode_mask(spoil(paint(case.source, case.mask, case.fill)), case.source, case.fill)
            found = region_jaccard(read.mask, case.mask).tolist()
            overlap[size_of(case.mask)] += found
            pairs += list(zip(read.confidence.tolist(), found, strict=True))
            soft = decode_mask(spoil(paint(case.source, case.soft, case.fill)), case.source, case.fill)
            shares.append(float((soft.share - case.soft).abs()[case.soft > 0].mean()))
        by_size = " | ".join(f"{100 * np.mean(found):.1f}" if found else "–" for found in overlap.values())
        sure, off = np.mean([one for one, _ in pairs]), np.mean([abs(one - other) for one, other in pairs])
        print(f"| {name} | {by_size} | {np.mean(shares):.3f} | {sure:.2f} | {off:.2f} |", flush=True)
        seen += pairs
    return seen


def calibration(seen: list[tuple[float, float]]) -> None:
    """What overlap a confidence stands for."""
    print("| confidence | frames | IoU %, mean | one in twenty is below |\n|---|---:|---:|---:|")
    for low, high in itertools.pairwise((0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)):
        found = [overlap for sure, overlap in seen if low <= sure < high]
        if found:
            lowest = np.quantile(found, 0.05)
            print(f"| {low:g} – {min(high, 1):g} | {len(found)} | {100 * np.mean(found):.1f} | {100 * lowest:.1f} |")
    sure, overlaps = np.array(seen).T
    print(f"\nmean confidence {sure.mean():.3f}, mean IoU {overlaps.mean():.3f}", end=", ")
    print(f"mean difference {np.abs(sure - overlaps).mean():.3f}")


def nothing_to_find(cases: list[Case]) -> None:
    """What is read where nothing was painted, or in another colour than is looked for."""
    print(
        "| codec | untouched: share of frame read, ‰ | confidence | another colour: confidence |\n|---|" + 3 * "---:|"
    )
    for name, spoil in SPOILS.items():
        areas, empty, wrong = [], [], []
        for case in cases:
            read = decode_mask(spoil(case.source), case.source, case.fill)
            areas.append(float(read.mask.float().mean()))
            empty += read.confidence.tolist()
            others = [fill for fill in COLORS if fill != case.fill]
            edited = spoil(paint(case.source, case.mask, others[len(areas) % len(others)]))
            wrong += decode_mask(edited, case.source, case.fill).confidence.tolist()
        print(f"| {name} | {1000 * np.mean(areas):.2f} | {np.mean(empty):.2f} | {np.mean(wrong):.2f} |", flush=True)


def way_of_reading(threshold: float = 0.5, window: float = 0.0, spoil_source: bool = False) -> Way:
    def read(edited: Clip, case: Case, spoil: Spoil) -> DecodedMask:
        source = spoil(case.source) if spoil_source else case.source
        return decode_mask(edited, source, case.fill, threshold, window=window)

    return read


WAYS = {
    **{f"t = {threshold}": way_of_reading(threshold) for threshold in (0.3, 0.4, 0.5, 0.6, 0.7)},
    **{f"window {sigma:g}": way_of_reading(window=sigma) for sigma in (0.5, 1, 2)},
    "source too": way_of_reading(spoil_source=True),
    "both": way_of_reading(window=0.5, spoil_source=True),
}


def other_ways(cases: list[Case]) -> None:
    """Overlap in percent with another threshold, a window, or against the source as the codec leaves it."""
    print(f"| codec | {' | '.join(WAYS)} |\n|---|{'---:|' * len(WAYS)}")
    for name, spoil in SPOILS.items():
        spoiled = [spoil(paint(case.source, case.mask, case.fill)) for case in cases]
        means = []
        for way in WAYS.values():
            pairs = zip(spoiled, cases, strict=True)
            found = [region_jaccard(way(edited, case, spoil).mask, case.mask) for edited, case in pairs]
            means.append(f"{100 * float(torch.cat(found).mean()):.1f}")
        print(f"| {name} | {' | '.join(means)} |", flush=True)


def several(cases: list[Case]) -> None:
    """Overlap in percent of what is seen of each, with more objects of one colour each on the same clips."""
    counts = (1, 2, 3, len(COLORS))
    print(f"| codec | {' | '.join(map(str, counts))} |\n|---|{'---:|' * len(counts)}")
    for name, spoil in SPOILS.items():
        means = []
        for count in counts:
            found = []
            for number, case in enumerate(cases):
                rng = numpy_rng("several", number)
                masks = torch.stack([blob(rng, AREAS["medium"]) >= 0.5 for _ in range(count)])
                fills = [str(fill) for fill in rng.permutation(list(COLORS))[:count]]
                read = read_objects(spoil(paint_objects(case.source, masks, fills)), case.source, fills)
                found.append(region_jaccard(read.mask, visible(masks).bool()).flatten())
            means.append(f"{100 * float(torch.cat(found).mean()):.1f}")
        print(f"| {name} | {' | '.join(means)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=12, help="clips of each kind")
    num = parser.parse_args().clips
    torch.set_num_threads(1)
    kinds = {
        "Moving Shapes": list(shape_cases(num)),
        "Textures": list(blob_cases(textures, num)),
        "Photographs": list(blob_cases(photographs, num)),
    }
    seen = []
    for kind, cases in kinds.items():
        print(f"\n### {kind}\n")
        seen += accuracy(cases)
    every = [case for cases in kinds.values() for case in cases]
    print("\n### What a confidence stands for\n")
    calibration(seen)
    print("\n### Nothing to find\n")
    nothing_to_find(every)
    print("\n### Other ways to read\n")
    other_ways(every)
    print("\n### Several objects\n")
    several(every)


if __name__ == "__main__":
    main()
