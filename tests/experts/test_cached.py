"""What experts said is kept by content; what is torn or foreign is made again, and says so."""

import json
import logging
from pathlib import Path

import pytest
import torch
from support.experts import clip_of

from veggie_pl.batch import Clip, Skill
from veggie_pl.errors import UseError
from veggie_pl.experts import (
    AntonymQuality,
    CachedDetector,
    CachedFeatures,
    CachedImageText,
    CachedJudge,
    CachedQuality,
    ClipExpert,
    DinoExpert,
    ShapeDetector,
)
from veggie_pl.experts.detections import Detections, Detector
from veggie_pl.experts.protocols import (
    FrameFeatures,
    FrameQuality,
    ImageText,
    Judge,
    Judgement,
    Question,
    Vector,
    Vectors,
)

FRAMES = clip_of(3)


class GoneError(Exception):
    pass


class Gone:
    """An expert that has nothing left to say: what comes must come from the cache."""

    name = "gone"

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def embed_frames(self, frames: Clip) -> Vectors:
        raise GoneError

    def embed_text(self, text: str) -> Vector:
        raise GoneError

    def detect(self, frames: Clip, phrase: str) -> list[Detections]:
        raise GoneError

    def quality(self, frames: Clip) -> float:
        raise GoneError


class Counting:
    """A judge that counts how often it is asked."""

    name, digest, axes, scale = "counting", "judge-1", ("follow",), (1.0, 10.0)
    needs_checklist = False

    def __init__(self, failures: tuple[str, ...] = ()) -> None:
        self.asked, self.failures = 0, failures

    def judge(self, question: Question) -> Judgement:
        self.asked += 1
        return Judgement({"follow": 7.0}, ("follow: 7 \u597d",), self.failures, {"seed": 0})


def question(seed: int = 0, **more: object) -> Question:
    edited = clip_of(3, seed=seed)
    return Question("k", Skill.REMOVAL, "remove it", FRAMES, edited, **more)  # type: ignore[arg-type]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_vectors_are_kept_bit_for_bit(clip: str, dino: str, tmp_path: Path) -> None:
    expert = ClipExpert(clip, device="cpu")
    first = CachedImageText(expert, str(tmp_path))
    assert isinstance(first, ImageText)
    assert isinstance(CachedFeatures(DinoExpert(dino, device="cpu", size=32), str(tmp_path)), FrameFeatures)
    frames, text = first.embed_frames(FRAMES), first.embed_text("red circle")
    assert torch.equal(frames, expert.embed_frames(FRAMES))
    again = CachedImageText(Gone(expert.digest), str(tmp_path))
    assert torch.equal(again.embed_frames(FRAMES.clone()), frames)
    assert torch.equal(again.embed_text("red circle"), text)
    with pytest.raises(GoneError):
        again.embed_frames(FRAMES + 1e-6)
    with pytest.raises(GoneError):
        again.embed_text("red circles")


def test_experts_do_not_share(clip: str, dino: str, tmp_path: Path) -> None:
    one, other = ClipExpert(clip, device="cpu"), DinoExpert(dino, device="cpu", size=32)
    CachedFeatures(one, str(tmp_path)).embed_frames(FRAMES)
    found = CachedFeatures(other, str(tmp_path)).embed_frames(FRAMES)
    assert torch.equal(found, other.embed_frames(FRAMES))
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("fault", ["torn", "empty", "foreign"])
def test_damaged_files_are_made_again_with_a_warning(
    clip: str, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    cached = CachedFeatures(ClipExpert(clip, device="cpu"), str(tmp_path))
    expected = cached.embed_frames(FRAMES)
    (place,) = files(tmp_path)
    whole = place.read_bytes()
    if fault == "foreign":
        cached.embed_frames(FRAMES[:1])
        (other,) = [path for path in files(tmp_path) if path != place]
        place.write_bytes(other.read_bytes())
    else:
        place.write_bytes(whole[: len(whole) // 2] if fault == "torn" else b"")
    with caplog.at_level(logging.WARNING):
        assert torch.equal(cached.embed_frames(FRAMES), expected)
    assert "will be made again" in caplog.text
    assert place.read_bytes() == whole
    caplog.clear()
    cached.embed_frames(FRAMES)
    assert not caplog.text


def test_boxes_are_kept_frame_by_frame(tmp_path: Path) -> None:
    class Finding:
        def __init__(self) -> None:
            self.digest = "finding"

        def detect(self, frames: Clip, phrase: str) -> list[Detections]:
            return [Detections(torch.rand(n, 4), torch.rand(n)) for n in (2, 0, 1)]

    finding = Finding()
    first = CachedDetector(finding, str(tmp_path)).detect(FRAMES, "red circle")
    again = CachedDetector(Gone("finding"), str(tmp_path))
    assert isinstance(again, Detector)
    found = again.detect(FRAMES, "red circle")
    assert [len(one.scores) for one in found] == [2, 0, 1]
    assert all(
        torch.equal(a.boxes, b.boxes) and torch.equal(a.scores, b.scores) for a, b in zip(first, found, strict=True)
    )
    with pytest.raises(GoneError):
        again.detect(FRAMES, "blue circle")
    assert CachedDetector(ShapeDetector("large"), str(tmp_path)).digest != ShapeDetector().digest
    del finding.digest
    with pytest.raises(UseError, match="Finding has no digest"):
        CachedDetector(finding, str(tmp_path))


def test_qualities_are_kept(clip: str, tmp_path: Path) -> None:
    quality = AntonymQuality(ClipExpert(clip, device="cpu"))
    first = CachedQuality(quality, str(tmp_path)).quality(FRAMES)
    again = CachedQuality(Gone(quality.digest), str(tmp_path))
    assert isinstance(again, FrameQuality)
    assert again.quality(FRAMES) == first == quality.quality(FRAMES)


def test_judgements_are_kept_with_replies_and_settings(tmp_path: Path) -> None:
    judge = Counting()
    cached = CachedJudge(judge, str(tmp_path))
    assert isinstance(cached, Judge)
    said = [cached.judge(question()) for _ in range(3)]
    assert judge.asked == 1
    assert said[0] == said[1] == said[2]
    assert said[2].replies == ("follow: 7 \u597d",)
    assert said[2].settings == {"seed": 0}
    cached.judge(question(seed=1))
    cached.judge(question(checklist=("Is it gone?",)))
    assert judge.asked == 3


def test_judgements_with_failures_are_asked_for_again(tmp_path: Path) -> None:
    judge = Counting(("reply 1: no answer",))
    for _ in range(2):
        CachedJudge(judge, str(tmp_path)).judge(question())
    assert judge.asked == 2
    assert not files(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"key": "other", "answer": {}}', None])
def test_damaged_judgements_are_asked_for_again(
    tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    judge = Counting()
    cached = CachedJudge(judge, str(tmp_path))
    expected = cached.judge(question())
    (place,) = files(tmp_path)
    place.write_text(content or json.dumps({"key": place.stem, "answer": {"scores": {}}}))
    with caplog.at_level(logging.WARNING):
        assert cached.judge(question()) == expected
    assert "will be made again" in caplog.text
    assert judge.asked == 2
    assert cached.judge(question()) == expected
    assert judge.asked == 2
