"""Masks of official data sets against pycocotools, Pillow and the centres of pixels."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco
from support.layouts.answers import within
from support.layouts.drawing import H, W, box, corners, runs, save_palette

from veggie_pl.masks import rle
from veggie_pl.masks.rle import Rle
from veggie_pl.prepare.layouts.annotations import FAULTS, ExampleError
from veggie_pl.prepare.layouts.masks import indices, picture, polygons, run_lengths, seen


def blob(seed: int) -> np.ndarray:
    """A mask with ragged edges and holes."""
    coarse = np.random.default_rng(seed).random((6, 8)) < 0.5
    return np.kron(coarse, np.ones((4, 4), dtype=bool)).astype(bool)


def outline(seed: int) -> list[list[float]]:
    """A star with up to twelve corners inside the picture."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(int(rng.integers(3, 13)))) * 2 * np.pi
    radii = rng.uniform(0.3, 1.0, len(angles))
    return np.stack([16 + 14 * radii * np.cos(angles), 12 + 10 * radii * np.sin(angles)], 1).round(2).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_run_lengths_compressed_or_not_are_the_mask(seed: int) -> None:
    mask = blob(seed)
    text = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    for counts in (text, runs(mask)):
        np.testing.assert_array_equal(rle.decode(run_lengths({"size": [H, W], "counts": counts}, (H, W))), mask)


def test_run_lengths_are_kept_as_pycocotools_writes_them() -> None:
    short = rle.from_runs([2, 766], H, W)
    assert short.counts.startswith("2")
    longer = "RPPP0" + short.counts[1:]  # 2, and then nothing four times
    assert run_lengths({"size": [H, W], "counts": longer}, (H, W)) == short


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "fields were expected"),
        ({"counts": [768]}, "no field 'size'"),
        ({"size": [H], "counts": [768]}, "a mask of 24 pixels for a picture of 24 x 32"),
        ({"size": [W, H], "counts": [768]}, "a mask of 32 x 24 pixels for a picture of 24 x 32"),
        ({"size": [H, W]}, "counts is a NoneType"),
        ({"size": [H, W], "counts": [700]}, "runs of 700 pixels"),
        ({"size": [H, W], "counts": [-1, 769]}, "counts is -1"),
        ({"size": [H, W], "counts": [768.0]}, "counts is a float"),
        ({"size": [H, W], "counts": [True, 767]}, "counts is a bool"),
        ({"size": [H, W], "counts": [2**32, 768]}, "runs of"),
        ({"size": [H, W], "counts": "~~~"}, "run lengths with the character '~'"),
        ({"size": [H, W], "counts": "o"}, "cut off"),
        ({"size": [H, W], "counts": ""}, "runs of 0 pixels"),
    ],
)
def test_broken_run_lengths_are_refused(found: Any, reason: str) -> None:
    with pytest.raises(FAULTS, match=reason):
        run_lengths(found, (H, W))


@pytest.mark.parametrize("seed", range(12))
def test_polygons_equal_pycocotools_and_lie_within_a_pixel_of_pillow(seed: int) -> None:
    shapes = [outline(seed), outline(seed + 100)]
    mask = rle.decode(polygons(shapes, (H, W)))
    flat = [np.asarray(shape).ravel().tolist() for shape in shapes]
    np.testing.assert_array_equal(mask, coco.decode(coco.merge(coco.frPyObjects(flat, H, W))).astype(bool))
    np.testing.assert_array_equal(mask, rle.decode(polygons(flat, (H, W))))
    drawn = Image.new("L", (W, H))
    for shape in shapes:
        ImageDraw.Draw(drawn).polygon([(int(x), int(y)) for x, y in shape], fill=1, outline=1)  # as PhraseCut's code
    assert within(mask, np.asarray(drawn).astype(bool), 1)
    assert mask.sum() > 20


def test_polygon_along_the_edges_of_pixels_is_exact() -> None:
    np.testing.assert_array_equal(rle.decode(polygons([corners(3, 4, 11, 20)], (H, W))), box(3, 4, 11, 20))
    np.testing.assert_array_equal(rle.decode(polygons([corners(-5, -5, 99, 99)], (H, W))), box(0, 0, H, W))
    assert polygons([], (H, W)) == polygons([[], [[1, 1]], [1, 1, 9, 9]], (H, W)) == Rle(H, W)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "a mask is a dict"),
        ([3], "a polygon is a int"),
        ([[1, 2, 3]], "a polygon of 3 values"),
        ([[[1, 2], [3]]], "a corner needs x and y"),
        ([[[1, 2], 3]], "a corner is a int"),
        ([[1, 2, 3, None, 5, 6]], "None is no coordinate"),
        ([[1, 2, 3, True, 5, 6]], "True is no coordinate"),
        ([[1, 2, 3, float("nan"), 5, 6]], "nan is no coordinate"),
        ([[1, 2, 3, 10**400, 5, 6]], "is no coordinate"),
    ],
)
def test_broken_polygons_are_refused(found: Any, reason: str) -> None:
    with pytest.raises(ExampleError, match=reason):
        polygons(found, (H, W))


def test_polygon_that_would_take_for_ever_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []  # lengths of the outlines that are rasterised, in pixels: what pycocotools takes time for
    inner = coco.frPyObjects

    def draw(shapes: list[list[float]], *size: int) -> Any:
        drawn.extend(float(np.abs(np.diff(np.reshape(shape, (-1, 2)), axis=0)).sum()) for shape in shapes)
        return inner(shapes, *size)

    monkeypatch.setattr(rle.coco, "frPyObjects", draw)
    with pytest.raises(ExampleError, match="of 100000 corners with an endless outline"):
        polygons([[[-1e5, -1e5], [1e5, 1e5]] * 50_000], (4000, 6000))
    assert drawn == []
    polygons([[[0, 0], [5, 9]] * 50_000], (4000, 6000))
    assert len(drawn) == 1
    assert drawn[0] < 1000 * (4000 + 6000)


def test_indices_are_numbers_of_objects(tmp_path: Path) -> None:
    objects = box(1, 2, 5, 9) * 1 + box(10, 2, 15, 9) * 3
    save_palette(tmp_path / "a.png", objects)
    Image.fromarray(objects.astype(np.uint8)).save(tmp_path / "gray.png")
    for name in ("a.png", "gray.png"):
        np.testing.assert_array_equal(indices(tmp_path, name, (H, W)), objects)
    Image.fromarray(np.zeros((H, W, 3), dtype=np.uint8)).save(tmp_path / "rgb.png")
    with pytest.raises(ExampleError, match=r"rgb.png: pixels are RGB, not indices"):
        indices(tmp_path, "rgb.png", (H, W))
    with pytest.raises(ExampleError, match=r"a.png: 24 x 32 pixels, but its picture has 32 x 24"):
        indices(tmp_path, "a.png", (W, H))
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:90])
    with pytest.raises(ExampleError, match=r"a.png: no mask that can be read"):
        indices(tmp_path, "a.png", (H, W))
    with pytest.raises(ExampleError, match=r"b.png: no such file"):
        indices(tmp_path, "b.png", (H, W))


@pytest.mark.parametrize("mode", ["P", "L"])
def test_indices_are_the_pixels_that_pillow_gives(mode: str, tmp_path: Path) -> None:
    """Of 1 to 8 bits, interlaced or not, with a transparent index: the reader of pictures changes none."""
    for bits in (1, 2, 4, 8):
        objects = np.random.default_rng(bits).integers(0, 2**bits, (H, W)).astype(np.uint8)
        mask = Image.fromarray(objects, mode)
        if mode == "P":
            mask.putpalette(np.random.default_rng(0).integers(0, 256, 3 * 2**bits).astype(np.uint8).tobytes())
        mask.save(tmp_path / "a.png", **({"bits": bits, "transparency": 0} if mode == "P" else {}))
        with Image.open(tmp_path / "a.png") as opened:
            np.testing.assert_array_equal(np.asarray(opened), objects)
        np.testing.assert_array_equal(indices(tmp_path, "a.png", (H, W)), objects)


def test_indices_stand_as_their_picture_does_and_are_whole(tmp_path: Path) -> None:
    objects = (box(1, 2, 5, 9) * 3).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(objects).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(indices(tmp_path, "turned.png", (W, H)), np.rot90(objects, -1))
    whole = (tmp_path / "turned.png").read_bytes()
    (tmp_path / "turned.png").write_bytes(whole[:-8])  # all pixels are there, its end is not
    with pytest.raises(ExampleError, match=r"turned.png: no mask that can be read \("):
        indices(tmp_path, "turned.png", (W, H))
    Image.fromarray(objects).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    with pytest.raises(ExampleError, match=r"a.png: no mask that can be read \(a JPEG, not a PNG\)"):
        indices(tmp_path, "a.png", (H, W))


def test_picture_is_as_large_as_readers_show_it(tmp_path: Path) -> None:
    upright = Image.new("RGB", (W, H))
    exif = upright.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    upright.save(tmp_path / "upright.jpg")
    upright.save(tmp_path / "turned.jpg", exif=exif)
    assert picture(tmp_path, "upright.jpg")[1] == (H, W)
    assert picture(tmp_path, "turned.jpg")[1] == (W, H)
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    with pytest.raises(ExampleError, match=r"pipe.jpg: no such file"):
        picture(tmp_path, "pipe.jpg")
    (tmp_path / "text.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0")
    with pytest.raises(ExampleError, match=r"text.jpg: no picture that can be read"):
        picture(tmp_path, "text.jpg")


def test_empty_masks_are_refused_for_nothing_can_be_painted() -> None:
    assert seen([Rle(2, 2), rle.encode(np.ones((2, 2), dtype=bool))])[0] == Rle(2, 2)
    with pytest.raises(ExampleError, match=r"its mask is empty$"):
        seen([Rle(2, 2)])
    with pytest.raises(ExampleError, match="empty in every frame"):
        seen([Rle(2, 2), Rle(2, 2)])
