"""Text as pixels: any language, in the fonts that are there, and never two texts that look the same."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# Pillow brings the letters of English alone; for others a font of the machine is taken, where it has one of these.
FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "Arial Unicode.ttf",
)
_NONE = "\uffff"  # no font has a letter for it
_MARGIN = 2  # pixels left and right

Font = ImageFont.FreeTypeFont
Line = list[tuple[Font, str]]  # pieces of one font each


def write(text: str, width: int, size: int, ink: tuple[int, int, int], paper: int = 255) -> NDArray[np.uint8]:
    """Draw text on paper, wrapped to the width; a letter that no font has is written as its number, as in U+53D8.

    Args:
        text: Any; line breaks are spaces.
        width: Of the picture, in pixels.
        size: Of the letters, in pixels.
        ink: Colour of the letters, RGB.
        paper: Gray of the paper.
    """
    lines = wrap(text, width - 2 * _MARGIN, size)
    height = round(1.4 * size)
    image = Image.new("RGB", (width, height * len(lines) + 6), (paper,) * 3)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        left = float(_MARGIN)
        for font, piece in _pieces(line, size):
            draw.text((left, height * (row + 1)), piece, ink, font, anchor="ls")
            left += font.getlength(piece)
    return np.asarray(image)


def wrap(text: str, width: int, size: int) -> list[str]:
    """Break text into lines no wider than ``width`` pixels, between words or, in one that is too long, inside it."""
    lines = [""]
    for word in "".join(_shown(letter, size) for letter in " ".join(text.split())).split(" "):
        together = f"{lines[-1]} {word}" if lines[-1] else word
        if _length(together, size) <= width:
            lines[-1] = together
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and _length(lines[-1] + letter, size) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def _shown(letter: str, size: int) -> str:
    """Return the letter, or its number where no font has it or where it would leave no trace."""
    if letter.isprintable() and any(_has(number, size, letter) for number in range(len(_fonts(size)))):
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def _length(text: str, size: int) -> float:
    return float(sum(font.getlength(piece) for font, piece in _pieces(text, size)))


def _pieces(text: str, size: int) -> Line:
    """Return the text in pieces, each with the first font that has its letters."""
    fonts, pieces = _fonts(size), Line()
    for letter in text:
        font = next((font for number, font in enumerate(fonts) if _has(number, size, letter)), fonts[0])
        if pieces and pieces[-1][0] is font:
            pieces[-1] = font, pieces[-1][1] + letter
        else:
            pieces.append((font, letter))
    return pieces


@cache
def _fonts(size: int) -> tuple[Font, ...]:
    fonts = [ImageFont.load_default(size)]
    for name in FONTS:
        try:
            fonts.append(ImageFont.truetype(name, size))
        except OSError:  # not on this machine
            continue
    return tuple(font for font in fonts if isinstance(font, Font))


@cache
def _has(number: int, size: int, letter: str) -> bool:
    """Tell whether a font draws the letter as anything else than the box for missing ones."""
    font = _fonts(size)[number]
    found, none = font.getmask(letter), font.getmask(_NONE)
    return (found.size, bytes(found)) != (none.size, bytes(none))
