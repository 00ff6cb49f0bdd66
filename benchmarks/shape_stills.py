"""Image-edit pairs of Moving Shapes as a prepared table: pictures to lift, without a download.

python -m benchmarks.shape_stills [--count 1500] [-o runs/stills] [--video target]
"""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import cv2
import torch

from veggie_pl.batch import Clip
from veggie_pl.data.shapes import ShapesRecords
from veggie_pl.data.table import TableInfo, write_table
from veggie_pl.data.table.schema import Row
from veggie_pl.files import whole_folder
from veggie_pl.progress import progress
from veggie_pl.video.clip import to_frames
from veggie_pl.video.media import Media
from veggie_pl.video.writer import write_clip

log = logging.getLogger(__name__)
# As conf/data/shapes.yaml mixes them.
SKILLS = {
    "addition": 1.5,
    "removal": 0.75,
    "changing": 1.75,
    "background": 0.75,
    "visual_feature": 1.25,
    "stylization": 0.5,
}
FRAMES = 8
Video = Literal["none", "target"]


def write_stills(folder: Path, count: int, video: Video = "none", size: int = 32, seed: int = 1) -> Path:
    """Write pictures and their table; the train split of the world, with a seed that training does not use.

    Args:
        folder: New folder.
        count: Pairs.
        video: "none": both are pictures. "target": the edited one is a video, as in data whose target is real.
        size: Height and width in pixels.
        seed: Of the world.

    Returns:
        The table's folder.
    """
    records = ShapesRecords("train", seed=seed, skills=SKILLS, num_frames=1 if video == "none" else FRAMES, size=size)

    def rows(building: Path) -> Iterator[Row]:
        with progress() as tell:
            for number in range(count):
                record = records[number]
                assert record.target is not None
                source = _picture(building / f"{number:05d}_source.png", record.source[:1])
                name = f"{number:05d}_target" + (".png" if video == "none" else "")
                target = (_picture if video == "none" else _frames)(building / name, record.target)
                yield Row(record.example, (source,), target if isinstance(target, tuple) else (target,))
                tell("writing", number + 1, count)

    info = TableInfo(card="shape_stills", root=str(folder.resolve()), licence="CC0-1.0")
    with whole_folder(folder) as building:
        write_table(building / "train", rows(building), info)
    return folder / "train"


def _picture(path: Path, clip: Clip) -> Media:
    """Write one picture without loss."""
    cv2.imwrite(str(path), cv2.cvtColor(to_frames(clip)[0], cv2.COLOR_RGB2BGR))
    return Media(path.name)


def _frames(path: Path, clip: Clip) -> tuple[Media, ...]:
    """Write a clip as pictures, one a frame: a video that H.264 has not touched."""
    path.mkdir()
    for number, frame in enumerate(clip):
        write_clip(path / f"{number}.png", frame[None])
    return tuple(Media(f"{path.name}/{number}.png") for number in range(len(clip)))


def main() -> None:
    """Write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1500, help="pairs")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/stills"), help="new folder")
    parser.add_argument("--video", choices=["none", "target"], default="none", help="make the edited side a video")
    parser.add_argument("--size", type=int, default=32, help="height and width in pixels")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(write_stills(options.output, options.count, options.video, options.size))


if __name__ == "__main__":
    main()
