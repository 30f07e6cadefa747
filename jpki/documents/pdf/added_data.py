"""Validation data added to a PDF (`/DSS`, EN 319 142-1 5.4.2), and data on the file."""

from __future__ import annotations

import re
from typing import Final

from jpki.documents.pdf.changes import Change, changed, extended
from jpki.documents.pdf.objects import Dictionary, Object, Ref, Stream, references
from jpki.documents.pdf.signatures import catalog

__all__ = ["check_dss", "check_information", "check_metadata"]

_DATA_STREAM: Final = frozenset({"Length", "Filter", "DecodeParms", "Type"})
_DATA_ARRAYS: Final = frozenset({"Certs", "CRLs", "OCSPs"})
_VRI_ARRAYS: Final = frozenset({"Cert", "CRL", "OCSP"})
_INFO: Final = frozenset({"ModDate", "Producer"})
_METADATA: Final = frozenset({"Type", "Subtype", "Length", "Filter"})
_PASSING: Final = re.compile(
    rb"<(xmp:ModifyDate|xmp:MetadataDate|pdf:Producer)>[^<]*</\1>|"
    rb"(?:xmp:ModifyDate|xmp:MetadataDate|pdf:Producer)=(?:\"[^\"<]*\"|'[^'<]*')"
)


def check_dss(change: Change, old: Object, new: Object) -> None:
    root = catalog(change.old)[0].number
    if new is None:
        return
    change.explain_list(old, new, root)
    after = change.new.dictionary(new, "/DSS")
    before = {} if old is None else change.old.dictionary(old, "/DSS")
    if not after.keys() <= _DATA_ARRAYS | {"Type", "VRI"}:
        raise extended("something unknown in /DSS")
    holder = old.number if isinstance(old, Ref) else root
    for key in _DATA_ARRAYS & after.keys():
        change.explain_list(before.get(key), after[key], holder)
        _check_streams(change, after[key])
    if "VRI" not in after:
        return
    change.explain_list(before.get("VRI"), after["VRI"], holder)
    earlier = before.get("VRI")
    holder = earlier.number if isinstance(earlier, Ref) else holder
    known = {} if earlier is None else change.old.dictionary(earlier, "/VRI")
    for key, value in change.new.dictionary(after["VRI"], "/VRI").items():
        change.explain_list(known.get(key), value, holder)
        entry = change.new.dictionary(value, "an entry of /VRI")
        if not entry.keys() <= _VRI_ARRAYS | {"Type", "TU", "TS"}:
            raise extended("something unknown in /VRI")
        within = known.get(key)
        inner = within.number if isinstance(within, Ref) else holder
        past = {} if within is None else change.old.dictionary(within, "/VRI")
        for each in _VRI_ARRAYS & entry.keys():
            change.explain_list(past.get(each), entry[each], inner)
            _check_streams(change, entry[each])
        if "TS" in entry:
            _check_streams(change, [entry["TS"]])
        if references([entry.get("TU"), entry.get("Type")]):
            raise extended("something unknown in /VRI")


def _check_streams(change: Change, value: Object) -> None:
    """References to streams of octets, which are looked at nowhere else."""
    for ref in change.new.array(value, "a list in /DSS"):
        stream = change.new.resolved(ref)
        if not isinstance(ref, Ref) or not isinstance(stream, Stream):
            raise extended("something unknown in /DSS")
        if ref.number not in change.section.entries:
            continue
        change.explain_new(ref.number)
        change.explain_length(stream)
        entries = stream.dictionary
        if not entries.keys() <= _DATA_STREAM or references(
            [entries[key] for key in entries.keys() - {"Length"}]
        ):
            raise extended("something unknown in /DSS")


def check_information(change: Change) -> None:
    """`/Info` (14.3.3): when the file was last changed, and by which program."""
    old, new = change.old.trailer, change.section.trailer
    given = new.get("Info")
    if given is None or not change.touches(given):
        if given is not None and given != old.get("Info"):
            raise extended("other information on the document")
        return
    assert isinstance(given, Ref)
    information = change.new.dictionary(given, "the information on the document")
    earlier: Dictionary = {}
    if old.get("Info") is None:
        change.explain_new(given.number)
    else:
        if old["Info"] != given or change.held.of(given.number) != {0}:
            raise extended("other information on the document")
        earlier = change.old.dictionary(given, "the information on the document")
    plain = not references(list(information.values()))
    if not changed(earlier, information) <= _INFO or not plain:
        raise extended("other information on the document")
    change.explained.add(given.number)


def check_metadata(change: Change, old: Object, new: Object) -> None:
    """XMP (14.3.2) that says the same, but for when and by what it was changed."""
    if old != new:
        raise extended("/Metadata")
    if not change.touches(new):
        return
    assert isinstance(new, Ref)
    change.explain_same(old, new, catalog(change.old)[0].number, "/Metadata")
    before, after = change.old.get(new), change.new.get(new)
    if not isinstance(before, Stream) or not isinstance(after, Stream):
        raise extended("/Metadata")
    change.explain_length(after)
    keys = after.dictionary.keys()
    plain = not references([after.dictionary[key] for key in keys - {"Length"}])
    if (
        not keys <= _METADATA
        or not plain
        or _lasting(change, before) != _lasting(change, after)
    ):
        raise extended("other metadata")


def _lasting(change: Change, stream: Stream) -> bytes:
    return _PASSING.sub(b"", change.file.decoded(stream))
