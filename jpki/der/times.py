"""UTCTime and GeneralizedTime with Z (RFC 5280 4.1.2.5), and fractions of a second.

Certificates and lists have whole seconds; timestamps may have fractions (RFC 3161
2.4.2), which only the two functions named after them write and read.
"""

from __future__ import annotations

from datetime import UTC, datetime

from jpki.der.reader import Element, read_one
from jpki.der.writer import tlv
from jpki.errors import EncodingError

__all__ = [
    "fractional_time",
    "generalized_time",
    "read_fractional_time",
    "read_time",
    "time_choice",
    "time_of",
    "utc_time",
]

_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
_MAX_FRACTION = 12
"""Digits; a picosecond is finer than any clock that signs."""


def _whole_second_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise EncodingError("a time without zone cannot be encoded")
    return at.astimezone(UTC).replace(microsecond=0)


def utc_time(at: datetime) -> bytes:
    """UTCTime; years 1950-2049 (RFC 5280 4.1.2.5.1)."""
    moment = _whole_second_utc(at)
    if not 1950 <= moment.year <= 2049:
        raise EncodingError(f"year {moment.year} does not fit UTCTime")
    return tlv(_UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode())


def generalized_time(at: datetime) -> bytes:
    """GeneralizedTime with four-digit year (RFC 5280 4.1.2.5.2)."""
    moment = _whole_second_utc(at)
    return tlv(_GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%SZ}".encode())


def time_choice(at: datetime) -> bytes:
    """Time: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5)."""
    year = _whole_second_utc(at).year
    return utc_time(at) if 1950 <= year <= 2049 else generalized_time(at)


def read_time(element: Element) -> datetime:
    """Either form, in UTC.

    Raises:
        EncodingError: neither form, or not a real moment.
    """
    try:
        return time_of(element.tag, element.content)
    except EncodingError as error:
        raise EncodingError(
            error.reason, offset=element.start, tag=element.tag
        ) from None


def time_of(tag: int, text: bytes) -> datetime:
    """The same from a tag and the content octets.

    Raises:
        EncodingError: neither form, or not a real moment.
    """
    if not text.endswith(b"Z") or not text[:-1].isdigit():
        raise EncodingError("time is not digits and Z")
    digits = text[:-1].decode("ascii")
    if tag == _UTC_TIME and len(digits) == 12:
        century = "19" if digits[:2] >= "50" else "20"
        digits = century + digits
    elif tag != _GENERALIZED_TIME or len(digits) != 14:
        raise EncodingError("not a time")
    try:
        # ISO 8601 knows an hour 24, and no other digits that are not a moment here.
        if digits[8:10] == "24":
            raise ValueError
        return datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}Z")
    except ValueError:
        raise EncodingError("no such moment") from None


def fractional_time(at: datetime) -> bytes:
    """GeneralizedTime to the microsecond, no more digits than it takes (X.690 11.7)."""
    whole = generalized_time(at)
    if not at.microsecond:
        return whole
    fraction = f"{at.microsecond:06}".rstrip("0")
    return tlv(_GENERALIZED_TIME, whole[2:-1] + f".{fraction}Z".encode("ascii"))


def read_fractional_time(element: Element) -> datetime:
    """GeneralizedTime, in UTC; what is finer than a microsecond is cut off.

    Raises:
        EncodingError: not DER (X.690 11.7), or not a real moment.
    """
    text = element.expect(_GENERALIZED_TIME).content
    whole, point, fraction = text.removesuffix(b"Z").partition(b".")
    if point and not (
        fraction.isdigit()
        and len(fraction) <= _MAX_FRACTION
        and not fraction.endswith(b"0")
        and text.endswith(b"Z")
    ):
        raise EncodingError("not a fraction of a second", offset=element.start)
    plain = text if not point else whole + b"Z"
    at = read_time(read_one(tlv(_GENERALIZED_TIME, plain)))
    return at.replace(microsecond=int(fraction[:6].ljust(6, b"0") or b"0"))
