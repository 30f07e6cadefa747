"""The same values in BER, as programs write them that do not know a length before."""

from __future__ import annotations

from jpki.der.ber import to_der
from jpki.der.reader import Element, read_one
from jpki.der.writer import octet_string, tlv

__all__ = ["in_ber"]

_END = b"\0\0"
_PIECE = 11


def in_ber(der: bytes, *, definite: bool = False) -> bytes:
    """Indefinite lengths throughout, and OCTET STRINGs of some length in pieces.

    Args:
        definite: but for the outermost element, which tells its length.
    """
    # What is in BER already is written anew, in one way.
    element = read_one(to_der(der))
    body = b"".join(map(_ber, _inside(element)))
    return tlv(element.tag, body) if definite else _endless(element.tag, body)


def _inside(element: Element) -> list[Element]:
    fields, found = element.enter(), list[Element]()
    while fields:
        found.append(fields.next())
    return found


def _ber(element: Element) -> bytes:
    if element.tag & 0x20:
        return _endless(element.tag, b"".join(map(_ber, _inside(element))))
    if element.tag != 0x04 or len(element.content) <= _PIECE:
        return element.raw
    content = element.content
    pieces = [content[at : at + _PIECE] for at in range(0, len(content), _PIECE)]
    return _endless(0x24, b"".join(map(octet_string, pieces)))


def _endless(tag: int, body: bytes) -> bytes:
    return bytes([tag, 0x80]) + body + _END
