"""Descriptions by a model behind any OpenAI-compatible endpoint: a hosted one, or one's own server."""

from functools import cached_property
from typing import Any

from veggie_pl.errors import UseError
from veggie_pl.experts.judge.chat import Chat
from veggie_pl.experts.judge.frames import as_jpegs, check_asking
from veggie_pl.synthesis.describe.asking import VERSION, pictures, question, read
from veggie_pl.synthesis.digest import digest_of_step
from veggie_pl.synthesis.protocols import Description, ItemError, Still


class EndpointDescriber:
    """Implements ``Describer`` by the official ``openai`` client: both pictures as JPEG, then the question.

    The client waits and asks again as it does for ``EndpointJudge``; what still has no answer, or one that cannot be
    read, is an error of the item, which holds the raw reply. After ``give_up`` requests in a row without any answer
    nothing more is sent.

    Args:
        model: As the server calls it.
        base_url: Such as "http://127.0.0.1:8000/v1"; None is the client's own default, or OPENAI_BASE_URL.
        side: Longer side of a picture, in pixels, at most.
        jpeg_quality: 1 to 100.
        temperature: Of sampling.
        max_tokens: Of a reply; None leaves it to the server.
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
        model: str,
        base_url: str | None = None,
        side: int = 768,
        jpeg_quality: int = 90,
        temperature: float = 0.0,
        max_tokens: int | None = 512,
        extra: dict[str, Any] | None = None,
        timeout: float = 120.0,
        retries: int = 4,
        give_up: int = 5,
        api_key_variable: str = "OPENAI_API_KEY",
    ) -> None:
        check_asking(1, 1, side)
        if not 1 <= jpeg_quality <= 100:
            raise UseError(f"jpeg_quality has to be in 1 .. 100, got {jpeg_quality}")
        self.side, self.jpeg_quality = side, jpeg_quality
        sampling = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        self.chat = Chat(sampling, base_url, extra, timeout, retries, give_up, api_key_variable)

    @cached_property
    def digest(self) -> str:
        """Class, prompt and settings; what lies behind the model's name is the server's word."""
        return digest_of_step(
            self, 1, prompt=VERSION, side=self.side, jpeg_quality=self.jpeg_quality, **self.chat.settings
        )

    def describe(self, still: Still, seed: int) -> Description:
        """Describe a pair of pictures.

        Raises:
            ItemError: If there is no answer, or one that cannot be read.
        """
        text = question(still)
        images = as_jpegs(pictures(still, self.side), self.jpeg_quality)
        content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": image}} for image in images]
        reply, _ = self.chat.ask([*content, {"type": "text", "text": text}], seed % 2**31)
        if reply.failure:
            raise ItemError(f"{reply.failure}; it said {reply.text[:600]!r}")
        return read(reply.text)
