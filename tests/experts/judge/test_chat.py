"""The chat client that judges and describers share: what is no reply is told, and a silent server is left alone."""

from types import SimpleNamespace

import pytest
from support.chat_server import Answer, ChatServer, said

from veggie_pl.errors import UseError
from veggie_pl.experts.judge.chat import Chat, reply_of


def chat(base_url: str | None = None, **options: object) -> Chat:
    given = {"extra": None, "timeout": 5.0, "retries": 0, "give_up": 2, "api_key_variable": "NO_KEY"} | options
    return Chat({"model": "tiny", "max_tokens": None}, base_url, **given)  # type: ignore[arg-type]


def test_fields_that_are_none_are_not_sent() -> None:
    with ChatServer(lambda request, number: said("yes")) as server:
        assert chat(server.url).ask([], None)[0].text == "yes"
        chat(server.url).ask([], 3)
    assert "max_tokens" not in server.requests[0]
    assert "seed" not in server.requests[0]
    assert server.requests[1]["seed"] == 3


def test_silent_server_is_left_alone_until_it_answers() -> None:
    with ChatServer(lambda request, number: Answer("{}", 500) if number else said("yes")) as server:
        asked = chat(server.url)
        found = [asked.ask([], None)[0] for _ in range(4)]
    assert [one.failure[:9] for one in found] == ["", "no answer", "no answer", "not asked"]
    assert len(server.requests) == 3


def test_answers_without_text_are_failures() -> None:
    assert "no text in the answer" in reply_of(None).failure
    refused = SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=None, refusal="no"))])
    assert reply_of(refused).failure == "refused: no"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(UseError, match="give_up has to be at least 1"):
        chat(give_up=0)
