"""A real HTTP server that speaks the chat protocol as well, or as badly, as a test wants it to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """What goes over the wire."""

    body: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds; more than a test waits stands for never


def said(text: str | None, finish: str = "stop", delay: float = 0.0) -> Answer:
    """A whole completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    whole = {"id": "x", "object": "chat.completion", "created": 0, "model": "tiny-judge-7", "choices": [choice]}
    return Answer(json.dumps(whole), delay=delay)


class ChatServer:
    """Serves on 127.0.0.1 at a free port while it is entered.

    Args:
        answer: From the request's JSON and its number, counted from 0, to what to send.
    """

    def __init__(self, answer: Callable[[dict[str, Any], int], Answer]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Message] = []
        self.under_way = self.most_under_way = 0
        self.closing, lock = threading.Event(), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:
                request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                with lock:
                    number = len(self.requests)
                    self.requests.append(request)
                    self.headers.append(handler.headers)
                    self.under_way += 1
                    self.most_under_way = max(self.most_under_way, self.under_way)
                found = answer(request, number)
                self.closing.wait(found.delay)
                with lock:
                    self.under_way -= 1
                body = found.body.encode()
                try:
                    handler.send_response(found.status)
                    for name, value in {"Content-Type": "application/json", **found.headers}.items():
                        handler.send_header(name, value)
                    handler.send_header("Content-Length", str(len(body)))
                    handler.end_headers()
                    handler.wfile.write(body)
                except OSError:  # the client has hung up
                    handler.close_connection = True

            def log_message(handler, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
