"""A headless Chromium for tests of pages: one for the whole session, and each page with the network off.

``conftest.py`` imports the fixtures for all modules: a module that imported them, too, would start a second
browser, and Playwright refuses to.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What the browser is called, on the PATH."""


@dataclass
class OpenPage:
    """A page that is open in the browser.

    Attributes:
        page: Playwright's page.
        requests: addresses that it asked for, besides its own file and data addresses.
        errors: what it wrote to the console as an error, and exceptions of its scripts.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(0, width)

    @property
    def clean(self) -> bool:
        """Whether it asked for nothing and no error stands in its console."""
        return not self.requests and not self.errors


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Playwright's browser. Skips the test where the package or a Chromium is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.skip(f"no Chromium is installed: none of {', '.join(NAMES)} is on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., OpenPage]]:
    """Opens a file in a window of its own, without a network.

    Arguments are the file, and by name ``width`` and ``height`` in pixels, ``dark``, ``script`` (False
    switches JavaScript off) and ``address``, of a page that is served on this machine instead of a file;
    only then can requests go there.
    """
    contexts = []

    def opened(
        file: Path | None = None,
        *,
        address: str | None = None,
        width: int = 1400,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
    ) -> OpenPage:
        assert (file is None) != (address is None), "a file or an address"
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            offline=address is None,
            reduced_motion="reduce",
        )
        contexts.append(context)
        own = address or Path(str(file)).resolve().as_uri()
        shown = OpenPage(context.new_page())

        def note(request: Any) -> None:
            if request.url.partition("#")[0] != own and not request.url.startswith(("data:", "blob:")):
                shown.requests.append(request.url)

        shown.page.on("request", note)
        shown.page.on(
            "console", lambda line: shown.errors.append(line.text) if line.type == "error" else None
        )
        shown.page.on("pageerror", lambda error: shown.errors.append(str(error)))
        shown.page.goto(own, wait_until="load")
        return shown

    yield opened
    for context in contexts:
        context.close()
