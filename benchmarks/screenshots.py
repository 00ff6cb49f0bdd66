"""Pictures of an HTML page in Chromium, at the widths of a screen and of a phone.

    python -m benchmarks.screenshots runs/score/report.html docs/score

writes docs/score.png (1280 pixels wide, from the top) and docs/score_narrow.png (390, from the worst and best outputs).
The page is shown in a frame of that width: Chromium's own window cannot be as narrow as a phone. Nothing is loaded from
anywhere. Needs `make chromium`, and playwright, which `make setup` brings.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.chromium import FLAGS, find_chromium

SHOTS = {"": (1280, 1500, ""), "_narrow": (390, 1500, "samples")}  # width, height, and the part that is shown
_FLAGS = (*FLAGS, "--allow-file-access-from-files")  # the frame measures the page, and both are files
_MILLISECONDS = 60_000  # that Chromium may take
_FRAME = """<!doctype html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0;display:block}}</style>
<iframe id="page" src="{page}" width="{width}" height="{height}"></iframe><pre id="found"></pre>
<script>
document.getElementById("page").onload = event => {{
  const own = event.target.contentDocument, top = own.documentElement;
  const wide = [...own.querySelectorAll("body *")].filter(one => {{
    if (one.closest(".scroll > *") || one.closest(".skip")) return false;
    return one.getBoundingClientRect().right > {width} + 0.5;
  }});
  document.getElementById("found").textContent = JSON.stringify({{
    width: top.scrollWidth, height: top.scrollHeight,
    wide: wide.map(one => one.tagName + "." + one.className),
    broken: [...own.images].filter(one => !one.complete || !one.naturalWidth).length,
    images: own.images.length,
    dark: own.defaultView.matchMedia("(prefers-color-scheme: dark)").matches,
    paper: own.defaultView.getComputedStyle(own.body).backgroundColor,
  }});
}};
</script>
"""


@dataclass(frozen=True)
class Layout:
    """What Chromium makes of a page at one width; sizes in pixels."""

    width: int  # of the content: more than asked for means that the page scrolls sideways
    height: int
    wide: list[str]  # elements that stick out, but for those in a box that scrolls
    broken: int  # pictures that cannot be decoded
    images: int
    dark: bool
    paper: str  # background colour


def layout(page: Path, width: int, dark: bool = False) -> Layout:
    """Lay the page out and measure it."""
    with _opened(page, width, 1000, dark) as tab:
        return Layout(**json.loads(tab.text_content("#found")))


def picture(page: Path, width: int, height: int, dark: bool = False, part: str = "") -> Image.Image:
    """Draw the page from its top, or from the part with an id."""
    with _opened(page, width, height, dark, part) as tab:
        drawn = tab.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height})
    return Image.open(io.BytesIO(drawn)).convert("RGB")


@contextmanager
def _opened(page: Path, width: int, height: int, dark: bool, part: str = "") -> Iterator[Any]:
    """Show the page in a frame, in a tab of playwright's."""
    from playwright.sync_api import sync_playwright

    browser_file = find_chromium()
    assert browser_file is not None, "there is no chromium: `make chromium`"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        frame = Path(folder) / "frame.html"
        address = page.resolve().as_uri() + (f"#{part}" if part else "")
        frame.write_text(_FRAME.format(page=address, width=width, height=height), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=browser_file, args=[*_FLAGS])
        window: Any = {"width": max(width, 600), "height": height + 200}
        tab = browser.new_page(viewport=window, color_scheme="dark" if dark else "light")
        tab.set_default_timeout(_MILLISECONDS)
        tab.goto(frame.as_uri())
        tab.wait_for_function("document.getElementById('found').textContent")  # written when all is loaded
        try:
            yield tab
        finally:
            browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="an HTML file")
    parser.add_argument("out", type=Path, help="start of the pictures' names, such as docs/score")
    parser.add_argument("--dark", action="store_true", help="as for readers who prefer dark pages")
    given = parser.parse_args()
    for suffix, (width, height, part) in SHOTS.items():
        place = given.out.with_name(f"{given.out.name}{suffix}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        drawn = picture(given.page, width, height, given.dark, part)
        drawn.quantize(256, dither=Image.Dither.NONE).save(place, optimize=True)
        print(f"{place}: {drawn.width} x {drawn.height}, {place.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
