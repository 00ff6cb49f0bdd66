"""Masks as picture editors and tools save them: the object is the left half, or the one reason why nobody can tell."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from veggie_pl.masks.rle import MaskError, decode
from veggie_pl.prepare.layouts.mask_pictures import Alpha, mask_of
from veggie_pl.video.media import Media, MediaError

SIDE = 32
TRUTH = np.zeros((SIDE, SIDE), bool)
TRUTH[:, : SIDE // 2] = True
PHOTO = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)


def gray(inside: float, outside: float = 0, kind: type = np.uint8) -> Image.Image:
    return Image.fromarray(np.where(TRUTH, inside, outside).astype(kind))


def colour(inside: tuple[int, ...], outside: tuple[int, ...] = (0, 0, 0)) -> Image.Image:
    return Image.fromarray(np.where(TRUTH[..., None], inside, outside).astype(np.uint8))


def cut(rgb: np.ndarray | tuple[int, int, int], alpha: np.ndarray) -> Image.Image:
    colours = np.broadcast_to(np.asarray(rgb, np.uint8), (SIDE, SIDE, 3))
    return Image.fromarray(np.concatenate([colours, (alpha * 255).astype(np.uint8)[..., None]], 2))


def indexed(palette: list[int], inside: int, outside: int) -> Image.Image:
    picture = Image.fromarray(np.where(TRUTH, inside, outside).astype(np.uint8), "P")
    picture.putpalette(palette)
    return picture


def two_colours() -> Image.Image:
    """Each object in a colour of its own, one of them dark."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[: SIDE // 2, : SIDE // 2], picture[SIDE // 2 :, : SIDE // 2] = (0, 60, 0), (255, 255, 0)
    return Image.fromarray(picture)


def marked_transparent() -> Image.Image:
    picture = gray(255)
    picture.info["transparency"] = 0
    return picture


RIGHT = {
    "gray 255": gray(255),
    "gray 1": gray(1),
    "gray 100": gray(100),
    "one bit": Image.fromarray(TRUTH),
    "16 bits 65535": gray(65535, kind=np.uint16),
    "16 bits 255": gray(255, kind=np.uint16),
    "16 bits 1": gray(1, kind=np.uint16),
    "16 bits 65535 on a gray ground": gray(65535, 9000, np.uint16),
    "32 bits": gray(70, kind=np.int32),
    "palette": indexed([0, 0, 0, 128, 0, 0], 1, 0),
    "palette, object black": indexed([128, 0, 0, 0, 0, 0], 1, 0),
    "packed palette of grays, white first": indexed([255, 255, 255, 0, 0, 0], 0, 1),
    "white": colour((255, 255, 255)),
    "dark red": colour((100, 0, 0)),
    "very dark": colour((0, 3, 0)),
    "dark and bright objects": two_colours(),
    "opaque alpha that says nothing": cut(np.where(TRUTH[..., None], 255, 0), np.ones_like(TRUTH)),
    "transparent alpha that says nothing": cut(np.where(TRUTH[..., None], 255, 0), np.zeros_like(TRUTH)),
    "half transparent alpha that says nothing": cut(np.where(TRUTH[..., None], 90, 0), TRUTH * 0 + 0.5),
    "white on transparent black": cut(np.where(TRUTH[..., None], 255, 0), TRUTH),
    "white everywhere, rest transparent": cut((255, 255, 255), TRUTH),
    "black everywhere, rest transparent": cut((0, 0, 0), TRUTH),
    "red at 40 %, rest transparent": cut((200, 0, 0), TRUTH * 0.4),
    "gray and alpha": cut((255, 255, 255), TRUTH).convert("LA"),
    "gray with a transparent value": marked_transparent(),
}


def read(picture: Image.Image, root: Path, kind: str = "PNG", **options: object) -> np.ndarray:
    kind = "TIFF" if picture.mode == "I" else kind
    picture.save(root / "m", kind, **({"quality": 90} if kind == "JPEG" else {}))
    return decode(mask_of(Media("m"), root, **options))


@pytest.mark.parametrize("name", RIGHT)
def test_object_is_found(name: str, tmp_path: Path) -> None:
    assert np.array_equal(read(RIGHT[name], tmp_path), TRUTH)


@pytest.mark.parametrize("inside", [255, 100, 60])
def test_object_is_found_behind_the_noise_of_jpeg(inside: int, tmp_path: Path) -> None:
    found = read(gray(inside, 0), tmp_path, "JPEG")
    assert (found != TRUTH).mean() < 0.02
    assert not read(gray(2, 0), tmp_path, "JPEG").all()


UNCLEAR = {
    "photo, the rest transparent": cut(PHOTO, TRUTH),
    "photo with a hole": cut(PHOTO, ~TRUTH),
    "photo with a hole that holds nothing": cut(PHOTO * ~TRUTH[..., None], ~TRUTH),
    "white in a hole of black": cut(np.where(TRUTH[..., None], 255, 0), ~TRUTH),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_may_mean_either_is_refused_and_the_card_can_say(name: str, tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="mask_alpha in the card's layout: opaque, transparent, or ignore") as caught:
        read(UNCLEAR[name], tmp_path)
    assert "\n" not in str(caught.value)
    opaque = np.asarray(UNCLEAR[name])[..., 3] > 0
    choices: dict[Alpha, np.ndarray] = {"opaque": opaque, "transparent": ~opaque}
    for alpha, expected in choices.items():
        assert np.array_equal(read(UNCLEAR[name], tmp_path, alpha=alpha), expected)
    if name.startswith("white"):
        assert np.array_equal(read(UNCLEAR[name], tmp_path, alpha="ignore"), TRUTH)


def test_value_picks_an_object(tmp_path: Path) -> None:
    for picture in (gray(7, 3), indexed([0, 0, 0] * 8, 7, 3), gray(7, 3).convert("RGB"), gray(7, 3).convert("LA")):
        assert np.array_equal(read(picture, tmp_path, value=7), TRUTH)
    with pytest.raises(MaskError, match="has no values, but the card's layout sets mask_value"):
        read(colour((200, 0, 0)), tmp_path, value=7)


def test_mask_is_turned_as_its_picture_is(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    gray(255).save(tmp_path / "m.png", exif=exif)
    assert np.array_equal(decode(mask_of(Media("m.png"), tmp_path)), np.rot90(TRUTH, -1))


def test_torn_and_moving_masks_are_refused(tmp_path: Path) -> None:
    gray(255).save(tmp_path / "m.png")
    data = bytearray((tmp_path / "m.png").read_bytes())
    data[data.index(b"IEND") - 5] ^= 1
    with pytest.raises(MediaError, match="checksum"):
        mask_of(Media("m.png", data=bytes(data)), tmp_path)
    gray(255).save(tmp_path / "m.gif", save_all=True, append_images=[gray(0, 255)])
    with pytest.raises(MediaError, match="an animation of 2 frames, not an image"):
        mask_of(Media("m.gif"), tmp_path)
