"""The page as people use it, in Chromium."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.browser import MISSING, chromium
from support.fake import bad_files, write_fake
from support.pages import Served

from benchmarks.chromium import find_chromium
from veggie_pl.video.clip import ClipFile

pytestmark = pytest.mark.skipif(find_chromium() is None, reason=MISSING)
WORDS = "highlight the red square with blue masks"
VIDEOS = "[...document.querySelectorAll('#clips video')]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    pytest.importorskip("playwright", reason="a browser is driven by playwright")
    with chromium() as one:
        yield one


@pytest.fixture
def tab(browser: Any, page: Served) -> Iterator[Any]:
    """A fresh tab of the page, which asks nobody else for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    one = context.new_page()
    one.set_default_timeout(60_000)
    one.goto(page.address)
    one.wait_for_selector("#clip input[type=file]", state="attached")
    yield one
    context.close()
    assert [url for url in asked if not url.startswith((page.address, "data:", "blob:"))] == []


def upload(tab: Any, path: Path, expect: str) -> None:
    tab.set_input_files("#clip input[type=file]", str(path))
    tab.wait_for_function("text => document.querySelector('#about').innerText.includes(text)", arg=expect)


def edit(tab: Any, words: str = WORDS) -> None:
    tab.fill("#words textarea", words)
    tab.click("#start")


def test_an_upload_is_edited_and_shown_in_step(tab: Any, tmp_path: Path) -> None:
    upload(tab, write_fake(tmp_path / "clip.mp4", 12, 64, 48), "12 frames of 64 x 48 pixels")
    edit(tab)
    tab.wait_for_function(f"{VIDEOS}.length == 3 && {VIDEOS}.every(one => one.readyState >= 2)")
    assert "as grounding, painted blue" in tab.inner_text("#skill")

    tab.evaluate(f"{VIDEOS}[1].currentTime = 0.5")
    tab.wait_for_function(f"{VIDEOS}.every(one => Math.abs(one.currentTime - 0.5) < 0.07)")
    tab.evaluate(f"{VIDEOS}[0].play()")
    tab.wait_for_function(f"{VIDEOS}.every(one => !one.paused)")

    tab.wait_for_selector("#files a[download]")
    with tab.expect_download() as taken:
        tab.click("#files a[download] >> nth=0")
    saved = tmp_path / "saved.mp4"
    taken.value.save_as(saved)
    assert ClipFile(saved).info.num_frames == 12
    assert taken.value.suggested_filename == "edit.mp4"


def test_options_are_those_of_the_edit(tab: Any, tmp_path: Path) -> None:
    clip = write_fake(tmp_path / "clip.mp4", 12)
    upload(tab, clip, "12 frames")
    tab.click("text=Options")
    tab.set_input_files("#region input[type=file]", str(write_fake(tmp_path / "white.mp4", 12)))
    tab.wait_for_selector("#region a, #region .file-preview")
    tab.click("label:has-text('anchored')")
    tab.get_by_label("Window frames").fill("4")
    tab.click("label:has-text('.mov')")
    edit(tab)
    tab.wait_for_function("document.body.innerText.includes('a region is white where pixels may change')")
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(tmp_path / "white.png")
    tab.click("#region button[aria-label*='lear'], #region button[aria-label*='emove']")
    tab.set_input_files("#region input[type=file]", str(tmp_path / "white.png"))
    tab.wait_for_selector("#region a, #region .file-preview")
    tab.click("#start")
    tab.wait_for_selector("#files a[download='mask.mov']")
    with tab.expect_download() as taken:
        tab.click("#files a[download='edit.json']")
    taken.value.save_as(tmp_path / "edit.json")
    told = json.loads((tmp_path / "edit.json").read_text())
    assert [told[name] for name in ("long", "window", "mask")] == ["anchored", 4, "mask.mov"]
    assert [told[name] for name in ("overlap", "guidance_task", "guidance_source")] == [None] * 3  # left empty
    assert re.fullmatch(r"[0-9a-f]{12}\.png", told["region"])


def test_a_narrow_screen_does_not_scroll_sideways(tab: Any, tmp_path: Path) -> None:
    tab.set_viewport_size({"width": 360, "height": 740})
    upload(tab, write_fake(tmp_path / "clip.mp4", 2), "2 frames")
    tab.click("text=Options")
    edit(tab)
    tab.wait_for_function(f"{VIDEOS}.length == 3")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    right = tab.evaluate("""[...document.querySelectorAll('#clips video, button, textarea')]
        .filter(one => one.offsetParent).map(one => one.getBoundingClientRect().right)""")
    assert max(right) <= 360


def test_a_stop_ends_the_edit(tab: Any, tmp_path: Path, page: Served) -> None:
    before = len(page.files())
    upload(tab, write_fake(tmp_path / "clip.mp4", 40), "40 frames")
    tab.click("text=Options")
    tab.fill("input[aria-label*='Steps'][type=number]", "100")
    edit(tab)
    tab.wait_for_function("/at work|edited/.test(document.body.innerText)")
    tab.click("#stop")
    tab.wait_for_function("document.querySelector('#said').innerText.includes('Stopped')")
    assert len(page.wait_until(before + 1)) == before + 1  # the upload
    assert tab.locator("#clips video").count() == 0


def test_a_bad_file_is_refused_in_words(tab: Any, tmp_path: Path) -> None:
    upload(tab, bad_files(tmp_path)["truncated"], "This cannot be edited: the clip")
    assert re.search("veggie_app_|Traceback", tab.inner_text("body")) is None


def test_a_second_tab_has_its_own(tab: Any, browser: Any, page: Served, tmp_path: Path) -> None:
    before = len(page.files())
    other = browser.new_page()
    other.goto(page.address)
    other.wait_for_selector("#clip input[type=file]", state="attached")
    upload(other, write_fake(tmp_path / "other.mp4", 3), "3 frames")
    upload(tab, write_fake(tmp_path / "clip.mp4", 2), "2 frames")
    other.close()
    assert len(page.wait_until(before + 1)) == before + 1
    edit(tab, "remove the red square")
    tab.wait_for_function(f"{VIDEOS}.length == 2")
    assert "3 frames" not in tab.inner_text("#about")
