"""Measures that ask outside models: of images and text, of frames, and judges. see ``measures``."""

import math
from collections.abc import Callable

from veggie_pl.batch import is_blank
from veggie_pl.experts.protocols import Judgement
from veggie_pl.metrics import functional
from veggie_pl.synthesis.assess.measures import OWN, Measure
from veggie_pl.synthesis.assess.seen import Seen


def text_source(seen: Seen) -> float:
    """Average the cosine of the source's frames and its caption, InsV2V's sim_0."""
    return _text(seen, 0, seen.lifted.description.caption)


def text_edited(seen: Seen) -> float:
    """Average the cosine of the edited clip's frames and its caption, InsV2V's sim_1."""
    return _text(seen, 1, seen.lifted.description.edited_caption)


def direction(seen: Seen) -> float:
    """Average the cosine of how frames changed and how captions changed, InsV2V's sim_dir."""
    description, expert = seen.lifted.description, seen.experts.image_text
    if expert is None or is_blank(description.caption) or is_blank(description.edited_caption):
        return math.nan
    words = (expert.embed_text(text) for text in (description.edited_caption, description.caption))
    return float(functional.direction_similarity(seen.features[1], seen.features[0], *words))


def alike(seen: Seen) -> float:
    """Average the cosine of frames of the two clips at the same moment, InsV2V's sim_image."""
    source, edited = seen.features
    return float((source.double() * edited.double()).sum(-1).mean())


def background(seen: Seen) -> float:
    """Compute VBench's background consistency of the worse clip, by the model of images and text."""
    return min(float(functional.vbench_consistency(one)) for one in seen.features)


def subject(seen: Seen) -> float:
    """Compute VBench's subject consistency of the worse clip, by the model of frames."""
    expert = seen.experts.features
    assert expert is not None
    return min(float(functional.vbench_consistency(expert.embed_frames(clip))) for clip in seen.whole_clips)


def overall(judgement: Judgement) -> float:
    r"""Compute VIEScore's overall of a judgement, as EditScore does: :math:`\sqrt{\min(follow, preserve) quality}`.

    NaN where one of the three axes has no valid reply.
    """
    scores = judgement.scores
    if not {"follow", "preserve", "quality"} <= scores.keys():
        return math.nan
    return math.sqrt(max(0.0, min(scores["follow"], scores["preserve"])) * max(0.0, scores["quality"]))


def _judged(shown: str) -> Callable[[Seen], float]:
    return lambda seen: overall(seen.judged(shown))


def _least(seen: Seen) -> float:
    """Give the least of all axes of the judge; NaN if one has no valid reply."""
    judge, scores = seen.experts.judge, seen.judged("clips").scores
    assert judge is not None
    return min((scores.get(axis, math.nan) for axis in judge.axes), key=lambda score: (not math.isnan(score), score))


def _text(seen: Seen, clip: int, text: str) -> float:
    expert = seen.experts.image_text
    if expert is None or is_blank(text):
        return math.nan
    return float(functional.text_similarity(seen.features[clip], expert.embed_text(text)))


MEASURES: dict[str, Measure] = OWN | {
    "text_source": Measure("cosine", "high", text_source, "image_text"),
    "text_edited": Measure("cosine", "high", text_edited, "image_text"),
    "direction": Measure("cosine", "high", direction, "image_text"),
    "alike": Measure("cosine", "high", alike, "image_text"),
    "background": Measure("cosine", "high", background, "image_text"),
    "subject": Measure("cosine", "high", subject, "features"),
    "judge_overall": Measure("of the judge's scale", "high", _judged("clips"), "judge"),
    "judge_first": Measure("of the judge's scale", "high", _judged("first"), "judge"),
    "judge_least": Measure("of the judge's scale", "high", _least, "judge"),
}
