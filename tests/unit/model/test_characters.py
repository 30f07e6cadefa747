"""Characters that certificates can hold, and substitutes for the others."""

from __future__ import annotations

import pytest

from jpki import data
from jpki.model.characters import in_repertoire


@pytest.mark.parametrize("character", "亜熙あア１Ａ　〓−－〜～ー辻濵邉彅")
def test_jis_characters_can_stand(character: str) -> None:
    """JIS X 0208 of both levels, JIS X 0212, and vendors' forms of the same."""
    assert in_repertoire(character)


@pytest.mark.parametrize("character", "髙﨑𠮷𣘺aｱ1€😀\u3402")
def test_other_characters_cannot(character: str) -> None:
    """Vendors' additions, other planes, half-width letters and kana."""
    assert not in_repertoire(character)


def test_a_substitute_is_flagged_in_its_place() -> None:
    """One digit for each character, 1 where it is a substitute."""
    found = data.substitutions().apply("髙﨑　太郎")
    assert found == ("高崎　太郎", "11000")


def test_a_variation_selector_makes_a_substitute_of_its_character() -> None:
    """The selector goes, and the plain form is flagged."""
    found = data.substitutions().apply("葛\U000e0100城　葛󠄁")
    assert found == ("葛城　葛", "1001")


def test_compatibility_forms_become_the_plain_ones() -> None:
    """Where Unicode itself knows the plain form, it is taken."""
    assert data.substitutions().apply("\ufa19") == ("神", "1")


def test_a_character_without_substitute_becomes_the_mark() -> None:
    """Nothing is dropped: each character keeps its place."""
    assert data.substitutions().apply("\U0002a6d6山") == ("〓山", "10")
