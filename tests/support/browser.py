"""A real browser, driven through its DevTools protocol by playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.chromium import FLAGS, find_chromium

MISSING = "there is no chromium to look at the page with: `make chromium`"


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a headless Chromium; what it gives is playwright's ``Browser``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=[*FLAGS])
        try:
            yield browser
        finally:
            browser.close()
