"""What is shown of a document is all of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.agent.showing import (
    MAX_PDF,
    MAX_TEXT,
    MEDIA_TYPES,
    check_shown,
    outline,
    visible,
)
from jpki.errors import DocumentError


def test_text_is_shown_as_it_is() -> None:
    """Lines stay lines, Japanese stays Japanese, variants of characters too."""
    text = "髙橋\t花子\r\n葛\U000e0100飾区　１－２\n👩"
    assert check_shown(text.encode(), "text/plain") == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        ("\x1b[2J", "⟦U+001B⟧[2J"),
        ("\u202e100", "⟦U+202E⟧100"),
        ("\u200b", "⟦U+200B⟧"),
        ("\ufeff", "⟦U+FEFF⟧"),
        ("\r", "⟦U+000D⟧"),
        ("\x00", "⟦U+0000⟧"),
        ("\u2028", "⟦U+2028⟧"),
        ("\x9b", "⟦U+009B⟧"),
    ],
)
def test_what_does_not_show_is_shown_by_its_number(hidden: str, shown: str) -> None:
    """Nothing is hidden, turned around or taken for a command by a terminal."""
    assert visible(f"a{hidden}b") == f"a{shown}b"


@given(st.text())
def test_visible_text_hides_nothing(text: str) -> None:
    """Whatever it is: what is shown can be shown again and stays the same."""
    shown = visible(text)
    assert visible(shown) == shown
    assert all(
        character.isprintable() or character in "\n\t　" or character.isspace()
        for character in shown
    )


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (b"", "text/plain"),
        (b"\xff", "text/plain"),
        (b"text", "text/html"),
        (b"text", "application/octet-stream"),
        (b"text", "TEXT/PLAIN"),
        (b"text", "application/pdf"),
        (b"%PDF-1.7" + bytes(MAX_PDF), "application/pdf"),
        (b"x" * (MAX_TEXT + 1), "text/plain"),
        (b"<?xml version='1.0' encoding='Shift_JIS'?><a/>", "text/xml"),
        (b"<?xml version='1.0' encoding=\"UTF-16\"?><a/>", "application/xml"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "application/xml"),
    ],
)
def test_what_cannot_be_shown_is_not_signed(document: bytes, media_type: str) -> None:
    """Other formats, other encodings, and texts that would say something else."""
    with pytest.raises(DocumentError):
        check_shown(document, media_type)


def test_known_types() -> None:
    """Texts as texts, PDF by its name, size and digest."""
    for media_type in MEDIA_TYPES:
        pdf = media_type == "application/pdf"
        document = b"%PDF-1.7\n" if pdf else b"<a>1</a>"
        assert check_shown(document, media_type) == (None if pdf else "<a>1</a>")
        xml = media_type.endswith("/xml")
        assert outline(document, media_type) == ((("a", "1"),) if xml else ())


def test_an_outline_has_every_text_in_its_order() -> None:
    """As a program reads them; what does not show is shown."""
    document = (
        "<?xml version='1.0'?>\n<f:申請 xmlns:f='urn:x' hidden='no'>\n <手続>一&amp;二"
        "</手続>\n <文>前<b>中</b>後&#x202E;<!-- no --><![CDATA[<c>]]></文>\n</f:申請>"
    )
    assert outline(document.encode(), "text/xml") == (
        ("手続", "一&二"),
        ("文", "前"),
        ("b", "中"),
        ("文", "後⟦U+202E⟧<c>"),
    )


def test_an_outline_is_bounded() -> None:
    """Too many texts are no outline; too much depth is no trouble."""
    many = b"<a>" + b"<b>x</b>" * 201 + b"</a>"
    assert outline(many, "text/xml") == ()
    deep = b"<a>" * 30_000 + b"x" + b"</a>" * 30_000
    assert outline(deep, "text/xml") == (("a", "x"),)


@pytest.mark.parametrize(
    "document",
    [b"text", b"<a>", b"<a></b>", b"<a>&b;</a>", b"<a/><b/>", b"<a>\x01</a>"],
)
def test_malformed_xml_is_refused(document: bytes) -> None:
    """It might be read as anything."""
    with pytest.raises(DocumentError):
        outline(document, "application/xml")
