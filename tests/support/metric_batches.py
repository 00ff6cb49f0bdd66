"""Batches with regions and phrases, and a detector whose answers are easy to foresee."""

import torch
from torch import Tensor

from veggie_pl.batch import Batch, Box, Example, Skill
from veggie_pl.experts.detections import Detections
from veggie_pl.masks.colors import COLORS
from veggie_pl.masks.paint import paint

FILLS = list(COLORS)


class RedDetector:
    """Finds whatever is purely red: one box around it, with the score 0.8."""

    def detect(self, frames: Tensor, phrase: str) -> list[Detections]:
        found = []
        height, width = frames.shape[-2:]
        for frame in frames:
            rows, columns = torch.where((frame[0] > 0.8) & (frame[1:] < -0.8).all(0))
            if len(rows):
                box = [
                    columns.min() / width,
                    rows.min() / height,
                    (columns.max() + 1) / width,
                    (rows.max() + 1) / height,
                ]
                found.append(Detections(torch.tensor([box]), torch.tensor([0.8])))
            else:
                found.append(Detections(torch.zeros(0, 4), torch.zeros(0)))
        return found


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Even noise in [-1, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def batch_of(
    skill: Skill,
    size: int = 16,
    num_frames: int = 8,
    pixels: int = 32,
    seed: int = 0,
    phrase: str = "red box",
    places: list[Box] | None = None,
) -> Batch:
    """Dim noise, changed (or filled) inside a box that differs from sample to sample; the last may have no place."""
    source = noise(size, num_frames, 3, pixels, pixels, seed=seed) * 0.5
    mask = torch.zeros(size, num_frames, pixels, pixels, dtype=torch.bool)
    for i in range(size):
        mask[i, :, 2 + i % 5 : 12 + i % 7, 3 + i % 3 : 15 + i % 4] = True
    fill = [FILLS[i % len(FILLS)] for i in range(size)]
    if skill.is_painted:
        target = torch.stack([paint(*one) for one in zip(source, mask, fill, strict=True)])
    else:
        red = torch.tensor(COLORS["red"])[:, None, None]
        target = torch.where(mask[:, :, None], red, source)
        if skill is Skill.REMOVAL:
            source, target = target, source
    if places is None:
        places = [(0.0, 0.0, 0.5, 0.5)] * size if skill is Skill.ADDITION else []
    return Batch(
        source=source,
        target=target,
        mask=mask,
        examples=[
            Example(f"box/{i}", skill, "...", phrase, fill[i] if skill.is_painted else "", place)
            for i, place in enumerate([*places, *[None] * (size - len(places))])
        ],
        index=torch.arange(size),
    )
