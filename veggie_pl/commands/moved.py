"""Class paths of before: what configs may still say, and what it is called now."""

import re

MOVED = {
    "veggie_pl.data.frames.Sampling": "veggie_pl.video.frames.Sampling",
    "veggie_pl.data.lines.Weighted": "veggie_pl.data.mixture.Weighted",
    "veggie_pl.data.shapes.detector.ShapeDetector": "veggie_pl.experts.shape_detector.ShapeDetector",
    "veggie_pl.models.vae.KlCodec": "veggie_pl.models.KlCodec",
    "veggie_pl.models.vae.PixelCodec": "veggie_pl.models.PixelCodec",
    "veggie_pl.whole_files.WholeFiles": "veggie_pl.training.checkpoint_io.WholeFiles",
}
_NAMES = re.compile("|".join(re.escape(name) for name in MOVED))


def moved_name(message: str) -> str | None:
    """Say what a class path of before is called now; None where a message names none.

    Args:
        message: Of the parser, which could not use what a config or the command line says.
    """
    found = _NAMES.search(message)
    return None if found is None else f"{found[0]} is called {MOVED[found[0]]} now; write that name into the config"
