from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import screenshots
from benchmarks.chromium import find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None or find_spec("playwright") is None,
    reason="there is no chromium to look at the page with: `make chromium`",
)


@pytest.mark.parametrize("width", [1280, 390])
def test_it_does_not_scroll_sideways(page_file: Path, width: int) -> None:
    found = screenshots.layout(page_file, width)
    assert found.width <= width
    assert found.wide == []
    assert found.images > 0
    assert found.broken == 0
    assert not found.dark


def test_it_is_drawn(page_file: Path) -> None:
    drawn = screenshots.picture(page_file, 390, 500)
    assert drawn.size == (390, 500)
    assert len(drawn.getcolors(200_000) or []) > 50
