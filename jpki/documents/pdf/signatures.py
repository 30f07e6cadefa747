"""The signatures of a PDF: signature fields, their values, and what those cover.

A signature is over the whole file as it was when it was made, except for its own value
(ISO 32000-2 12.8.1). Nothing else is accepted: the octets left out are the hexadecimal
string `/Contents` with its angle brackets, and nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jpki.documents.pdf.file import Located, PdfFile, View
from jpki.documents.pdf.objects import Array, Dictionary, Name, Object, Ref
from jpki.documents.pdf.sections import ENDING, InFile
from jpki.errors import DocumentError, DocumentFault

__all__ = ["PdfSignature", "catalog", "form_fields", "signatures"]

MAX_FIELDS: Final = 1 << 14
MAX_SIGNATURES: Final = 64
_LEVELS: Final = 32
"""Fields inside each other."""

_GAP: Final = re.compile(rb"<(?:[0-9A-Fa-f]{2})*+>")
_BEFORE: Final = re.compile(rb"/Contents[\x00\t\n\x0c\r ]*+$")
_NOT_COVERED: Final = DocumentFault.NOT_COVERED


@dataclass(frozen=True, kw_only=True, slots=True)
class PdfSignature:
    """A signature or a document timestamp, not checked yet."""

    value: Dictionary = field(repr=False)
    contents: bytes = field(repr=False)
    """CMS, DER, without the zeros that fill the place kept for it."""
    gap: tuple[int, int]
    """The octets of the file that are left out."""
    end: int
    """How far it covers the file."""
    sections: int
    """How many sections it covers: those of the file as it was when it was made."""

    @property
    def is_timestamp(self) -> bool:
        """A document timestamp (ETSI EN 319 142-1 5.4.3), nobody's signature."""
        return self.value.get("Type") == "DocTimeStamp"

    def covered(self, data: bytes) -> bytes:
        """What is signed, of the octets of the file."""
        return data[: self.gap[0]] + data[self.gap[1] : self.end]


def catalog(view: View) -> tuple[Ref, Dictionary]:
    """The root of all (7.7.2), which is an object of its own.

    Raises:
        DocumentError: there is none.
    """
    root = view.trailer.get("Root")
    if not isinstance(root, Ref):
        raise DocumentError("not a PDF: it has no catalog")
    return root, view.dictionary(root, "the catalog")


def form_fields(view: View) -> Iterator[tuple[Dictionary, Name | None]]:
    """Every field of the form, and widget, with the type that it has or inherits.

    Raises:
        DocumentError: they are too many, or form no tree.
    """
    _, root = catalog(view)
    form = view.resolved(root.get("AcroForm"))
    if form is None:
        return
    if not isinstance(form, dict):
        raise DocumentError("not a PDF: the form is no dictionary")
    seen: set[Ref] = set()
    left: list[tuple[Object, Name | None, int]] = [
        (ref, None, 0) for ref in view.array(form.get("Fields"), "the fields")
    ]
    while left:
        ref, inherited, level = left.pop()
        if not isinstance(ref, Ref) or ref in seen:
            raise DocumentError("not a PDF: the fields of the form are no tree")
        if len(seen) == MAX_FIELDS or level == _LEVELS:
            raise DocumentError("a PDF with too many fields")
        seen.add(ref)
        if view.resolved(ref) is None:
            continue
        entries = view.dictionary(ref, "a field")
        kind = view.resolved(entries.get("FT"))
        kind = kind if isinstance(kind, Name) else inherited
        yield entries, kind
        for kid in view.array(entries.get("Kids"), "the kids of a field"):
            left.append((kid, kind, level + 1))


def signatures(file: PdfFile) -> list[PdfSignature]:
    """All of them in the order in which they were made.

    Raises:
        DocumentError: one is not over what it should be over; `fault` says how.
    """
    view = file.view()
    found: list[PdfSignature] = []
    values: set[Ref] = set()
    for entries, kind in form_fields(view):
        value = entries.get("V")
        if kind != "Sig" or view.resolved(value) is None:
            continue
        if not isinstance(value, Ref) or len(found) == MAX_SIGNATURES:
            raise DocumentError(
                "a signature that is no object of its own", fault=_NOT_COVERED
            )
        if value in values:
            raise DocumentError(
                "two fields show one signature", fault=DocumentFault.SEVERAL_SIGNERS
            )
        values.add(value)
        found.append(_read(file, view, value))
    return sorted(found, key=lambda signature: signature.end)


def _read(file: PdfFile, view: View, ref: Ref) -> PdfSignature:
    place = view.places.get(ref.number)
    if not isinstance(place, InFile) or place.generation != ref.generation:
        raise DocumentError(
            "a signature that is no object of its own", fault=_NOT_COVERED
        )
    located = file.located(ref.number, place, view)
    value = located.value
    if not isinstance(value, dict):
        raise DocumentError("a signature that is no dictionary")
    gap, end = _byte_range(value)
    contents = _contents(file.data, located, value, gap, end)
    return PdfSignature(
        value=value,
        contents=contents,
        gap=gap,
        end=end,
        sections=_sections(file, ref.number, end),
    )


def _byte_range(value: Dictionary) -> tuple[tuple[int, int], int]:
    given = value.get("ByteRange")
    numbers: Array = given if isinstance(given, list) else []
    octets = [one for one in numbers if type(one) is int and one >= 0]
    if len(numbers) != 4 or len(octets) != 4:
        raise DocumentError(
            "a signature over no clear range of octets", fault=_NOT_COVERED
        )
    begin, first, second, length = octets
    if begin != 0 or second <= first or length == 0:
        raise DocumentError(
            "a signature over no clear range of octets", fault=_NOT_COVERED
        )
    return (first, second), second + length


def _contents(
    data: bytes, located: Located, value: Dictionary, gap: tuple[int, int], end: int
) -> bytes:
    """The CMS; what the range leaves out is this string, and not another."""
    begin, stop = gap
    written = value.get("Contents")
    if not isinstance(written, bytes) or not written.strip(b"\x00"):
        raise DocumentError("an empty signature", fault=DocumentFault.NO_SIGNER)
    inside = located.start < begin and stop < located.end <= end <= len(data)
    if (
        not inside
        or _GAP.fullmatch(data, begin, stop) is None
        or _BEFORE.search(data, located.start, begin) is None
        or bytes.fromhex(data[begin + 1 : stop - 1].decode("ascii")) != written
    ):
        raise DocumentError(
            "a signature that leaves out more than its own value", fault=_NOT_COVERED
        )
    size = _der_size(written)
    if written[size:].strip(b"\x00"):
        raise DocumentError("something stands behind the CMS of a signature")
    return written[:size]


def _der_size(data: bytes) -> int:
    """The size of the one element that the octets begin with, as its header says."""
    if len(data) < 2 or data[0] != 0x30:
        raise DocumentError("a signature that is no CMS")
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    size = 2 + count + int.from_bytes(data[2 : 2 + count])
    if not 1 <= count <= 4 or size > len(data):
        raise DocumentError("a signature that is no CMS")
    return size


def _sections(file: PdfFile, number: int, end: int) -> int:
    """How many sections the range covers: it ends where one of them does.

    The last of them is the one with the signature in it.
    """
    covered = [section for section in file.sections if section.end <= end]
    later = file.sections[len(covered) :]
    whole = tuple(covered) == tuple(file.sections[: len(covered)])
    if not covered or not whole or any(section.start < end for section in later):
        raise DocumentError(
            "a signature that covers no whole revision", fault=_NOT_COVERED
        )
    newest = covered[-1]
    tail = ENDING.match(file.data, max(section.end for section in covered))
    ends = tail is not None and tail.end("mark") <= end <= tail.end()
    if tail is None or not ends or int(tail.group(2)) != newest.start:
        raise DocumentError(
            "a signature that covers no whole revision", fault=_NOT_COVERED
        )
    if number not in newest.entries:
        raise DocumentError(
            "a signature from before the revision it covers", fault=_NOT_COVERED
        )
    return len(covered)
