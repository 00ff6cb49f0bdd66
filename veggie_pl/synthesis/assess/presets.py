"""Rules that our own benchmark found or that others publish, by name."""

from veggie_pl.errors import UseError
from veggie_pl.metrics.functional.change import MIN_CHANGED
from veggie_pl.synthesis.assess.rules import Rule

PRESETS: dict[str, dict[str, Rule]] = {
    "none": {},
    # For pairs that are aligned by construction. Bounds between the worst good pair and the faults of
    # `python -m benchmarks.synthesis_filter`, chosen on one seed and tested on another: docs/SYNTHESIS.md.
    "embedded": {
        "first_frame": Rule(least=28.0),
        "black": Rule(most=0.0),
        "frozen": Rule(most=0.2),
        "lost": Rule(most=0.4),
        "kept": Rule(least=28.0),
        "edit_seen": Rule(least=MIN_CHANGED),
        "edit_left": Rule(least=0.5, needed=True),
        "edit_spread": Rule(most=2.5),
        "edges": Rule(most=0.2),
    },
    # The same questions for clips that models made: pixels are near, not equal. Chosen by eye, not calibrated.
    "models": {
        "first_frame": Rule(least=18.0),
        "black": Rule(most=0.0),
        "frozen": Rule(most=0.2),
        "lost": Rule(most=0.7),
        "kept": Rule(least=18.0),
        "edit_seen": Rule(least=MIN_CHANGED),
        "edit_left": Rule(least=0.3, needed=True),
    },
    # InsV2V (arXiv:2311.00213; amazon-science/instruct-video-to-video@6a51b48): CLIP ViT-L/14.
    "insv2v": {
        "text_source": Rule(least=0.2, needed=True),
        "text_edited": Rule(least=0.2, needed=True),
        "direction": Rule(least=0.2, needed=True),
        "alike": Rule(least=0.5, needed=True),
    },
    # CoinVE-200K: EditScore above 8 for the image pair and above 6 for frames of the videos. Any judge with the axes
    # follow, preserve and quality on 1 to 10 can be asked; the numbers were EditScore's.
    "coinve": {
        "judge_first": Rule(least=8.0, needed=True),
        "judge_overall": Rule(least=6.0, needed=True),
    },
    # NeMo Curator's global mean of motion, there of the codec's motion vectors at 2 frames per second.
    "curator": {"motion": Rule(least=0.00098, needed=True)},
}


def find_preset(name: str) -> dict[str, Rule]:
    """Return rules by name.

    Raises:
        UseError: If there are none of this name.
    """
    if name not in PRESETS:
        raise UseError(f"no preset {name!r} of rules; the choices are {', '.join(PRESETS)}")
    return dict(PRESETS[name])
