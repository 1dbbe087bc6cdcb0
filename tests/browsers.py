"""Debian's chromium, for pages that a person would open."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright
from waiting import PATIENCE_S


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for as long as the block lasts."""
    path = shutil.which("chromium")
    assert path, "no chromium on this machine: apt-get install chromium"
    with sync_playwright() as playwright:
        # Software draws WebGL, which parallel coordinates need, where there is no graphics card.
        arguments = ["--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(
            executable_path=path, args=arguments, timeout=PATIENCE_S * 1000
        )
        yield browser
        browser.close()
