"""How an output looks by itself: blur and noise, which need no model, and a model by folder. Aspect "quality"."""

import torch

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.experts.protocols import FrameQuality
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.functional.sharpness import NOISE_CAP
from veggie_pl.metrics.scored import Scored


def sharpness(scored: Scored) -> Values:
    """Take the blur from 1, mean over frames, in %: ``functional.blur_effect``. Noise is sharp, too."""
    return 100 * scored.sharpness


def noise_level(scored: Scored) -> Values:
    """Estimate the deviation of the noise in 8-bit levels, mean over frames: ``functional.noise_level``."""
    return scored.noise


def by_model(scored: Scored) -> Values:
    """Ask the quality model about each output."""
    model = scored.experts.quality
    assert model is not None
    return torch.tensor([model.quality(clip) for clip in scored.edited], dtype=torch.float64)


def rows(skill: Skill, model: FrameQuality | None) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit. The model's is called by the model's name."""
    if skill.is_painted:
        return ()
    name = "quality_model" if model is None else f"quality_{model.name}"
    return *_ROWS, Entry(Measure(name, "score", needs=("quality",), worst=0.0, aspect="quality"), by_model)


_ROWS = (
    Entry(Measure("sharpness", "%", PERCENT, worst=0.0, aspect="quality"), sharpness),
    Entry(Measure("noise", "levels", (0.0, NOISE_CAP), False, worst=NOISE_CAP, aspect="quality"), noise_level),
)
