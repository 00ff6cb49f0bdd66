"""Pictures of an HTML page in Chromium, at the widths of a screen and of a phone.

    python -m benchmarks.screenshots runs/score/report.html docs/score

writes docs/score.png (1280 pixels wide, from the top) and docs/score_narrow.png (390, from the worst and best outputs).
The page is shown in a frame of that width: Chromium's own window cannot be as narrow as a phone. Nothing is loaded from
anywhere.
"""

import argparse
import io
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from PIL import Image

from benchmarks.chromium import FLAGS, find_chromium

SHOTS = {"": (1280, 1500, ""), "_narrow": (390, 1500, "samples")}  # width, height, and the part that is shown
_FLAGS = [
    *FLAGS,
    "--headless",
    "--hide-scrollbars",
    "--allow-file-access-from-files",  # the frame measures the page, and both are files
    "--force-device-scale-factor=1",
]
_WAIT = 3000  # milliseconds of the page's own time, for pictures to be decoded
_SECONDS = 60  # that Chromium may take
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


def layout(page: Path, width: int, *flags: str) -> Layout:
    """Lay the page out and measure it."""
    html = _run(page, width, 1000, ["--dump-dom", *flags]).decode("utf-8")
    found = re.search(r'<pre id="found">(.*?)</pre>', html, re.S)
    assert found is not None
    assert found[1], f"{page} did not load"
    return Layout(**json.loads(unescape(found[1])))


def picture(page: Path, width: int, height: int, *flags: str, part: str = "") -> Image.Image:
    """Draw the page from its top, or from the part with an id."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "page.png"
        _run(page, width, height, [f"--screenshot={place}", *flags], part)
        return Image.open(io.BytesIO(place.read_bytes())).convert("RGB").crop((0, 0, width, height))


def _run(page: Path, width: int, height: int, flags: list[str], part: str = "") -> bytes:
    browser = find_chromium()
    assert browser is not None, "there is no chromium: `make chromium`"
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        address = page.resolve().as_uri() + (f"#{part}" if part else "")
        frame.write_text(_FRAME.format(page=address, width=width, height=height), encoding="utf-8")
        sizes = [f"--window-size={max(width, 600)},{height + 200}", f"--virtual-time-budget={_WAIT}"]
        command = [browser, *_FLAGS, *sizes, *flags, f"--user-data-dir={folder}/profile", frame.as_uri()]
        return subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="an HTML file")
    parser.add_argument("out", type=Path, help="start of the pictures' names, such as docs/score")
    parser.add_argument("--dark", action="store_true", help="as for readers who prefer dark pages")
    given = parser.parse_args()
    flags = ["--force-dark-mode"] if given.dark else []
    for suffix, (width, height, part) in SHOTS.items():
        place = given.out.with_name(f"{given.out.name}{suffix}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        drawn = picture(given.page, width, height, *flags, part=part)
        drawn.quantize(256, dither=Image.Dither.NONE).save(place, optimize=True)
        print(f"{place}: {drawn.width} x {drawn.height}, {place.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
