"""Byte ranges of a request (RFC 9110 section 14), bounded in number."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["MAX_RANGES", "Span", "spans_of"]

MAX_RANGES: Final = 32
"""More are ignored: nobody who resumes a download asks so (RFC 9110 14.2)."""

_UNIT: Final = re.compile(r"bytes=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC: Final = re.compile(r"(\d{0,100})-(\d{0,100})", re.ASCII)


class Span(NamedTuple):
    """Octets from `start` up to but not including `stop`."""

    start: int
    stop: int


def spans_of(field: str, length: int) -> tuple[Span, ...] | None:
    """What a Range field asks for of so many octets; None where it is to be ignored.

    Those that overlap or touch are joined and all put in order; others stay in the
    order in which they were asked for. There are none if all lie beyond the end.
    """
    match = _UNIT.fullmatch(field.strip(" \t"))
    if match is None:
        return None
    spans: list[Span] = []
    specs = [text for part in match[1].split(",") if (text := part.strip(" \t"))]
    if not 0 < len(specs) <= MAX_RANGES:
        return None
    for text in specs:
        spec = _SPEC.fullmatch(text)
        if spec is None or text == "-":
            return None
        first, last = spec.groups()
        if not first:
            span = Span(max(0, length - int(last)), length)
        elif last and int(last) < int(first):
            return None
        else:
            span = Span(int(first), min(length, int(last) + 1) if last else length)
        if span.start < span.stop:
            spans.append(span)
    return _joined(spans)


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return tuple(spans if len(joined) == len(spans) else joined)
