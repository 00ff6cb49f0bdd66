"""The judge behind an endpoint, against a real server that does all that servers do."""

import json
import pickle
import time
from typing import Any

import pytest
import torch
from support.chat_server import Answer, ChatServer, said

from veggie_pl.batch import Skill
from veggie_pl.errors import UseError
from veggie_pl.experts import EndpointJudge
from veggie_pl.experts.protocols import Judge, Question

CLIP = torch.zeros(3, 3, 16, 24)
QUESTION = Question("k", Skill.REMOVAL, "remove it", CLIP, CLIP + 0.5, ("Is it gone?", "Is it day?"))
GOOD = {"follow": 7.0, "preserve": 8.0, "quality": 9.0}


def rating(follow: int = 7) -> str:
    return json.dumps({"follow": follow, "preserve": 8, "quality": 9})


def judge_at(server: ChatServer, **options: Any) -> EndpointJudge:
    return EndpointJudge("tiny", **{"base_url": server.url, "timeout": 5.0, "retries": 0, "num_frames": 2, **options})


def test_requests_hold_frames_in_order_and_the_pinned_words() -> None:
    with ChatServer(lambda request, number: said(rating())) as server:
        judge = judge_at(server, concurrency=1, extra={"top_k": 1})
        found = judge.judge(QUESTION)
    assert isinstance(judge, Judge)
    assert found.scores == GOOD
    assert found.failures == ()
    assert found.replies == (rating(), rating())
    assert found.settings["order"] == ["source first", "edited first"]
    assert found.settings["prompt"] == "veggie-judge-1"
    assert found.settings["answered_by"] == ["tiny-judge-7"]
    first, second = server.requests
    assert (first["model"], first["temperature"], first["max_tokens"], first["top_k"]) == ("tiny", 0.0, 512, 1)
    assert [first["seed"], second["seed"]] == [0, 1]
    parts, turned = (request["messages"][0]["content"] for request in (first, second))
    assert [part["type"] for part in parts] == ["image_url"] * 4 + ["text"]
    urls, turned_urls = ([part["image_url"]["url"] for part in one[:4]] for one in (parts, turned))
    assert urls[0] == urls[1] != urls[2]
    assert turned_urls == urls[2:] + urls[:2]
    assert "first 2 frames of the SOURCE" in parts[4]["text"]
    assert "first 2 frames of the EDITED" in turned[4]["text"]


def test_answers_that_come_in_another_order_keep_their_places() -> None:
    with ChatServer(
        lambda request, number: said(rating(request["seed"] + 1), delay=0.3 - 0.1 * request["seed"])
    ) as server:
        found = judge_at(server, repeats=3, concurrency=3).judge(QUESTION)
    assert [json.loads(reply)["follow"] for reply in found.replies] == [1, 2, 3]
    assert found.scores["follow"] == 2.0
    assert server.most_under_way == 3


def test_no_more_requests_are_under_way_than_allowed() -> None:
    with ChatServer(lambda request, number: said(rating(), delay=0.05)) as server:
        judge_at(server, repeats=6, concurrency=2).judge(QUESTION)
    assert len(server.requests) == 6
    assert server.most_under_way == 2


def test_rate_limits_are_waited_for() -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return (
            Answer('{"error": {"message": "slow down"}}', 429, {"Retry-After": "0.2"}) if number < 2 else said(rating())
        )

    with ChatServer(answer) as server:
        start = time.monotonic()
        found = judge_at(server, repeats=1, retries=3).judge(QUESTION)
        took = time.monotonic() - start
    assert found.scores == GOOD
    assert found.failures == ()
    assert len(server.requests) == 3
    assert took >= 0.4


def test_limits_without_end_are_a_failure() -> None:
    limited = Answer('{"error": {"message": "slow down"}}', 429, {"Retry-After": "0.01"})
    with ChatServer(lambda request, number: limited) as server:
        found = judge_at(server, repeats=1, retries=1).judge(QUESTION)
    assert found.scores == {}
    assert found.failures[0].startswith("reply 1: no answer: RateLimitError")
    assert len(server.requests) == 2


def test_a_server_that_never_answers_is_given_up() -> None:
    with ChatServer(lambda request, number: Answer("", delay=60)) as server:
        judge = judge_at(server, timeout=0.1, give_up=3, concurrency=1)
        found = [judge.judge(QUESTION) for _ in range(3)]
    assert all(one.scores == {} and len(one.failures) == 2 for one in found)
    assert "APITimeoutError" in found[0].failures[0]
    assert "not asked: 3 requests in a row had no answer" in found[2].failures[0]
    assert len(server.requests) == 3


def test_an_answer_ends_the_count_of_those_without() -> None:
    with ChatServer(lambda request, number: said(rating()) if number % 2 else Answer("{}", 500)) as server:
        judge = judge_at(server, give_up=2, repeats=8, concurrency=1)
        found = judge.judge(QUESTION)
    assert len(found.failures) == 4
    assert found.scores == GOOD


def test_servers_that_are_not_there_are_a_failure() -> None:
    with ChatServer(lambda request, number: said("")) as server:
        judge = judge_at(server, repeats=1)
    found = judge.judge(QUESTION)
    assert "APIConnectionError" in found.failures[0]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer('{"choices": [{"mess'), "no "),
        (Answer("<html>busy</html>", headers={"Content-Type": "text/html"}), "no text in the answer"),
        (Answer("{}"), "no text in the answer"),
        (Answer('{"choices": []}'), "no text in the answer"),
        (Answer("null"), "no text in the answer"),
        (Answer('{"error": {"message": "no such model"}}', 404), "NotFoundError"),
        (Answer('{"error": {"message": "bad key"}}', 401), "AuthenticationError"),
        (said(None), "no text in the answer"),
        (said(""), "empty reply"),
        (said("\u5f88\u597d\uff0c\u7ed98\u5206"), "not in English"),
        (said('{"follow": 7, "preserve": 8, "quality": 9'), "malformed JSON"),
        (said(rating(), finish="length"), "cut off at max_tokens"),
        (said("Very good."), "no number for follow"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_whatever_a_server_says_is_told_and_never_raised(answer: Answer, fault: str) -> None:
    with ChatServer(lambda request, number: answer) as server:
        found = judge_at(server, repeats=1).judge(QUESTION)
    assert found.scores == {}
    assert fault in found.failures[0]
    assert len(found.replies) == 1


def test_one_bad_reply_of_three_leaves_the_median_of_two() -> None:
    replies = [rating(2), "\u597d", rating(4)]
    with ChatServer(lambda request, number: said(replies[request["seed"]])) as server:
        found = judge_at(server, repeats=3).judge(QUESTION)
    assert found.scores["follow"] == 3.0
    assert found.replies == tuple(replies)
    assert found.failures == ("reply 2: not in English",)


def test_checklists_are_asked_and_need_questions() -> None:
    with ChatServer(lambda request, number: said('{"answers": ["yes", "no"]}')) as server:
        judge = judge_at(server, mode="checklist", repeats=1)
        assert (judge.axes, judge.scale) == (("checklist",), (0.0, 100.0))
        assert judge.judge(QUESTION).scores == {"checklist": 50.0}
        bare = judge.judge(Question("k", Skill.REMOVAL, "remove it", CLIP, CLIP))
    assert bare.failures == ("reply 1: there is no checklist to answer",)
    assert len(server.requests) == 1
    assert "1. Is it gone?" in server.requests[0]["messages"][0]["content"][-1]["text"]


def test_the_key_comes_from_the_environment_and_is_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_KEY", "s3cret")
    with ChatServer(lambda request, number: said(rating())) as server:
        judge = judge_at(server, repeats=1, api_key_variable="JUDGE_KEY")
        found = judge.judge(QUESTION)
    assert server.headers[0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in f"{found} {judge.settings} {judge.digest}"
    assert b"s3cret" not in pickle.dumps(judge)


def test_judges_go_to_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(lambda request, number: said(rating())) as server:
        judge = judge_at(server, repeats=1)
        judge.judge(QUESTION)
        again = pickle.loads(pickle.dumps(judge))
        assert again.judge(QUESTION).scores == GOOD
        assert again.digest == judge.digest
        assert judge_at(server, seed=1).digest != judge.digest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"repeats": 0}, "repeats has to be at least 1"),
        ({"jpeg_quality": 0}, "1 .. 100, got 0"),
        ({"concurrency": 0}, "at least 1"),
        ({"timeout": 0.0}, "above 0"),
        ({"base_url": "localhost:8000"}, "http:// or https://"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UseError, match=said):
        EndpointJudge("tiny", **options)
