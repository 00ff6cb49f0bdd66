"""Outputs of made-up methods on Moving Shapes, as files."""

from collections.abc import Callable
from pathlib import Path

from veggie_pl.batch import Clip, Sample
from veggie_pl.data.benchmark import Benchmark
from veggie_pl.video.writer import write_clip

Edit = Callable[[Sample], Clip | None]  # None writes nothing


def exact(sample: Sample) -> Clip | None:
    return sample.target


def copied(sample: Sample) -> Clip | None:
    return sample.source


def write_outputs(folder: Path, benchmark: Benchmark, per_skill: int, edit: Edit) -> list[Path]:
    """Lossless pictures, one folder an example, named by its key."""
    found = []
    for stream in benchmark.streams().values():
        for index in range(per_skill):
            sample = stream[index]
            if (clip := edit(sample)) is None:
                continue
            place = folder / sample.example.key
            place.mkdir(parents=True)
            for number, frame in enumerate(clip):
                write_clip(place / f"{number}.png", frame[None])
            found.append(place)
    return found
