"""Document timestamps added to a PDF: fields that nobody sees (EN 319 142-1 5.4.3).

The form gets a field, a page gets it among its annotations; the field draws nothing,
and its value is a timestamp and leads nowhere.
"""

from __future__ import annotations

from typing import Final

from jpki.documents.pdf.changes import Change, changed, extended, ref_of
from jpki.documents.pdf.objects import Dictionary, Object, Ref, Stream, references
from jpki.documents.pdf.signatures import catalog

__all__ = ["check_form", "check_pages"]

_FIELD: Final = frozenset(
    {"Type", "Subtype", "FT", "T", "TU", "V", "F", "Ff", "Rect", "P", "AP", "MK"}
)
_TIMESTAMP: Final = frozenset(
    {"Type", "Filter", "SubFilter", "Contents", "ByteRange", "M", "Name", "V"}
)
_APPEARANCE: Final = frozenset(
    {"Type", "Subtype", "FormType", "BBox", "Matrix", "Resources", "Length", "Filter"}
)


def check_form(change: Change, old: Object, new: Object) -> None:
    root = catalog(change.old)[0].number
    change.explain_same(old, new, root, "another form")
    if old is None and new is None:
        return
    before = change.old.dictionary(old, "the form")
    after = change.new.dictionary(new, "the form")
    if not changed(before, after) <= {"Fields", "SigFlags"}:
        raise extended("another form")
    flags = after.get("SigFlags")
    if before.get("SigFlags") != flags and flags not in (1, 3):
        raise extended("another form")
    holder = old.number if isinstance(old, Ref) else root
    given = before.get("Fields"), after.get("Fields")
    change.explain_same(*given, holder, "another list of fields")
    for ref in change.appended(*given, "a field"):
        _check_field(change, ref)
    names = [
        change.new.dictionary(ref, "a field").get("T")
        for ref in change.new.array(given[1], "the fields")
    ]
    added = names[len(names) - len(change.widgets) :]
    for number, name in enumerate(added, len(names) - len(added)):
        if not isinstance(name, bytes) or name in names[:number]:
            raise extended("a field with the name of another")


def _check_field(change: Change, ref: Object) -> None:
    """A field that nobody sees, with a document timestamp in it."""
    assert isinstance(ref, Ref)
    change.explain_new(ref.number)
    entries = change.new.dictionary(ref, "a field")
    if not entries.keys() <= _FIELD or entries.get("FT") != "Sig":
        raise extended("a field")
    if entries.get("MK") not in (None, {}):
        raise extended("a visible field")
    rectangle = entries.get("Rect")
    if not isinstance(rectangle, list) or len(rectangle) != 4:
        raise extended("a field without a place")
    if any(type(number) not in (int, float) for number in rectangle):
        raise extended("a field without a place")
    if rectangle[0] != rectangle[2] or rectangle[1] != rectangle[3]:
        raise extended("a visible field")
    if any(references(entries[key]) for key in entries.keys() - {"V", "P", "AP"}):
        raise extended("a field that leads elsewhere")
    _check_appearance(change, entries.get("AP"))
    page = entries.get("P")
    if page is not None:
        around = change.old.dictionary(page, "a page")
        if not isinstance(page, Ref) or around.get("Type") != "Page":
            raise extended("a field without a place")
    value = entries.get("V")
    if not isinstance(value, Ref):
        raise extended("a field without a timestamp")
    change.explain_new(value.number)
    stamp = change.new.dictionary(value, "a timestamp")
    kind = (stamp.get("Type"), stamp.get("SubFilter"))
    if kind != ("DocTimeStamp", "ETSI.RFC3161"):
        raise extended("a field without a timestamp")
    if not stamp.keys() <= _TIMESTAMP or references(stamp):
        raise extended("a timestamp that leads elsewhere")
    change.widgets.add(ref)


def _check_appearance(change: Change, value: Object) -> None:
    """None, or one that draws nothing."""
    if value is None:
        return
    if not isinstance(value, dict) or value.keys() != {"N"}:
        raise extended("a visible field")
    normal = value["N"]
    if not isinstance(normal, Ref):
        raise extended("a visible field")
    change.explain_new(normal.number)
    stream = change.new.get(normal)
    if not isinstance(stream, Stream) or not stream.dictionary.keys() <= _APPEARANCE:
        raise extended("a visible field")
    change.explain_length(stream)
    entries = [stream.dictionary[key] for key in stream.dictionary.keys() - {"Length"}]
    if references(entries) or change.file.decoded(stream).strip():
        raise extended("a visible field")


def check_pages(change: Change) -> None:
    """Pages that the timestamps' fields are put on, and their lists of those."""
    for number in change.section.entries:
        if number in change.explained or not change.old.has(number):
            continue
        ref = ref_of(change.section, number)
        old, new = change.old.get(ref), change.new.get(ref)
        if not isinstance(old, dict) or old.get("Type") != "Page":
            continue
        if not isinstance(new, dict) or not changed(old, new) <= {"Annots"}:
            raise extended("another page")
        change.explained.add(number)
        _check_annotations(change, number, old, new)
    for widget in change.widgets:
        # A list that is an object of its own changes without its page.
        entries = change.new.dictionary(widget, "a field")
        page = entries.get("P")
        if isinstance(page, Ref) and page.number not in change.section.entries:
            around = change.old.dictionary(page, "a page")
            _check_annotations(change, page.number, around, around)


def _check_annotations(
    change: Change, number: int, old: Dictionary, new: Dictionary
) -> None:
    given = old.get("Annots"), new.get("Annots")
    if isinstance(given[1], Ref) and given[0] is None:
        change.explain_new(given[1].number)
    else:
        change.explain_same(*given, number, "other annotations")
    if not change.widgets.issuperset(
        ref for ref in change.appended(*given, "an annotation") if isinstance(ref, Ref)
    ):
        raise extended("an annotation")
