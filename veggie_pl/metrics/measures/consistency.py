"""Whether frames of an output look alike: CLIP and DINO by folder. Aspect "consistency".

All of these reward doing nothing: an output that stands still is the most consistent.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.scored import Scored


def smoothness(scored: Scored) -> Values:
    """Average the cosine of neighbouring frames' CLIP features, x 100: CLIP-F, the paper's "smoothness"."""
    return _each(functional.neighbour_similarity, scored.image_text_features)


def subject_consistency(scored: Scored) -> Values:
    """Compute VBench's subject consistency (DINO), x 100; the mean is over videos, VBench pools frames on one GPU."""
    return _each(functional.vbench_consistency, scored.frame_features)


def background_consistency(scored: Scored) -> Values:
    """Compute VBench's background consistency (CLIP), x 100; the mean is over videos, VBench pools frames."""
    return _each(functional.vbench_consistency, scored.image_text_features)


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit have them."""
    return () if skill.is_painted else _ROWS


def _each(score: Callable[[Float[Tensor, "f d"]], Float[Tensor, ""]], features: list[Tensor]) -> Values:
    return torch.stack([100 * score(one) for one in features])


def _entry(name: str, compute: Callable[[Scored], Values], needs: str, bounds: tuple[float, float] = PERCENT) -> Entry:
    return Entry(Measure(name, "score", bounds, needs=(needs,), worst=0.0, aspect="consistency"), compute)


_ROWS = (
    _entry("smoothness", smoothness, "image_text", (-100.0, 100.0)),
    _entry("vbench_subject", subject_consistency, "features"),
    _entry("vbench_background", background_consistency, "image_text"),
)
