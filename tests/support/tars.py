"""WebDataset shards written by the `webdataset` package, and a web server for them that may fail."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import webdataset
from PIL import Image


def png(number: int, size: int = 16) -> bytes:
    """A picture that shows a number: red is its low byte, green the high one."""
    data = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), (number % 256, number // 256, 99), np.uint8)).save(data, "PNG")
    return data.getvalue()


def mask(size: int = 16) -> bytes:
    data = io.BytesIO()
    picture = np.zeros((size, size), np.uint8)
    picture[:4, :8] = 255
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()


def write_shards(folder: Path, sizes: list[int], padding: int = 0) -> list[str]:
    """Shards of as many samples; sample n of all is called ``n`` and shows n. The paths, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths, number = [], 0
    for shard, size in enumerate(sizes):
        path = folder / f"part-{shard:02d}.tar"
        with webdataset.TarWriter(str(path)) as writer:
            for _ in range(size):
                sample: dict[str, Any] = {"__key__": f"{number:05d}", "source.png": png(number), "mask.png": mask()}
                sample |= {"txt": f"highlight thing {number}", "json": {"skill": "grounding", "fill": "red"}}
                writer.write(sample | {"rest.bin": bytes(padding)})
                number += 1
        paths.append(str(path))
    return paths


class Handler(SimpleHTTPRequestHandler):
    """Serves files; the first ``failures`` requests for each go wrong in turn: an error, or half of the file."""

    def __init__(self, *args: Any, failures: int, seen: dict[str, int], **options: Any) -> None:
        self.failures, self.seen = failures, seen
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        count = self.seen[self.path] = self.seen.get(self.path, 0) + 1
        if count > self.failures:
            super().do_GET()
        elif count % 2:
            self.send_error(503, "busy")
        else:
            data = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path, failures: int = 0) -> Iterator[tuple[str, dict[str, int]]]:
    """The address of a server, and how often each path was asked for."""
    seen: dict[str, int] = {}
    handler = partial(Handler, directory=str(folder), failures=failures, seen=seen)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
