"""A small data set of one's own in every generic form: pictures, clips and masks whose content is known."""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from support.fake import pattern
from veggie_pl.video.clip import to_clip
from veggie_pl.video.writer import write_clip

HEIGHT, WIDTH = 20, 30


def region(number: int) -> np.ndarray:
    """The mask of example ``number``."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[3 : 8 + number, 5 : 12 + number] = True
    return mask


def picture(number: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 40 + 20 * number, np.uint8)


def png(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def palette(path: Path, number: int, value: int = 3) -> None:
    """An indexed picture: the object has ``value``, another object 1."""
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    indices[15:18, 20:28] = 1
    indices[region(number)] = value
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(path)


def write_media(root: Path, number: int = 4) -> None:
    """``media/in0.png``, its negative ``out0.png``, masks, and two clips."""
    media = root / "media"
    media.mkdir(parents=True)
    for i in range(number):
        (media / f"in{i}.png").write_bytes(png(picture(i)))
        (media / f"out{i}.png").write_bytes(png(255 - picture(i)))
        (media / f"mask{i}.png").write_bytes(png(region(i) * np.uint8(255)))
        palette(media / f"index{i}.png", i)
    clip = to_clip(pattern(4, 30, 20))
    write_clip(media / "clip.mp4", clip)
    write_clip(media / "edited.mp4", -clip)
    for folder, frames in (
        ("frames", [picture(i) for i in range(4)]),
        ("masks", [region(i) * np.uint8(255) for i in range(4)]),
    ):
        (media / folder).mkdir()
        for i, frame in enumerate(frames):
            (media / folder / f"{i:03d}.png").write_bytes(png(frame))


def edits(number: int = 4) -> list[dict[str, str]]:
    words = ["add a hat", "remove the dog", "make it snowy", "ändere den Hut"]
    return [{"source": f"in{i}.png", "target": f"out{i}.png", "instruction": words[i % 4]} for i in range(number)]


def card(folder: Path, layout: object, name: str = "mine", **fields: object) -> Path:
    """A card of one's own: JSON is YAML."""
    front = {
        "name": name,
        "title": "My own",
        "task": "editing",
        "media": "images",
        "licence": "mine",
        "url": "here",
        "splits": {"train": None},
        "layout": layout,
        **fields,
    }
    path = folder / f"{name}.md"
    path.write_text("---\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in front.items()) + "---\n")
    return path
