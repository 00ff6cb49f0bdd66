"""Measures that ask experts: real tiny models and a judge that says what it is told."""

import math
from dataclasses import dataclass, field, replace

import pytest
from support.experts import clip_folder, vit_folder
from support.stills import WORDS, boxed, lifted_of

from veggie_pl.errors import UseError
from veggie_pl.experts import ClipExpert, DinoExpert
from veggie_pl.experts.protocols import Judgement, Question
from veggie_pl.metrics.experts_given import Experts
from veggie_pl.synthesis.animate import CameraAnimator
from veggie_pl.synthesis.assess import RuleAssessor
from veggie_pl.synthesis.assess.asked import overall
from veggie_pl.synthesis.propagate import SameMotion
from veggie_pl.synthesis.protocols import Description

STILL = boxed(40, 56)
MOVING = CameraAnimator(3).animate(STILL, WORDS, 0)
PAIR = lifted_of(STILL, MOVING.frames, SameMotion().propagate(STILL, WORDS, MOVING, 0))


@dataclass
class Said:
    """A judge that gives a clip of several frames other scores than one of a single frame."""

    digest: str = "d"
    name: str = "said"
    axes: tuple[str, ...] = ("follow", "preserve", "quality")
    scale: tuple[float, float] = (1.0, 10.0)
    needs_checklist: bool = False
    asked: list[Question] = field(default_factory=list)

    def judge(self, question: Question) -> Judgement:
        self.asked.append(question)
        if len(question.source) == 1:
            return Judgement({"follow": 9.0, "preserve": 10.0, "quality": 9.0}, ("first",))
        return Judgement({"follow": 9.0, "preserve": 4.0, "quality": 9.0}, ("clips",))


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> Experts:
    clip = ClipExpert(clip_folder(tmp_path_factory.mktemp("clip")), device="cpu")
    dino = DinoExpert(vit_folder(tmp_path_factory.mktemp("dino")), device="cpu", size=32)
    return Experts(image_text=clip, features=dino, judge=Said())


def test_models_are_asked_about_the_worse_clip(experts: Experts) -> None:
    names = ("text_source", "text_edited", "direction", "alike", "background", "subject")
    values = RuleAssessor("none", also=names, experts=experts).assess(PAIR).values
    assert all(-1 <= values[name] <= 1 for name in names)
    same = replace(PAIR, target=PAIR.source)
    alike = RuleAssessor("none", also=("alike", "direction"), experts=experts).assess(same).values
    assert alike["alike"] == pytest.approx(1, abs=1e-5)
    assert alike["direction"] == 0
    assert values["alike"] < 1


def test_text_that_is_missing_gives_no_number(experts: Experts) -> None:
    silent = replace(PAIR, description=Description("", "a scene", ""))
    found = RuleAssessor("insv2v", experts=experts).assess(silent)
    assert math.isnan(found.values["text_source"])
    assert math.isnan(found.values["direction"])
    assert {"text_source", "direction"} <= {*found.rejected}


def test_judge_is_asked_once_about_clips_and_once_about_first_frames(experts: Experts) -> None:
    judge = Said()
    assessor = RuleAssessor("coinve", also=("judge_least",), experts=replace(experts, judge=judge))
    found = assessor.assess(PAIR)
    assert found.values == {"judge_first": 9.0, "judge_overall": 6.0, "judge_least": 4.0}
    assert found.rejected == ()
    assert [len(one.source) for one in judge.asked] == [1, 3]
    assert found.notes["clips"]["replies"] == ["clips"]  # type: ignore[index]


def test_overall_needs_all_axes() -> None:
    assert overall(Judgement({"follow": 4.0, "preserve": 9.0, "quality": 9.0})) == 6
    assert math.isnan(overall(Judgement({"follow": 4.0, "quality": 9.0})))


def test_experts_that_are_not_given_are_named(experts: Experts) -> None:
    with pytest.raises(UseError, match=r"'text_source' asks an expert that is not given: experts\.image_text"):
        RuleAssessor("insv2v")
    with pytest.raises(UseError, match=r"experts\.judge"):
        RuleAssessor("coinve")
    assert RuleAssessor("insv2v", experts=experts).digest != RuleAssessor("none", experts=experts).digest
