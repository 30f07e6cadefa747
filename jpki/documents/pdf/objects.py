"""The objects of a PDF (ISO 32000-2 section 7.3) as Python values.

Strict, and linear in the octets read: what programs might read in different ways (keys
that stand in a dictionary twice, strings that do not end) is refused, not repaired.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from jpki.errors import DocumentError

__all__ = [
    "SPACE",
    "Array",
    "Dictionary",
    "Name",
    "Object",
    "Parser",
    "Ref",
    "Stream",
    "references",
]

_DEPTH: Final = 48
"""Arrays and dictionaries inside each other."""

SPACE: Final = rb"\x00\t\n\x0c\r "
"""White-space characters (7.2.3), for a character class."""
_SKIP: Final = re.compile(rb"(?:[" + SPACE + rb"]++|%[^\r\n]*+)*+")
_TOKEN: Final = re.compile(
    rb"(?P<reference>(\d{1,10})(?:[%s]++|%%[^\r\n]*+)++(\d{1,5})"
    rb"(?:[%s]++|%%[^\r\n]*+)++R(?![^%s()<>\[\]{}/%%]))"
    rb"|(?P<number>[+-]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?![^%s()<>\[\]{}/%%]))"
    rb"|/(?P<name>[^%s()<>\[\]{}/%%]*+)"
    rb"|(?P<mark><<|>>|\[|\])"
    rb"|<(?P<hex>[0-9A-Fa-f%s]*+)>"
    rb"|(?P<open>\()"
    rb"|(?P<word>[A-Za-z]++)" % ((SPACE,) * 6)
)
_ESCAPED_NAME: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STRING: Final = re.compile(rb"[^\\()]*+(?:\\.[^\\()]*+)*+", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|\r\n|.)|\r\n?", re.DOTALL)
_ESCAPES: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_WORDS: Final = {b"true": True, b"false": False, b"null": None}


class Name(str):
    """A name, without its solidus."""

    __slots__ = ()


class Ref(NamedTuple):
    """A reference to an indirect object."""

    number: int
    generation: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """A stream as it stands in the file."""

    dictionary: Dictionary
    data: bytes = field(repr=False)
    """Still encoded."""


Object: TypeAlias = (
    "bool | int | float | Name | bytes | Ref | Array | Dictionary | Stream | None"
)
Array: TypeAlias = "list[Object]"
Dictionary: TypeAlias = "dict[str, Object]"


class Parser:
    """A cursor over octets that hold objects."""

    def __init__(self, data: bytes, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end

    def skip(self) -> None:
        """Go over white space and comments."""
        found = _SKIP.match(self.data, self.position, self.end)
        assert found is not None
        self.position = found.end()

    def word(self, expected: bytes) -> bool:
        """Go over this keyword, where it comes next."""
        self.skip()
        if not self.data.startswith(expected, self.position, self.end):
            return False
        self.position += len(expected)
        return True

    def read(self, depth: int = 0) -> Object:
        """The next object; of a stream, its dictionary.

        Raises:
            DocumentError: there is none.
        """
        self.skip()
        found = _TOKEN.match(self.data, self.position, self.end)
        if found is None:
            raise self._bad("no object")
        self.position = found.end()
        kind, text = found.lastgroup, found.group(0)
        if kind == "reference":
            return Ref(int(found.group(2)), int(found.group(3)))
        if kind == "number":
            return float(text) if b"." in text else int(text)
        if kind == "name":
            return _name(found.group("name"))
        if kind == "hex":
            digits = found.group("hex").translate(None, b"\x00\t\n\x0c\r ")
            return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        if kind == "open":
            return self._string()
        if kind == "word":
            if text not in _WORDS:
                raise self._bad("no object")
            return _WORDS[text]
        if depth == _DEPTH:
            raise self._bad("nested too deeply")
        if text == b"[":
            return self._array(depth + 1)
        if text == b"<<":
            return self._dictionary(depth + 1)
        raise self._bad("no object")

    def _array(self, depth: int) -> Array:
        items: Array = []
        while not self.word(b"]"):
            items.append(self.read(depth))
        return items

    def _dictionary(self, depth: int) -> Dictionary:
        entries: Dictionary = {}
        while not self.word(b">>"):
            key = self.read(depth)
            if not isinstance(key, Name):
                raise self._bad("a key that is no name")
            if key in entries:
                raise self._bad("a key that stands there twice")
            entries[str(key)] = self.read(depth)
        return entries

    def _string(self) -> bytes:
        """7.3.4.2; parentheses inside are balanced."""
        begin, level = self.position, 1
        while level:
            found = _STRING.match(self.data, self.position, self.end)
            assert found is not None
            mark = self.data[found.end() : found.end() + 1]
            if found.end() >= self.end or mark == b"\\":
                raise self._bad("a string without end")
            level += 1 if mark == b"(" else -1
            self.position = found.end() + 1
        return _ESCAPE.sub(_unescaped, self.data[begin : self.position - 1])

    def _bad(self, what: str) -> DocumentError:
        return DocumentError(f"not a PDF: {what} at byte {self.position}")


def _name(octets: bytes) -> Name:
    plain = _ESCAPED_NAME.sub(lambda found: bytes([int(found.group(1), 16)]), octets)
    return Name(plain.decode("latin-1"))


def _unescaped(found: re.Match[bytes]) -> bytes:
    what = found.group(1)
    if what is None:
        return b"\n"
    if what[:1].isdigit() and what[0] < 0x38:
        return bytes([int(what, 8) & 0xFF])
    return b"" if what in (b"\r\n", b"\r", b"\n") else _ESCAPES.get(what, what)


def references(value: Object) -> list[Ref]:
    """Every reference that stands in an object."""
    found: list[Ref] = []
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Ref):
            found.append(one)
        elif isinstance(one, list):
            left += one
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, Stream):
            left.append(one.dictionary)
    return found
