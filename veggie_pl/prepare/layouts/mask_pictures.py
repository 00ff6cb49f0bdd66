"""Masks as picture editors and tools save them: gray, coloured, indexed, with and without transparent parts."""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int64, UInt8
from PIL import Image

from veggie_pl.masks.rle import MaskError, Rle, encode
from veggie_pl.video.header import read_picture
from veggie_pl.video.media import Media

Alpha = Literal["opaque", "transparent", "ignore"]
GRAY = 127  # of a gray mask of 8 bits, the last value outside
DEEP = 257 * GRAY  # of one of 16 bits
FLAT = 32  # greatest difference of colours that are one colour, of 255
SMEARED = ("JPEG", "MPO", "WEBP")  # formats that change values a little
ALIKE = 0.98  # intersection over union of what is one mask
FEW_VALUES = 16  # values or colours up to which a picture holds labels and no shades
Shades = Int64[np.ndarray, "h w"]
Colours = UInt8[np.ndarray, "h w c"]
Inside = Bool[np.ndarray, "h w"]


def mask_of(media: Media, root: Path, value: int | None = None, alpha: Alpha | None = None) -> Rle:
    """The mask in a picture.

    Without further word, the object is: of an indexed picture all but index 0; of gray and coloured ones what is
    bright, or all but black where nothing is; where parts are transparent, what is opaque, if that is one flat colour
    or bright on black: a photo with a hole may mean either, and is refused.

    Args:
        media: The picture.
        root: The data root.
        value: Of the object, if the picture is indexed or gray.
        alpha: What is the object in pictures with transparent parts; "ignore" goes by their colours alone.

    Raises:
        MediaError: If it cannot be read.
        MaskError: If nobody can tell what is meant.
    """
    name = media.name or media.path
    picture, kind = read_picture(media, root)
    if value is not None:
        return encode(_values(picture, name) == value)
    if picture.has_transparency_data and alpha != "ignore":
        rgba = np.asarray(picture.convert("RGBA"))
        opaque = rgba[..., 3] > min(GRAY, rgba[..., 3].max(initial=0) / 2)
        if opaque.any() and not opaque.all():
            return encode(_cut_out(rgba[..., :3], opaque, _plain(picture, kind), alpha, name))
    return encode(_plain(picture, kind))


def _values(picture: Image.Image, name: str) -> Shades:
    """Indices, or shades of gray."""
    if picture.mode in ("P", "L", "1", "LA", "La", "PA") or picture.mode.startswith("I"):
        return np.asarray(picture.getchannel(0) if "A" in picture.mode.upper()[1:] else picture).astype(np.int64)
    rgb = np.asarray(picture.convert("RGB"))
    if (rgb != rgb[..., :1]).any():
        raise MaskError(f"{name}: a picture of colours has no values, but the card's layout sets mask_value")
    return rgb[..., 0].astype(np.int64)


def _cut_out(rgb: Colours, opaque: Inside, plain: Inside, alpha: Alpha | None, name: str) -> Inside:
    """The object of a picture with transparent parts."""
    if alpha is not None:
        return opaque if alpha == "opaque" else ~opaque
    is_flat = bool((np.ptp(rgb[opaque], axis=0) <= FLAT).all())
    if _alike(plain, opaque) or (is_flat and not _alike(plain, ~opaque)):
        return opaque
    raise MaskError(
        f"{name}: a picture with transparent parts, and either they or the rest may be the object; say which with "
        "mask_alpha in the card's layout: opaque, transparent, or ignore to go by colours alone"
    )


def _plain(picture: Image.Image, kind: str) -> Inside:
    """The object by indices, shades or colours, whatever is transparent."""
    if picture.mode in ("P", "PA") and not _is_on_white(picture):
        return np.asarray(_values(picture, "") != 0)
    if picture.mode == "1":
        return np.asarray(picture)
    if picture.mode == "F":
        shades = np.asarray(picture)
        if not np.isfinite(shades).all():
            raise MaskError("a mask of numbers that are none")
        return np.asarray(shades > shades.max(initial=0) / 2)
    if picture.mode in ("L", "LA", "La") or picture.mode.startswith("I"):
        return _bright(_values(picture, ""), kind)
    rgb = np.asarray(picture.convert("RGB"))
    brightest: Shades = rgb.max(2).astype(np.int64)
    is_coloured = bool((rgb != rgb[..., :1]).any())
    if is_coloured and kind not in SMEARED and _count(rgb) <= FEW_VALUES:
        return np.asarray(brightest > 0)  # one colour an object, and some of them may be dark
    return _bright(brightest, kind)


def _bright(shades: Shades, kind: str) -> Inside:
    """What is bright; all but black where nothing is."""
    top = int(shades.max(initial=0))
    half = GRAY if top <= 255 else DEEP
    if top > half:
        return np.asarray(shades > half)
    if kind in SMEARED and len(np.unique(shades)) > FEW_VALUES:
        return np.asarray(shades > max(FEW_VALUES, top / 2))  # black is no longer 0 there
    return np.asarray(shades != 0)


def _is_on_white(picture: Image.Image) -> bool:
    """Whether an indexed picture is one of grays whose index 0 is bright: no index of objects, but a packed picture."""
    palette = np.array(picture.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    used = np.unique(_values(picture, ""))
    if used.max(initial=0) >= len(palette):
        return False
    colours = palette[used]
    return bool((np.ptp(colours, axis=1) == 0).all() and palette[0, 0] > GRAY and colours.min(initial=255) <= GRAY)


def _alike(first: Inside, second: Inside) -> bool:
    """Whether two masks are one, but for soft edges."""
    return bool((first & second).sum() >= ALIKE * (first | second).sum()) and bool(first.any())


def _count(rgb: Colours) -> int:
    packed = rgb.astype(np.int64) @ np.array([2**16, 2**8, 1])
    return len(np.unique(packed))
