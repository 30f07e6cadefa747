"""A real browser without a screen: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, BrowserType, Page, sync_playwright

__all__ = ["another", "browser", "page_in"]

_ARGUMENTS: Final = (
    # Tests run as root too, and speak to this machine alone.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE_MS: Final = 20_000


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser; it ends with the block."""
    with sync_playwright() as playwright, _launched(playwright.chromium) as running:
        yield running


@contextmanager
def another(running: Browser, *arguments: str) -> Iterator[Browser]:
    """A second browser beside a running one, with more on its command line."""
    with _launched(running.browser_type, *arguments) as second:
        yield second


@contextmanager
def _launched(kind: BrowserType, *arguments: str) -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program is not None
    running = kind.launch(executable_path=program, args=[*_ARGUMENTS, *arguments])
    try:
        yield running
    finally:
        running.close()


@contextmanager
def page_in(running: Browser, language: str = "ja") -> Iterator[Page]:
    """A page of somebody new: no cookies, nothing remembered, this language.

    What the page's own scripts throw, or its policy forbids, fails the test.
    """
    context = running.new_context(locale={"ja": "ja-JP", "en": "en-GB"}[language])
    context.set_default_timeout(_PATIENCE_MS)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if "Content Security Policy" in said.text
            else None
        ),
    )
    try:
        yield page
    finally:
        context.close()
    assert not problems, problems
