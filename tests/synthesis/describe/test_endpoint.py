"""Descriptions from an endpoint: a real server, replies that are good, nonsense, or never come."""

import json
import pickle

import pytest
from support.chat_server import Answer, ChatServer, said
from support.stills import boxed

from veggie_pl.errors import UseError
from veggie_pl.synthesis.describe import EndpointDescriber
from veggie_pl.synthesis.protocols import Describer, ItemError

STILL = boxed(48, 64)
REPLY = json.dumps({"caption": "A box.", "edited_caption": "A red box.", "motion": "It rolls."})


def describer(server: ChatServer, **options: object) -> EndpointDescriber:
    return EndpointDescriber("tiny", **{"base_url": server.url, "timeout": 5.0, "retries": 0, **options})  # type: ignore[arg-type]


def test_both_pictures_and_the_question_are_sent() -> None:
    with ChatServer(lambda request, number: said(REPLY)) as server:
        asked = pickle.loads(pickle.dumps(describer(server)))
        found = asked.describe(STILL, 7)
    assert isinstance(asked, Describer)
    assert found.edited_caption == "A red box."
    assert found.replies == (REPLY,)
    (request,) = server.requests
    assert (request["model"], request["seed"]) == ("tiny", 7)
    parts = request["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    assert parts[0] != parts[1]


def test_nonsense_is_an_error_of_the_item_with_the_raw_reply() -> None:
    with ChatServer(lambda request, number: said("I see a box")) as server, pytest.raises(ItemError, match="I see a"):
        describer(server).describe(STILL, 0)


def test_cut_replies_and_failures_are_errors_of_the_item() -> None:
    cut = r"cut off at max_tokens; it said .*caption"
    with ChatServer(lambda request, number: said(REPLY[:20], "length")) as server, pytest.raises(ItemError, match=cut):
        describer(server).describe(STILL, 0)
    with ChatServer(lambda request, number: Answer("{}", status=500)) as server:
        asked = describer(server, give_up=2)
        for said_ in ("no answer: InternalServerError", "no answer", "not asked: 2 requests in a row had no answer"):
            with pytest.raises(ItemError, match=said_):
                asked.describe(STILL, 0)
        assert len(server.requests) == 2


def test_model_that_never_answers_is_given_up() -> None:
    late = "no answer: APITimeoutError"
    with ChatServer(lambda request, number: said(REPLY, delay=30)) as server, pytest.raises(ItemError, match=late):
        describer(server, timeout=0.1).describe(STILL, 0)


def test_wrong_settings_are_refused_and_digests_differ() -> None:
    with pytest.raises(UseError, match="http:// or https://"):
        EndpointDescriber("tiny", base_url="localhost")
    with pytest.raises(UseError, match="jpeg_quality"):
        EndpointDescriber("tiny", jpeg_quality=0)
    assert EndpointDescriber("tiny").digest == EndpointDescriber("tiny", timeout=1.0).digest
    assert EndpointDescriber("tiny").digest != EndpointDescriber("other").digest
