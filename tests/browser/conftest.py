"""One browser for the tests of a module, and a new page for each.

Not one for all: while it is open, an event loop runs in this thread, and other tests
want to start their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import browser, page_in


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A running browser."""
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of somebody who reads Japanese."""
    with page_in(chromium) as opened:
        yield opened


@pytest.fixture
def english_page(chromium: Browser) -> Iterator[Page]:
    """A page of somebody who reads English."""
    with page_in(chromium, "en") as opened:
        yield opened
