"""Chromium without a window, where one is installed, for pages that are tested as people use them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Opened:
    """A page in a browser, and what it asked for and complained about meanwhile."""

    page: Page
    requests: list[str] = field(default_factory=list[str])
    messages: list[str] = field(default_factory=list[str])


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    """The browser; the test is skipped where none is installed."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed, so that pages are not tried in a browser")
    with sync_playwright() as playwright:
        # As root, which a container often is, Chromium starts only without its sandbox.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(
    browser: Browser, path: Path, *, scheme: Literal["light", "dark"] = "light", width: int = 1280
) -> Generator[Opened]:
    """A file in a browser that is offline, with that colour scheme and width in pixels."""
    context = browser.new_context(color_scheme=scheme, offline=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    found = Opened(page)
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.messages.append(message.text))
    page.on("pageerror", lambda error: found.messages.append(str(error)))
    page.on("dialog", lambda dialog: found.messages.append(dialog.message))
    page.goto(path.as_uri())
    yield found
    context.close()
