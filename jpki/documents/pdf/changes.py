"""One section that was added to a PDF, and the rules that hold for every object in it.

An object is explained when it is new and nothing waited for it, or when it is one of
those that lead to new ones and nobody else refers to it. What an object may say is the
matter of `added_timestamps` and `added_data`.
"""

from __future__ import annotations

from jpki.documents.pdf.file import PdfFile, View
from jpki.documents.pdf.objects import Dictionary, Object, Ref, Stream, references
from jpki.documents.pdf.sections import InFile, InStream, Section
from jpki.errors import DocumentError, DocumentFault

__all__ = ["Change", "Holders", "changed", "extended", "ref_of"]


def extended(what: str) -> DocumentError:
    """The refusal of something that was added."""
    return DocumentError(
        f"{what} added after signing",
        fault=DocumentFault.EXTENDED,
        hint="verify the file as it was when it was signed",
    )


class Holders:
    """Which objects refer to which, over all sections so far, alive or not."""

    def __init__(self, file: PdfFile, signed: int) -> None:
        self._by: dict[int, set[int]] = {}
        for count in range(signed):
            self.add(file, count)

    def add(self, file: PdfFile, count: int) -> None:
        """Take in the objects of one more section."""
        section = file.sections[count]
        view = file.view(count + 1)
        self._note(0, section.trailer)
        streams: set[int] = set()
        for place in section.entries.values():
            if isinstance(place, InFile) and place.offset:
                ref, value, _ = file.syntax_at(place.offset)
                if ref != section.stream:  # that is a trailer, and noted as one
                    self._note(ref.number, value)
            elif isinstance(place, InStream):
                streams.add(place.stream)
        for stream in streams:
            around = view.places.get(stream)
            if not isinstance(around, InFile):
                raise DocumentError("not a PDF: an object stream is missing")
            for number, value in file.in_stream(file.located(stream, around, view)):
                self._note(number, value)

    def _note(self, holder: int, value: Object) -> None:
        for ref in references(value):
            self._by.setdefault(ref.number, set()).add(holder)

    def of(self, number: int) -> set[int]:
        """The numbers of the objects that refer to this one; 0 is a trailer."""
        return self._by.get(number, set())


class Change:
    """The section, held against the file before it."""

    def __init__(self, file: PdfFile, count: int, held: Holders) -> None:
        self.file = file
        self.section: Section = file.sections[count]
        self.old = file.view(count)
        self.new = file.view(count + 1)
        self.held = held
        self.explained: set[int] = set()
        """Numbers of objects."""
        self.widgets: set[Ref] = set()
        """Fields with document timestamps that this section adds."""

    def touches(self, value: Object) -> bool:
        return isinstance(value, Ref) and value.number in self.section.entries

    def explain_new(self, number: int) -> None:
        """An object that was not there before, and that nothing waited for."""
        if number in self.explained:
            return
        if number not in self.section.entries and (
            self.section.stream is None or self.section.stream.number != number
        ):
            raise extended(f"a use of object {number}, which was there before,")
        if self.old.has(number):
            raise extended(f"another object {number}")
        self.explained.add(number)

    def explain_length(self, stream: Stream) -> None:
        length = stream.dictionary.get("Length")
        if isinstance(length, Ref) and self.touches(length):
            self.explain_new(length.number)

    def explain_same(self, old: Object, new: Object, holder: int, what: str) -> None:
        """Before and after it is the same object, or it stands in its holder."""
        if isinstance(old, Ref) != isinstance(new, Ref) or (
            isinstance(old, Ref) and old != new
        ):
            raise extended(what)
        if self.touches(new):
            assert isinstance(new, Ref)
            if self.held.of(new.number) != {holder} or not self._once(holder, new):
                raise extended(what)
            self.explained.add(new.number)

    def explain_list(self, old: Object, new: Object, holder: int) -> None:
        """As above; or it is new, or has become an object of its own."""
        if isinstance(new, Ref) and self.touches(new) and not self.old.has(new.number):
            self.explain_new(new.number)
        elif isinstance(new, Ref):
            self.explain_same(old, new, holder, "other validation data")

    def _once(self, holder: int, ref: Ref) -> bool:
        """Whether the holder refers to it in one place only."""
        value = self.old.get(ref_in(self.old, holder))
        return references(value).count(ref) == 1

    def appended(self, old: Object, new: Object, what: str) -> list[Object]:
        before = self.old.array(old, what)
        after = self.new.array(new, what)
        if after[: len(before)] != before:
            raise extended(f"the end of {what}")
        added = after[len(before) :]
        if not all(isinstance(ref, Ref) for ref in added):
            raise extended(what)
        return added


def ref_of(section: Section, number: int) -> Ref:
    place = section.entries[number]
    return Ref(number, place.generation if isinstance(place, InFile) else 0)


def ref_in(view: View, number: int) -> Ref:
    place = view.places.get(number)
    return Ref(number, place.generation if isinstance(place, InFile) else 0)


def changed(old: Dictionary, new: Dictionary) -> set[str]:
    """The keys whose values are not the same; True is not 1."""
    both = old.keys() & new.keys()
    return (old.keys() ^ new.keys()) | {
        key for key in both if repr(old[key]) != repr(new[key])
    }
