"""Whether outputs agree with words: CLIP or SigLIP by folder. Aspect "text"."""

import torch

from veggie_pl.batch import Skill, is_blank
from veggie_pl.data.benchmark import Measure, Values
from veggie_pl.metrics import functional
from veggie_pl.metrics.entry import PERCENT, Entry
from veggie_pl.metrics.scored import Scored

_UNDEFINED = torch.tensor(torch.nan, dtype=torch.float64)


def presence(scored: Scored) -> Values:
    """Compare each frame with the caption of the result, mean over frames, x 100; NaN without a caption."""
    return _similarity(scored, scored.batch.caption)


def absence(scored: Scored) -> Values:
    """Take from 100 the similarity to the phrase that was removed (the paper's rule, derived); NaN without a phrase."""
    return 100 - _similarity(scored, scored.batch.phrase)


def direction(scored: Scored) -> Values:
    """Compare how frames changed with how captions changed, x 100; NaN without both captions.

    Mean over frames of the cosine of edited minus source frame and caption minus source caption.
    """
    model, batch = scored.experts.image_text, scored.batch
    assert model is not None
    found = []
    captions = zip(batch.caption, batch.source_caption, strict=True)
    for edited, source, (caption, was) in zip(scored.image_text_features, batch.source, captions, strict=True):
        if is_blank(caption) or is_blank(was) or caption == was:
            found.append(_UNDEFINED)
            continue
        words = model.embed_text(caption), model.embed_text(was)
        found.append(100 * functional.direction_similarity(edited, model.embed_frames(source), *words))
    return torch.stack(found)


def rows(skill: Skill) -> tuple[Entry, ...]:
    """List the measures of a skill: those that edit have them."""
    if skill.is_painted:
        return ()
    needs = ("image_text",)
    alignment = Measure("alignment", "score", PERCENT, needs=needs, worst=0.0, aspect="text")
    turned = Measure("direction", "score", (-100.0, 100.0), needs=needs, worst=-100.0, aspect="text")
    return Entry(alignment, absence if skill is Skill.REMOVAL else presence), Entry(turned, direction)


def _similarity(scored: Scored, texts: list[str]) -> Values:
    model = scored.experts.image_text
    assert model is not None
    found = [
        _UNDEFINED if is_blank(text) else 100 * functional.text_similarity(features, model.embed_text(text))
        for features, text in zip(scored.image_text_features, texts, strict=True)
    ]
    return torch.stack(found)
