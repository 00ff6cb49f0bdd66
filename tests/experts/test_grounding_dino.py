"""GroundingDINO by folder: one phrase, scores over its own tokens, the same for every chunk."""

import pytest
import torch
from support.experts import clip_of
from transformers import AutoModelForZeroShotObjectDetection, GroundingDinoProcessor

from veggie_pl.errors import UseError
from veggie_pl.experts import ClipExpert, GroundingDinoDetector
from veggie_pl.experts.detections import Detector
from veggie_pl.experts.frozen import pictures

FRAMES = clip_of(3)
PHRASE = "Red circle"


@pytest.fixture(scope="module")
def published(grounding_dino: str) -> GroundingDinoDetector:
    return GroundingDinoDetector(grounding_dino, variant="published", device="cpu")


@pytest.fixture(scope="module")
def detector(grounding_dino: str) -> GroundingDinoDetector:
    return GroundingDinoDetector(grounding_dino, device="cpu")


def library(folder: str, phrase: str) -> tuple[object, object]:
    """What transformers does by itself."""
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    own = GroundingDinoDetector(folder, device="cpu")
    processor = GroundingDinoProcessor(own.processor, own.tokenizer)
    inputs = processor(images=pictures(FRAMES), text=[[phrase]] * len(FRAMES), return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    return outputs, processor.post_process_grounded_object_detection(outputs, inputs["input_ids"], threshold=0.0)


def test_published_scores_and_boxes_are_the_librarys(published: GroundingDinoDetector) -> None:
    _, expected = library(published.frozen.folder, PHRASE)
    found = published.detect(FRAMES, PHRASE)
    assert isinstance(published, Detector)
    assert len(found) == len(FRAMES)
    for one, theirs in zip(found, expected, strict=True):
        order = theirs["scores"].argsort(descending=True)
        torch.testing.assert_close(one.scores, theirs["scores"][order])
        torch.testing.assert_close(one.boxes, theirs["boxes"][order].clamp(0, 1))


def test_a_boxs_score_is_the_mean_over_the_phrases_own_tokens(detector: GroundingDinoDetector) -> None:
    outputs, _ = library(detector.frozen.folder, PHRASE)
    own = outputs.logits.sigmoid()[..., 1:3].mean(-1)  # [CLS] red circle . [SEP]
    for one, scores in zip(detector.detect(FRAMES, PHRASE), own, strict=True):
        torch.testing.assert_close(one.scores, scores.sort(descending=True).values)


def test_tokens_around_a_phrase_do_not_count(detector: GroundingDinoDetector, published: GroundingDinoDetector) -> None:
    assert detector._inside(detector._ids("red handbag?")).tolist() == [False, True, True, True, False, False]
    ours, theirs = (one.detect(FRAMES[:1], PHRASE)[0].scores[0] for one in (detector, published))
    assert ours < theirs


@pytest.mark.parametrize("folder", ["grounding_dino", "mm_grounding_dino"])
def test_chunks_do_not_change_what_is_found(folder: str, request: pytest.FixtureRequest) -> None:
    place = request.getfixturevalue(folder)
    frames = clip_of(5)
    one, all_at_once = (
        GroundingDinoDetector(place, device="cpu", chunk=chunk).detect(frames, PHRASE) for chunk in (1, 16)
    )
    for a, b in zip(one, all_at_once, strict=True):
        assert 0 < a.scores[0] < 1
        assert a.boxes.min() >= 0
        assert a.boxes.max() <= 1
        torch.testing.assert_close(a.scores, b.scores, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(a.boxes, b.boxes, atol=1e-4, rtol=1e-4)


def test_phrases_differ_and_punctuation_ends_none(detector: GroundingDinoDetector) -> None:
    red, blue, dotted = (detector.detect(FRAMES[:1], text)[0].scores for text in (PHRASE, "blue star", "red. circle?"))
    assert not torch.allclose(red, blue)
    assert torch.equal(red, dotted)


def test_long_phrases_keep_their_end(detector: GroundingDinoDetector) -> None:
    ids = detector._ids("red circle " * 300)
    assert len(ids) == detector.frozen.model.config.max_text_len
    assert ids[-2:].tolist() == [1012, 102]
    assert len(detector.detect(FRAMES[:1], "red circle " * 300)) == 1


def test_only_the_best_boxes_are_kept(grounding_dino: str, detector: GroundingDinoDetector) -> None:
    few = GroundingDinoDetector(grounding_dino, device="cpu", max_boxes=2).detect(FRAMES[:1], PHRASE)[0]
    assert torch.equal(few.scores, detector.detect(FRAMES[:1], PHRASE)[0].scores[:2])


@pytest.mark.parametrize(("phrase", "said"), [("", "nothing to look for"), (" ?. ", "nothing"), ("\u9c7c", "no word")])
def test_phrases_without_words_are_refused(detector: GroundingDinoDetector, phrase: str, said: str) -> None:
    with pytest.raises(UseError, match=said):
        detector.detect(FRAMES, phrase)


def test_other_families_and_variants_are_refused(clip: str, grounding_dino: str) -> None:
    with pytest.raises(UseError, match=r"type 'clip'.*grounding-dino, mm-grounding-dino"):
        GroundingDinoDetector(clip)
    with pytest.raises(UseError, match=r"'grounding-dino'.*clip, siglip"):
        ClipExpert(grounding_dino)
    with pytest.raises(UseError, match=r"'max'.*mean, published"):
        GroundingDinoDetector(grounding_dino, variant="max")
    with pytest.raises(UseError, match="at least 1, got 0"):
        GroundingDinoDetector(grounding_dino, device="cpu", chunk=0).detect(FRAMES, PHRASE)


def test_the_digest_knows_the_variant_and_not_the_chunk(
    grounding_dino: str, detector: GroundingDinoDetector, published: GroundingDinoDetector
) -> None:
    assert detector.digest != published.digest
    assert detector.digest == GroundingDinoDetector(grounding_dino, device="cpu", chunk=1).digest
