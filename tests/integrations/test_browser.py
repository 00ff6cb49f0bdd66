"""The page that edits in the browser alone: its JavaScript in node, and the whole of it in Chromium."""

import base64
import functools
import http.server
import importlib.util
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.fake import pattern
from tokenizers import Tokenizer

from veggie_pl.errors import UseError
from veggie_pl.inference.editor import Editor
from veggie_pl.inference.enlarge import at_source_size
from veggie_pl.model import VeggieModel
from veggie_pl.training.precision import FULL, VARIABLE
from veggie_pl.video.clip import resize, to_clip, to_frames

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "integrations/browser"
RUNTIME = ROOT / "build/onnxruntime-web"
NODE = shutil.which("node")
TOLERANCE = 1  # of 255: what is rounded to 8 bits may fall to either side
TEXTS = [
    "remove the red circle",
    "  Make it NIGHT!!  ",
    "it's the circle's; they'll 12x34",
    "naïve Σίσυφος ΑΣ ß İ 漢字 🙂 \t\n x",
    "<|user|>hi<video>there<|assistant|>",
    "",
]

needs_node = pytest.mark.skipif(NODE is None, reason="there is no node to run the page's code")
needs_runtime = pytest.mark.skipif(
    not RUNTIME.is_dir(), reason="there is no onnxruntime-web in build: `make runtime` fetches it"
)


def in_node(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    assert NODE is not None
    command = [NODE, str(HERE / "edit_in_node.mjs"), str(folder), str(RUNTIME)]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise UseError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def packed(frames: np.ndarray) -> dict[str, Any]:
    count, height, width, _ = frames.shape
    return {"frames": count, "height": height, "width": width, "pixels": base64.b64encode(frames.tobytes()).decode()}


@pytest.fixture(scope="module")
def model(halved_model: VeggieModel) -> VeggieModel:
    return halved_model


@needs_node
def test_the_tokenizer_is_the_models(onnx_folder: Path) -> None:
    written = json.loads((ROOT / "veggie_pl/data/instructions/written.json").read_text())
    texts = [*TEXTS, *re.findall(r'"([^"]+)"', json.dumps(written))[:300]]
    theirs = Tokenizer.from_file(str(onnx_folder / "tokenizer.json"))
    expected = [theirs.encode(text, add_special_tokens=False).ids for text in texts]
    assert in_node(onnx_folder, {"texts": texts})["ids"] == expected


@needs_node
def test_an_edit_is_brought_to_the_sources_size_as_edit_does() -> None:
    source = to_clip(pattern(2, 48, 32)) * 0.8
    small = resize(source, 8, 16)
    edited = small.flip(3) * 0.7
    edited[:, :, :3] = small[:, :, :3]
    numbers = {
        name: clip.flatten().tolist() for name, clip in (("edited", edited), ("small", small), ("source", source))
    }
    code = f"""
        import {{ atSourceSize, reduce }} from "{HERE.as_uri()}/sizes.js";
        import {{ text }} from "node:stream/consumers";
        const {{ edited, small, source }} = JSON.parse(await text(process.stdin));
        const [full, clip] = [Float32Array.from(source), {{ frames: 2, height: 32, width: 48 }}];
        const reduced = reduce(full, clip, 8, 16);
        const whole = atSourceSize(Float32Array.from(edited), Float32Array.from(small), full, clip, 8, 16);
        process.stdout.write(JSON.stringify([[...whole], [...reduced]]));
    """
    command = [str(NODE), "--input-type=module", "-e", code]
    done = subprocess.run(command, input=json.dumps(numbers), capture_output=True, text=True, timeout=60, check=True)
    whole, reduced = (torch.tensor(one) for one in json.loads(done.stdout))
    torch.testing.assert_close(whole.view(source.shape), at_source_size(edited, small, source), atol=1e-4, rtol=0)
    torch.testing.assert_close(reduced.view(small.shape), small, atol=1e-5, rtol=0)


@needs_node
@needs_runtime
@pytest.mark.parametrize(("frames", "side", "steps"), [(3, 32, 2), (8, 16, 1)])
def test_it_edits_as_edit_does(
    onnx_folder: Path, model: VeggieModel, frames: int, side: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, FULL)
    clip, words = pattern(frames, side, side), "Highlight the red square with blue masks"
    expected = to_frames(Editor(model, num_steps=steps).edit_frames(clip, words))
    request = {"clip": packed(clip), "instruction": words, "steps": steps, "seed": 0}
    found = np.frombuffer(base64.b64decode(in_node(onnx_folder, request)["pixels"]), np.uint8).reshape(clip.shape)
    assert np.abs(found.astype(int) - expected).max() <= TOLERANCE
    assert np.abs(expected.astype(int) - clip).max() > 20


@needs_node
@needs_runtime
def test_what_cannot_be_asked_is_said(onnx_folder: Path) -> None:
    request = {"clip": packed(pattern(1, 16, 16)), "instruction": "make it night", "steps": 1, "seed": 0}
    for wrong, message in (
        ({"instruction": " "}, "the instruction is empty"),
        ({"instruction": "a <video>"}, 'holds "<video>"'),
        ({"steps": 3}, "steps must be one of 1, 2, 4"),
        ({"clip": packed(pattern(1, 20, 16))}, "multiples of 16 x 16, got 20 x 16"),
    ):
        with pytest.raises(UseError, match=message):
            in_node(onnx_folder, request | wrong)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, model: VeggieModel) -> Iterator[str]:
    """The page of the tiny model on a plain server of files, on this machine alone."""
    spec = importlib.util.spec_from_file_location("build_page", HERE / "build.py")
    assert spec is not None
    assert spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    folder = tmp_path_factory.mktemp("site") / "web"
    assert build.build_page(model, folder, RUNTIME) < 45e6
    with pytest.raises(UseError, match="is no page of this kind"):
        build.build_page(model, folder.parent, RUNTIME)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@needs_runtime
def test_the_page_edits_in_chromium(site: str, model: VeggieModel, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = pytest.importorskip("support.browser", reason="there is no playwright to drive a browser with")
    if browser.find_chromium() is None:
        pytest.skip(browser.MISSING)
    monkeypatch.setenv(VARIABLE, FULL)
    shown = "name => Array.from(window.veggie.shown[name].pixels)"
    with browser.chromium() as chromium:
        page = chromium.new_page(viewport={"width": 390, "height": 800})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site)
        page.wait_for_selector("#go:not([disabled])", timeout=30_000)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        words = page.input_value("#instruction")
        page.click("#go")
        page.wait_for_selector("body[data-done]", timeout=30_000)
        edited, source = (np.array(page.evaluate(shown, name), np.uint8) for name in ("edit", "source"))
        page.fill("#instruction", "<video>")
        page.click("#go")
        page.wait_for_function("document.getElementById('said').textContent.includes('meaning of its own')")
        assert all(url.startswith(site) for url in asked)
    clip = source.reshape(8, 64, 64, 3)
    expected = to_frames(Editor(model).edit_frames(clip, words))
    assert np.abs(edited.reshape(clip.shape).astype(int) - expected).max() <= TOLERANCE
    assert np.abs(expected.astype(int) - clip).max() > 20
