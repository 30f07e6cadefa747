"""What was added to a PDF after it was signed, and whether that is harmless.

Two things are: validation data (`/DSS`, ETSI EN 319 142-1 5.4.2) and document
timestamps (5.4.3), with the entries that lead to them. Each is understood down to the
last octet; whatever else was added is refused, visible or not, so that nothing that was
prepared before signing can be brought to light afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from jpki.documents.pdf.added_data import check_dss, check_information, check_metadata
from jpki.documents.pdf.added_timestamps import check_form, check_pages
from jpki.documents.pdf.changes import Change, Holders, changed, extended
from jpki.documents.pdf.file import PdfFile
from jpki.documents.pdf.objects import Name, Object, Stream, references
from jpki.documents.pdf.sections import ENDING, Free, InFile, InStream
from jpki.documents.pdf.signatures import catalog

__all__ = ["check_additions"]

_TRAILER: Final = frozenset({"Size", "Root", "Info", "ID", "Prev"})
_XREF_STREAM: Final = frozenset(
    {"Type", "W", "Index", "Filter", "DecodeParms", "Length"}
)
_OBJECT_STREAM: Final = frozenset(
    {"Type", "N", "First", "Filter", "DecodeParms", "Length"}
)
_VERSION: Final = re.compile(r"[12]\.\d")
_SPACES: Final = b"\x00\t\n\x0c\r "


def check_additions(file: PdfFile, signed: int, end: int) -> None:
    """Refuse what is not understood of all that follows a signature.

    Args:
        signed: how many sections the signature covers.
        end: how far it covers the file.

    Raises:
        DocumentError: there is more than validation data and document timestamps.
    """
    if end == len(file.data):
        return
    later = file.sections[signed:]
    if not later:
        raise extended("octets behind the end")
    _check_octets(file, signed, end)
    held = Holders(file, signed)
    for count in range(signed, len(file.sections)):
        _check(Change(file, count, held))
        held.add(file, count)


def _check_octets(file: PdfFile, signed: int, end: int) -> None:
    """The added octets are the objects that the sections name, and nothing between."""
    pieces: dict[int, int] = {}
    begin = end
    for count, section in enumerate(file.sections[signed:], signed + 1):
        view = file.view(count)
        for number, place in section.entries.items():
            if isinstance(place, InFile):
                if place.offset < begin:
                    raise extended(f"object {number}, which was there before,")
                found = file.located(number, place, view)
                pieces[found.start] = found.end
        tail = ENDING.match(file.data, section.end)
        if tail is None or int(tail.group(2)) != section.start:
            raise extended("a section without an end")
        # A section that is a stream may name itself.
        pieces[section.start] = begin = tail.end()
    position = end
    for start, stop in sorted(pieces.items()):
        if start < position:
            raise extended("objects inside each other")
        if file.data[position:start].strip(_SPACES):
            raise extended("octets between objects")
        position = stop
    if position != len(file.data):
        raise extended("octets behind the end")


def _check(change: Change) -> None:
    """Explain every object of the section."""
    section, old = change.section, change.old
    for number, place in section.entries.items():
        if isinstance(place, Free) and number and old.has(number):
            raise extended(f"the end of object {number}")
        if not old.has(number) and change.held.of(number):
            raise extended(f"object {number}, which was missing before,")
    _check_carriers(change)
    _check_trailer(change)
    _check_catalog(change)
    check_pages(change)
    named = {
        number
        for number, place in section.entries.items()
        if not isinstance(place, Free)
    }
    left = named - change.explained
    if left:
        raise extended(f"object {min(left)}")


def _check_carriers(change: Change) -> None:
    """Streams of objects and cross-references, which are objects themselves."""
    section = change.section
    if section.stream is not None:
        change.explain_new(section.stream.number)
    inside: dict[int, set[int]] = {}
    for number, place in section.entries.items():
        if isinstance(place, InStream):
            inside.setdefault(place.stream, set()).add(number)
    for number, expected in inside.items():
        carrier = section.entries.get(number)
        if not isinstance(carrier, InFile):
            raise extended("an object in an older stream")
        change.explain_new(number)
        around = change.file.located(number, carrier, change.new)
        held = {each for each, _ in change.file.in_stream(around)}
        assert isinstance(around.value, Stream)
        known = around.value.dictionary.keys() <= _OBJECT_STREAM
        if not known or held != expected:
            raise extended("objects that nothing names")


def _check_trailer(change: Change) -> None:
    old, new = change.old.trailer, change.section.trailer
    known = _TRAILER if change.section.stream is None else _TRAILER | _XREF_STREAM
    if not new.keys() <= known or old.get("Root") != new.get("Root"):
        raise extended("another root")
    before, after = (
        value if isinstance(value, list) else []
        for value in (old.get("ID"), new.get("ID"))
    )
    if before and after and before[0] != after[0]:
        raise extended("another identity")
    size, grown = old.get("Size"), new.get("Size")
    if type(size) is not int or type(grown) is not int or grown < size:
        raise extended("the end of objects")
    if any(references(new[key]) for key in new.keys() - {"Root", "Info"}):
        raise extended("references in the trailer")
    check_information(change)


def _check_catalog(change: Change) -> None:
    ref, old = catalog(change.old)
    _, new = catalog(change.new)
    checks: dict[str, Callable[[Change, Object, Object], None]] = {
        "AcroForm": check_form,
        "DSS": check_dss,
        "Metadata": check_metadata,
        "Extensions": _check_extensions,
        "Version": _check_version,
    }
    for key in changed(old, new):
        if key not in checks:
            raise extended(f"/{key} in the catalog")
    if change.touches(ref):
        change.explained.add(ref.number)
    for key, check in checks.items():
        check(change, old.get(key), new.get(key))


def _check_extensions(change: Change, old: Object, new: Object) -> None:
    """Declarations of which extensions of PDF are used (7.12)."""
    plain = new is None or (isinstance(new, dict) and not references(new))
    if old != new and not plain:
        raise extended("/Extensions")


def _check_version(change: Change, old: Object, new: Object) -> None:
    if old != new and not (isinstance(new, Name) and _VERSION.fullmatch(new)):
        raise extended("another version")
