"""Questions to an OpenAI-compatible endpoint, one answer each: waits, asks again, and gives up in the end."""

import os
import threading
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from veggie_pl.errors import UseError, one_line
from veggie_pl.experts.judge.replies import Reply


class Chat:
    """The official ``openai`` client, for threads that ask at one time.

    The client waits and asks again, longer each time, where the server limits its rate (as long as it says), times out
    or fails; what still has no answer is a failure. After ``give_up`` requests in a row without any answer nothing more
    is sent.

    Args:
        sampling: Fields of the request, such as "model" and "temperature"; those that are None are not sent.
        base_url: Such as "http://127.0.0.1:8000/v1"; None is the client's own default, or OPENAI_BASE_URL.
        extra: Further fields of the request.
        timeout: Seconds without a byte from the server before a request counts as lost.
        retries: How often the client asks again.
        give_up: Requests in a row without an answer after which no more are sent.
        api_key_variable: Environment variable with the key; servers that need none get a placeholder.

    Raises:
        UseError: If the client is not installed or a number cannot be.
    """

    def __init__(
        self,
        sampling: Mapping[str, Any],
        base_url: str | None,
        extra: Mapping[str, Any] | None,
        timeout: float,
        retries: int,
        give_up: int,
        api_key_variable: str,
    ) -> None:
        if find_spec("openai") is None:
            raise UseError("a model behind an endpoint needs the openai client: `pip install 'veggie_pl[judge]'`")
        if base_url is not None and not base_url.startswith(("http://", "https://")):
            raise UseError(f"the base_url of an endpoint begins with http:// or https://, got {base_url!r}")
        if give_up < 1 or retries < 0 or timeout <= 0:
            raise UseError(
                "give_up has to be at least 1, retries at least 0 and timeout above 0, "
                f"got {give_up}, {retries} and {timeout}"
            )
        self.sampling, self.base_url, self.extra = dict(sampling), base_url, dict(extra or {})
        self.client_options: dict[str, Any] = {"timeout": timeout, "max_retries": retries}
        self.give_up, self.api_key_variable = give_up, api_key_variable
        self.unanswered = 0  # requests in a row

    @property
    def settings(self) -> dict[str, Any]:
        """All that an answer depends on; never the key."""
        return {"base_url": self.base_url, **self.sampling, "extra": self.extra}

    @cached_property
    def _client(self) -> Any:
        from openai import OpenAI

        key = os.environ.get(self.api_key_variable) or "none"
        return OpenAI(base_url=self.base_url, api_key=key, **self.client_options)

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what other processes make for themselves."""
        return {name: value for name, value in vars(self).items() if name not in ("_client", "_lock")}

    def prepare(self) -> None:
        """Make the client once, before threads look for it."""
        _ = self._client, self._lock

    def ask(self, content: list[dict[str, Any]], seed: int | None) -> tuple[Reply, str]:
        """Return a reply, and which model the server says it is from.

        Args:
            content: Of the user's message.
            seed: Sent with it; None sends none.
        """
        from openai import OpenAIError

        if self.unanswered >= self.give_up:
            return Reply(failure=f"not asked: {self.unanswered} requests in a row had no answer"), ""
        given = {name: value for name, value in {**self.sampling, "seed": seed}.items() if value is not None}
        try:
            answer = self._client.chat.completions.create(
                messages=[{"role": "user", "content": content}], extra_body=self.extra or None, **given
            )
        except (OpenAIError, ValueError, OSError) as problem:  # ValueError: a body that is no JSON
            self._count(answered=False)
            return Reply(failure=f"no answer: {type(problem).__name__}: {one_line(problem)[:300]}"), ""
        self._count(answered=True)
        return reply_of(answer), str(getattr(answer, "model", "") or "")

    def _count(self, answered: bool) -> None:
        with self._lock:
            self.unanswered = 0 if answered else self.unanswered + 1


def reply_of(answer: Any) -> Reply:
    """Take the text out of a completion, which servers fill in more or less well."""
    choices = getattr(answer, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = getattr(choice, "message", None)
    text = getattr(message, "content", None)
    if not isinstance(text, str):
        refusal = getattr(message, "refusal", None)
        said = f"refused: {refusal}" if refusal else f"no text in the answer: {str(answer)[:200]}"
        return Reply(failure=" ".join(said.split()))
    if getattr(choice, "finish_reason", None) == "length":
        return Reply(text, failure="the reply was cut off at max_tokens")
    return Reply(text)
