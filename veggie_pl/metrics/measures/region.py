"""Set measures of a region, by LISA's rule, and the mean of J and F. Aspect "region"."""

from veggie_pl.batch import Skill
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.measures.answer import boundary, jaccard, miou
from veggie_pl.metrics.scored import Scored

UNION, FRAMES = "union", "frames"  # columns of weights


def ciou(scored: Scored) -> Values:
    """Give each clip's IoU in %; weighted by their unions their mean is cIoU, see ``functional.region_counts``."""
    return miou(scored)


def giou(scored: Scored) -> Values:
    """Give each clip's mean IoU over frames in %; weighted by frames their mean is gIoU, the mean over all pictures.

    LISA (arXiv:2308.00692) averages the IoU of pictures, two empty masks count 1; each frame is a picture. For clips of
    one length that is J.
    """
    return jaccard(scored)


def j_and_f(scored: Scored) -> Values:
    """Average J and F, in %: DAVIS's J&F."""
    return (jaccard(scored) + boundary(scored)) / 2


def weights(scored: Scored) -> dict[str, Values]:
    """Compute the columns of weights: pixels of the union, and frames."""
    _, union = functional.region_counts(scored.decoded, scored.batch.mask)
    return {UNION: union.double(), FRAMES: union.new_full(union.shape, scored.edited.shape[1]).double()}


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: grounding and reasoning have them."""
    return _ROWS if skill.is_painted else ()


_ROWS = (
    Entry(Measure("jf", "%", PERCENT, worst=0.0, aspect="region"), j_and_f),
    Entry(Measure("giou", "%", PERCENT, worst=0.0, aspect="region", weight=FRAMES), giou),
    Entry(Measure("ciou", "%", PERCENT, worst=0.0, aspect="region", weight=UNION), ciou),
)
