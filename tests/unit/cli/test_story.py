"""The words of the demo, in both languages."""

from __future__ import annotations

import string
import tomllib
from importlib.resources import files

import pytest

from jpki.cli.demo.telling import Teller

_STORY = tomllib.loads(files("jpki.cli.demo").joinpath("story.toml").read_text("utf-8"))
_KEYS = [
    f"{section}.{key}"
    for section, entries in _STORY.items()
    # Names are filled from what each language calls the place.
    if section != "names"
    for key in entries
]


@pytest.mark.parametrize("key", _KEYS)
def test_every_line_says_the_same_in_both_languages(key: str) -> None:
    """With the same values filled in."""
    section, _, name = key.partition(".")
    text = _STORY[section][name]
    assert set(text) == {"ja", "en"}
    fields = [
        {field for _, field, _, _ in string.Formatter().parse(text[language]) if field}
        for language in ("ja", "en")
    ]
    assert fields[0] == fields[1]


def test_a_step_is_ok_only_if_it_ends() -> None:
    """One that fails is told with its mark, and remembered as failed."""
    lines: list[str] = []
    teller = Teller("en", lines.append)
    with pytest.raises(RuntimeError), teller.step("registry"):
        raise RuntimeError
    with teller.step("registry"):
        pass
    assert [step.ok for step in teller.steps] == [False, True]
    assert "✗" in lines[1]
    assert "✓" in lines[3]
