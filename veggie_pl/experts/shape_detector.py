"""Finds named objects of Moving Shapes in frames, also in blurred and noisy ones: a detector that needs no weights."""

from functools import lru_cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from veggie_pl.batch import Clip
from veggie_pl.data.shapes.backgrounds import render_background
from veggie_pl.data.shapes.outlines import signed_distance
from veggie_pl.data.shapes.render import DARK
from veggie_pl.data.shapes.scene import REACH, Background
from veggie_pl.data.shapes.vocabulary import COLORS, SIZES, find_vocabulary
from veggie_pl.errors import UseError
from veggie_pl.experts.detections import Detections

SIDE = 32  # frames are looked at in this size: all shapes can be told apart there
KERNEL = 17  # covers the largest shape
SHIFT = 5  # how far outlines are moved from the middle of a region's box, in pixels
LEAST_AREA = 12  # pixels of a region, at SIDE; half of the smallest object
MAX_DISTANCE = 0.45  # distance in [0, 1] RGB from which a pixel has no colour that we know
RADII = tuple(float(radius) for radius in np.linspace(0.9 * min(SIZES.values()), 1.08 * max(SIZES.values()), 7) * SIDE)
OFFSETS = (-1 / 3, 0.0, 1 / 3)  # of a centre from a pixel's, in pixels
FIT = 0.55  # IoU of a region with the best placed outline from which it can be an object at all
SURE_FIT = 0.80  # IoU from which nothing is missing
LEAD_SHARPNESS = 60.0  # how fast the score falls with the lead of another shape's IoU


class ShapeDetector:
    """Implements ``Detector`` for phrases such as "red circle" or "striped blue star".

    Pixels are sorted by the nearest known colour; each connected region of the named colour is compared with every
    outline of the vocabulary in many sizes and sub-pixel centres. The score is how well the named outline fits (IoU),
    times how clearly it fits better than the others, times how near the region's pixels are to the named colour.

    Args:
        vocabulary: The world that is looked at: ``small`` or ``large``. Only its colours and shapes compete.
    """

    def __init__(self, vocabulary: str = "small") -> None:
        self.words = find_vocabulary(vocabulary)
        self.digest = f"ShapeDetector {vocabulary}"  # it has no weights: its code and words are all

    def detect(self, frames: Clip, phrase: str) -> list[Detections]:
        """Return one ``Detections`` per frame, best first.

        Args:
            frames: Pixels in [-1, 1].
            phrase: Names a colour and a shape; other words are not looked at.

        Raises:
            UseError: If the phrase lacks a colour or a shape of the vocabulary.
        """
        color, shape = self._parse(phrase)
        pixels = (frames.detach().float().cpu() + 1) / 2
        if pixels.shape[-2:] != (SIDE, SIDE):
            pixels = F.interpolate(pixels, (SIDE, SIDE), mode="area")
        regions, purities, owners = self._regions(pixels, color)
        if not len(regions):
            return [Detections(torch.zeros(0, 4), torch.zeros(0)) for _ in frames]
        fits = torch.stack([best_fits(regions, name) for name in self.words.shapes])  # (shapes, n, sharp or rounded)
        # A rounded cross is a diamond: outlines compete as the picture is, sharp or blurred.
        blurred = fits.amax(0).argmax(-1)
        fits = fits[:, torch.arange(len(regions)), blurred]
        own = self.words.shapes.index(shape)
        rivals = torch.cat([fits[:own], fits[own + 1 :]]).amax(0)
        fitting = ((fits[own] - FIT) / (SURE_FIT - FIT)).clamp(0, 1)
        scores = fitting * torch.sigmoid(LEAD_SHARPNESS * (fits[own] - rivals)) * purities
        boxes = torch.stack([_box(region) for region in regions])
        found = []
        for frame in range(len(frames)):
            rows = torch.nonzero(owners == frame)[:, 0]
            rows = rows[scores[rows].argsort(descending=True)]
            found.append(Detections(boxes[rows], scores[rows]))
        return found

    def _parse(self, phrase: str) -> tuple[str, str]:
        words = phrase.lower().split()
        color = next((word for word in words if word in self.words.colors), None)
        shape = next((word for word in words if word in self.words.shapes), None)
        if color is None or shape is None:
            raise UseError(
                f"cannot look for {phrase!r}; a phrase names a colour ({', '.join(self.words.colors)}) "
                f"and a shape ({', '.join(self.words.shapes)})"
            )
        return color, shape

    def _regions(
        self, pixels: Float[Tensor, "f 3 h w"], color: str
    ) -> tuple[Bool[Tensor, "n h w"], Float[Tensor, " n"], Tensor]:
        """Find connected regions of a colour, how pure each is in [0, 1], and which frame each is from."""
        palette, names = _palette(self.words.colors, self.words.backgrounds)
        away = torch.cdist(pixels.permute(0, 2, 3, 1).reshape(1, -1, 3), palette[None])[0]
        nearest = away.argmin(1)
        mine = torch.tensor([name == color for name in names])
        of_color = (mine[nearest] & (away.amin(1) < MAX_DISTANCE)).view(len(pixels), SIDE, SIDE)
        near = (1.25 - away[:, mine].amin(1) / MAX_DISTANCE).clamp(0, 1).view(of_color.shape)
        regions, purities, owners = [], [], []
        for frame, mask in enumerate(of_color.numpy().astype(np.uint8)):
            count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
            for label in range(1, count):
                if stats[label, cv2.CC_STAT_AREA] >= LEAST_AREA:
                    region = torch.from_numpy(labels == label)
                    regions.append(region)
                    purities.append(near[frame][region].mean())
                    owners.append(frame)
        if not regions:
            return torch.zeros(0, SIDE, SIDE, dtype=torch.bool), torch.zeros(0), torch.zeros(0, dtype=torch.long)
        return torch.stack(regions), torch.stack(purities), torch.tensor(owners)


def best_fits(regions: Bool[Tensor, "n h w"], shape: str) -> Float[Tensor, "n 2"]:
    """Compute each region's largest IoU with the sharp and with the rounded outline, over radii and centres."""
    outlines, areas = _outlines(shape)
    around = torch.stack([_centred(region) for region in regions])
    shared = F.conv2d(around[:, None].float(), outlines[:, None])
    total = regions.sum((1, 2))[:, None, None, None] + areas[None, :, None, None]
    overlap = shared / (total - shared)
    return overlap.view(len(regions), 2, -1).amax(2)


@lru_cache(maxsize=16)
def _outlines(shape: str) -> tuple[Float[Tensor, "k s s"], Float[Tensor, " k"]]:
    """Draw the filled outline at all radii and sub-pixel centres, sharp, then rounded by blur; count its pixels."""
    axis = np.arange(KERNEL, dtype=np.float32) - KERNEL // 2
    filled = [
        signed_distance(shape, (axis - x)[None, :], (axis - y)[:, None], radius) < 0
        for radius in RADII
        for x in OFFSETS
        for y in OFFSETS
        if radius * REACH[shape] < KERNEL / 2
    ]
    sharp = torch.from_numpy(np.stack(filled)).float()
    soft = (F.avg_pool2d(sharp[:, None], 3, 1, padding=1, count_include_pad=False)[:, 0] > 0.5).float()
    outlines = torch.cat([sharp, soft])
    return outlines, outlines.sum((1, 2))


@lru_cache(maxsize=8)
def _palette(colors: tuple[str, ...], backgrounds: tuple[str, ...]) -> tuple[Float[Tensor, "n 3"], list[str]]:
    """List colours that a pixel can have, bright, shaded and in between, and the names they have; "" is background."""
    rows: list[NDArray[np.float32]] = []
    names: list[str] = []
    for name in colors:
        shades = (1.0, (1 + DARK) / 2, DARK)
        rows += [np.asarray(COLORS[name], np.float32) * np.float32(shade) for shade in shades]
        names += [name] * len(shades)
    for kind in backgrounds:
        pixels = render_background(Background(kind), SIDE, 1)[0].reshape(3, -1).T
        levels = np.unique(np.rint(pixels * 12), axis=0) / 12
        rows += list(levels.astype(np.float32))
        names += [""] * len(levels)
    return torch.from_numpy(np.stack(rows)), names


def _centred(region: Bool[Tensor, "h w"]) -> Bool[Tensor, "s s"]:
    """Cut out what is around the middle of the region's box, as far as shifted outlines reach."""
    reach = KERNEL // 2 + SHIFT
    x0, y0, x1, y1 = (_box(region) * SIDE).long().tolist()
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    return F.pad(region, (reach,) * 4)[y : y + 2 * reach + 1, x : x + 2 * reach + 1]


def _box(region: Bool[Tensor, "h w"]) -> Float[Tensor, " 4"]:
    rows, columns = torch.nonzero(region.any(1))[:, 0], torch.nonzero(region.any(0))[:, 0]
    corners = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return corners.float() / SIDE
