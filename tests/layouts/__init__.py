"""Miniatures of official layouts: each writes a data set of a few tiny examples exactly as it is published."""

from collections.abc import Callable
from pathlib import Path

from layouts import erasedraw, instructv2v, magicbrush, rovi, seed_data_edit, smartedit, vplm

MINIATURES: dict[str, Callable[[Path], None]] = {  # by the name of the card
    "erasedraw": erasedraw.write,
    "instructv2v": instructv2v.write,
    "magicbrush": magicbrush.write,
    "rovi": rovi.write,
    "seed_data_edit": seed_data_edit.write,
    "smartedit": smartedit.write,
    "vplm": vplm.write,
}
