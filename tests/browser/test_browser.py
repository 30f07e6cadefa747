"""The browser that the other tests of this folder rely on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.support.browser import page_in

pytestmark = pytest.mark.needs("chromium", "fonts-ja")


def test_what_a_page_throws_fails_the_test(chromium: Browser) -> None:
    """An error in a page's own script is never overlooked."""
    with (
        pytest.raises(AssertionError, match="thrown on purpose"),
        page_in(chromium) as page,
    ):
        page.set_content("<script>throw new Error('thrown on purpose')</script>")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_reader_has_a_language(chromium: Browser, language: str) -> None:
    """Pages are asked for in the reader's language."""
    with page_in(chromium, language) as page:
        assert page.evaluate("navigator.language").startswith(language)
