"""What a person sees of a document before signing: all of it, or it is not signed.

Text is shown whole and as it is; a character that does not show, or that changes the
order in which others show, is replaced by its number. Formats that cannot be shown are
not signed, with one exception: of a PDF, name, size and digest are shown.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from xml.parsers import expat

from jpki.errors import DocumentError

__all__ = [
    "MAX_PDF",
    "MAX_TEXT",
    "MEDIA_TYPES",
    "PDF",
    "check_shown",
    "outline",
    "visible",
]

PDF: Final = "application/pdf"
_XML: Final = ("application/xml", "text/xml")
MEDIA_TYPES: Final = (*_XML, "text/plain", "application/json", PDF)
MAX_TEXT: Final = 256 * 1024
"""Octets; more is not read by anybody."""
MAX_PDF: Final = 8 * 1024 * 1024

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MAX_ROWS: Final = 200
"""Of an outline; more help nobody to read."""
_ENCODING: Final = re.compile(
    r"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})"
)
_AS_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


def visible(text: str) -> str:
    """Text in which every character shows, one after the other; lines stay lines."""
    plain = text.replace("\r\n", "\n")
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in _HIDDEN
        else f"⟦U+{ord(character):04X}⟧"
        for character in plain
    )


def check_shown(document: bytes, media_type: str) -> str | None:
    """The text that is shown for this document; None for a PDF.

    Raises:
        DocumentError: it cannot be shown as what it is said to be.
    """
    if media_type not in MEDIA_TYPES:
        raise DocumentError(
            f"documents of type {media_type[:60]!r} cannot be shown before signing",
            hint=f"one of {', '.join(MEDIA_TYPES)}",
        )
    if not document:
        raise DocumentError("the document is empty")
    if media_type == PDF:
        if len(document) > MAX_PDF or not document.startswith(b"%PDF-"):
            raise DocumentError(f"this is no PDF of at most {MAX_PDF} octets")
        return None
    if len(document) > MAX_TEXT:
        raise DocumentError(f"a text has at most {MAX_TEXT} octets")
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        raise DocumentError("the text is not UTF-8") from None
    if media_type in _XML:
        _check_xml(text)
    return visible(text)


def outline(document: bytes, media_type: str) -> tuple[tuple[str, str], ...]:
    """The texts of an XML document in their order, each with its element's name.

    It helps to read what `check_shown` shows, and stands beside it. Nothing for other
    documents, and for XML of more texts than anybody reads.

    Raises:
        DocumentError: the XML is not well-formed.
    """
    if media_type not in _XML:
        return ()
    found: list[tuple[str, str]] = []
    names: list[str] = []

    def begin(name: str, _attributes: object) -> None:
        names.append(name)

    def end(_name: str) -> None:
        names.pop()

    def characters(text: str) -> None:
        if text.strip():
            found.append((visible(names[-1]), visible(text.strip("\n"))))

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise DocumentError(f"the XML is not well-formed: {error}") from None
    return tuple(found) if len(found) <= _MAX_ROWS else ()


def _check_xml(text: str) -> None:
    """What would make a reader of the XML see something else than its characters."""
    declared = _ENCODING.match(text)
    if declared is not None and declared[1].lower() not in _AS_UTF8:
        raise DocumentError("the XML says that it is not UTF-8")
    if "<!DOCTYPE" in text:
        raise DocumentError("the XML has a document type, which can change its text")
