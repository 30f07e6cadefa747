"""What commands say, in the language of the terminal."""

from __future__ import annotations

import pytest

from jpki.cli.language import Words

WORD = Words({"until": ("有効期限 {day}", "until {day}")})


@pytest.mark.parametrize(
    ("locale", "said"), [("ja_JP.UTF-8", "有効期限 5月"), ("C.UTF-8", "until 5月")]
)
def test_texts_follow_the_locale(
    monkeypatch: pytest.MonkeyPatch, locale: str, said: str
) -> None:
    """Asked for each time, with their fields filled in."""
    monkeypatch.setenv("LC_ALL", locale)
    assert WORD("until", day="5月") == said


def test_only_open_ended_words_say_what_they_do_not_know() -> None:
    """A key that was forgotten is not shown to people."""
    assert Words({}, open_ended=True)("certificateHold") == "certificateHold"
    with pytest.raises(KeyError):
        Words({})("certificateHold")
