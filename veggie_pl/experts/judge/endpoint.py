"""A judge behind any OpenAI-compatible endpoint: a hosted model, or one's own server (vLLM, llama.cpp, Ollama)."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from veggie_pl.errors import UseError
from veggie_pl.experts.judge.chat import Chat
from veggie_pl.experts.judge.frames import as_jpegs, check_asking, shown
from veggie_pl.experts.judge.prompts import VERSION, ModeName, find_mode
from veggie_pl.experts.judge.replies import Reply, conclude
from veggie_pl.experts.protocols import Judgement, Question


class EndpointJudge:
    """Implements ``Judge`` by the official ``openai`` client: frames of both videos as JPEG, then the pinned question.

    The client waits and asks again, longer each time, where the server limits its rate (as long as it says), times out
    or fails; what still has no answer is a failure. A reply that does not say what was asked is one, too, and is not
    asked for again. After ``give_up`` requests in a row without any answer nothing more is sent.

    Args:
        model: As the server calls it.
        base_url: Such as "http://127.0.0.1:8000/v1"; None is the client's own default, or OPENAI_BASE_URL.
        mode: "rating" of three axes from 1 to 10, or "checklist": % of its questions answered by yes.
        repeats: How often each question is asked; the median counts.
        swap: Show the edited video first in every other repeat.
        num_frames: Of each video, evenly spaced.
        side: Longer side of a picture, in pixels, at most.
        jpeg_quality: 1 to 100.
        temperature: Of sampling.
        seed: Sent with the first repeat, one more with each further; None sends none.
        max_tokens: Of a reply; None leaves it to the server, for servers that call it otherwise (see ``extra``).
        extra: Further fields of the request, such as {"max_completion_tokens": 512}.
        timeout: Seconds without a byte from the server before a request counts as lost.
        retries: How often the client asks again.
        concurrency: Requests under way at one time, of all threads that ask this judge.
        give_up: Requests in a row without an answer after which no more are sent.
        api_key_variable: Environment variable with the key; servers that need none get a placeholder.

    Raises:
        UseError: If the client is not installed, the mode is unknown, or a number cannot be.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        mode: ModeName = "rating",
        repeats: int = 2,
        swap: bool = True,
        num_frames: int = 8,
        side: int = 512,
        jpeg_quality: int = 90,
        temperature: float = 0.0,
        seed: int | None = 0,
        max_tokens: int | None = 512,
        extra: dict[str, Any] | None = None,
        timeout: float = 120.0,
        retries: int = 4,
        concurrency: int = 4,
        give_up: int = 5,
        api_key_variable: str = "OPENAI_API_KEY",
    ) -> None:
        check_asking(repeats, num_frames, side)
        if not 1 <= jpeg_quality <= 100:
            raise UseError(f"jpeg_quality has to be in 1 .. 100, got {jpeg_quality}")
        if concurrency < 1:
            raise UseError(f"a judge's concurrency has to be at least 1, got {concurrency}")
        sampling = {"model": model, "temperature": temperature, "max_tokens": max_tokens}
        self.chat = Chat(sampling, base_url, extra, timeout, retries, give_up, api_key_variable)
        self.mode = find_mode(mode)
        self.name, self.axes, self.scale = f"{model} ({mode})", self.mode.axes, self.mode.scale
        self.needs_checklist = self.mode.needs_checklist
        self.repeats, self.swap, self.num_frames, self.side = repeats, swap, num_frames, side
        self.jpeg_quality, self.seed, self.concurrency = jpeg_quality, seed, concurrency

    @property
    def settings(self) -> dict[str, Any]:
        """All that an answer depends on; never the key."""
        return {
            "prompt": VERSION,
            "mode": self.mode.name,
            "repeats": self.repeats,
            "swap": self.swap,
            "num_frames": self.num_frames,
            "side": self.side,
            "jpeg_quality": self.jpeg_quality,
            "seed": self.seed,
            **self.chat.settings,
        }

    @property
    def digest(self) -> str:
        """Of class, prompt and settings; what lies behind the model's name is the server's word."""
        text = json.dumps([type(self).__qualname__, self.settings], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.concurrency, thread_name_prefix="judge")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what other processes make for themselves."""
        return {name: value for name, value in vars(self).items() if name != "_pool"}

    def judge(self, question: Question) -> Judgement:
        """Rate one edit; what the server or the model gets wrong is told in ``failures``."""
        orders = [self.swap and bool(repeat % 2) for repeat in range(self.repeats)]
        settings = {**self.settings, "order": ["edited first" if one else "source first" for one in orders]}
        if fault := self.mode.fault(question):
            return conclude(self.mode, question, [Reply(failure=fault)], settings)
        self.chat.prepare()
        contents = {order: self._content(question, order) for order in set(orders)}
        futures = [self._pool.submit(self._ask, contents[order], i) for i, order in enumerate(orders)]
        answers = [future.result() for future in futures]  # in the order of asking, whichever came first
        settings["answered_by"] = sorted({model for _, model in answers if model})
        return conclude(self.mode, question, [reply for reply, _ in answers], settings)

    def _content(self, question: Question, edited_first: bool) -> list[dict[str, Any]]:
        frames = shown(question, self.num_frames, self.side, edited_first)
        images = as_jpegs(frames, self.jpeg_quality)
        text = self.mode.text(question, len(images) // 2, edited_first)
        seen: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": image}} for image in images]
        return [*seen, {"type": "text", "text": text}]

    def _ask(self, content: list[dict[str, Any]], repeat: int) -> tuple[Reply, str]:
        """Return a reply, and which model the server says it is from."""
        return self.chat.ask(content, None if self.seed is None else self.seed + repeat)
