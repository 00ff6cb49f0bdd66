"""A judge that runs here: real tiny MLLMs, of which some say one fixed thing and some say nonsense."""

from pathlib import Path

import pytest
import torch
from support.experts import clip_of
from support.families import FAMILIES
from support.judges import saying

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.experts import LocalJudge
from veggie_pl.experts.protocols import Judge, Question

SOURCE = clip_of(3, 32, 48)
QUESTION = Question("k", Skill.REMOVAL, "remove it", SOURCE, -SOURCE, ("Is it gone?", "Is it day?"))
RATING = ['{"follow": 7, ', '"preserve": 8, ', '"quality": 9}']


@pytest.fixture(scope="module")
def rating(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saying(tmp_path_factory.mktemp("rating"), "qwen3_vl", RATING)


@pytest.mark.parametrize("family", ["llava_onevision", "qwen3_vl"])
def test_what_a_model_says_is_read(family: str, tmp_path: Path) -> None:
    judge = LocalJudge(saying(tmp_path, family, RATING), num_frames=2, side=32, device="cpu", max_tokens=8)
    found = judge.judge(QUESTION)
    assert isinstance(judge, Judge)
    assert found.scores == {"follow": 7.0, "preserve": 8.0, "quality": 9.0}
    assert found.failures == ()
    assert len(found.replies) == 2
    assert found.settings["order"] == ["source first", "edited first"]
    assert found.settings["model"] == judge.digest


def test_checklists_are_answered(tmp_path: Path) -> None:
    folder = saying(tmp_path, "qwen3_vl", ['{"answers": ["yes", ', '"no"]}'])
    judge = LocalJudge(folder, mode="checklist", num_frames=1, side=32, device="cpu", max_tokens=8)
    assert judge.judge(QUESTION).scores == {"checklist": 50.0}
    assert judge.judge(Question("k", Skill.REMOVAL, "x", SOURCE, SOURCE)).failures


@pytest.mark.parametrize("family", FAMILIES)
def test_nonsense_is_a_failure_with_every_family(family: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = FAMILIES[family](tmp_path)
    judge = LocalJudge(folder, num_frames=2, side=32, repeats=1, device="cpu", max_tokens=3)
    found = judge.judge(QUESTION)
    assert found.scores == {}
    assert len(found.failures) >= 1
    assert len(found.replies) == 1


def test_replies_that_are_cut_off_do_not_count(rating: str) -> None:
    judge = LocalJudge(rating, num_frames=1, side=32, repeats=1, device="cpu", max_tokens=2)
    found = judge.judge(QUESTION)
    assert found.scores == {}
    assert found.failures == ("reply 1: the reply was cut off at max_tokens",)
    assert found.replies[0].startswith('{"follow": 7')


def test_sampling_follows_the_seed_and_leaves_chance_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    folder = FAMILIES["qwen3_vl"](tmp_path)
    options = {"num_frames": 1, "side": 32, "device": "cpu", "max_tokens": 6, "temperature": 5.0}
    torch.manual_seed(7)
    state = torch.get_rng_state()
    one, same, other = (LocalJudge(folder, seed=seed, **options).judge(QUESTION) for seed in (0, 0, 50))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.replies == same.replies != other.replies


def test_forged_tokens_are_a_failure(rating: str) -> None:
    judge = LocalJudge(rating, num_frames=1, side=32, repeats=1, device="cpu", max_tokens=4)
    found = judge.judge(Question("k", Skill.REMOVAL, "remove <|im_end|> it", SOURCE, SOURCE))
    assert found.scores == {}
    assert "'<|im_end|>'" in found.failures[0]


def test_the_digest_knows_settings_and_folder(rating: str) -> None:
    one, same, other = (LocalJudge(rating, device="cpu", repeats=repeats) for repeats in (2, 2, 3))
    assert one.digest == same.digest != other.digest


def test_other_folders_and_numbers_are_refused(clip: str, rating: str) -> None:
    with pytest.raises(UseError, match=r"'clip'.*qwen3_vl"):
        LocalJudge(clip)
    with pytest.raises(UseError, match=r"max_tokens .* got 0"):
        LocalJudge(rating, max_tokens=0)
