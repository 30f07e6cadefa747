"""TSTInfo: what a time-stamp authority says (RFC 3161 2.4.2), read and written.

Nothing here is signed or believed; `jpki.documents.timestamps` checks who said it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jpki.der.reader import Element, Reader, read_one
from jpki.der.times import fractional_time, read_fractional_time
from jpki.der.writer import (
    NULL,
    boolean,
    explicit,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.documents.signer_checks import digest_of, hash_of
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.suites import Digest
from jpki.x509.extension_values import read_extensions
from jpki.x509.general_names import (
    GeneralName,
    encode_general_name,
    read_general_name,
)

__all__ = [
    "MAX_ACCURACY",
    "MessageImprint",
    "TimestampInfo",
    "encode_imprint",
    "encode_info",
    "imprint_of",
    "read_imprint",
    "read_info",
    "refuse_critical",
]

MAX_ACCURACY: Final = timedelta(days=366)
"""Whoever knows the time less well than this knows nothing of use."""

_SEQUENCE: Final = 0x30
_BOOLEAN: Final = 0x01
_INTEGER: Final = 0x02
_MILLIS, _MICROS, _AUTHORITY, _EXTENSIONS = 0x80, 0x81, 0xA0, 0xA1


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageImprint:
    """The digest of what a timestamp is over."""

    digest_oid: str
    value: bytes
    parameters: bytes = NULL
    """Of the digest's AlgorithmIdentifier: NULL or nothing. An answer repeats what the
    request has (RFC 3161 2.4.2)."""

    def is_of(self, covered: bytes) -> bool:
        """Whether these octets are what it is the digest of.

        Raises:
            DocumentError: an unknown digest.
        """
        return hash_of(digest_of(self.digest_oid), covered) == self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class TimestampInfo:
    """Such a thing was there at such a time, says the authority."""

    policy: str
    """Under which policy the authority says so; an object identifier."""
    imprint: MessageImprint
    serial: int
    at: datetime
    """genTime, UTC, to the microsecond."""
    accuracy: timedelta | None = None
    ordering: bool = False
    """Whether this authority's times alone tell which of two timestamps came first."""
    nonce: int | None = None
    authority: GeneralName | None = None
    """`tsa`: one of the names in the authority's certificate."""


def imprint_of(covered: bytes, digest: Digest) -> MessageImprint:
    """The imprint of these octets."""
    return MessageImprint(digest_oid=digest.oid, value=hash_of(digest, covered))


def encode_imprint(imprint: MessageImprint) -> bytes:
    """MessageImprint, DER."""
    algorithm = sequence(object_identifier(imprint.digest_oid), imprint.parameters)
    return sequence(algorithm, octet_string(imprint.value))


def read_imprint(element: Element) -> MessageImprint:
    """The imprint in this element; its digest may be one that nobody here knows.

    Raises:
        EncodingError: not a MessageImprint.
    """
    fields = element.expect(_SEQUENCE).enter()
    algorithm = fields.next(_SEQUENCE).enter()
    oid = algorithm.next().object_identifier()
    parameters = algorithm.next().raw if algorithm else b""
    algorithm.finish()
    if parameters not in (b"", NULL):
        raise EncodingError("a digest with parameters", offset=element.start)
    value = fields.next().octet_string()
    fields.finish()
    return MessageImprint(digest_oid=oid, value=value, parameters=parameters)


def encode_info(info: TimestampInfo) -> bytes:
    """TSTInfo, DER."""
    authority = info.authority
    return sequence(
        integer(1),
        object_identifier(info.policy),
        encode_imprint(info.imprint),
        integer(info.serial),
        fractional_time(info.at),
        b"" if info.accuracy is None else _accuracy(info.accuracy),
        boolean(True) if info.ordering else b"",
        b"" if info.nonce is None else integer(info.nonce),
        b"" if authority is None else explicit(0, encode_general_name(authority)),
    )


def _accuracy(accuracy: timedelta) -> bytes:
    seconds = accuracy.days * 86_400 + accuracy.seconds
    millis, micros = divmod(accuracy.microseconds, 1000)
    return sequence(
        integer(seconds) if seconds else b"",
        implicit(0, integer(millis)) if millis else b"",
        implicit(1, integer(micros)) if micros else b"",
    )


def read_info(data: bytes) -> TimestampInfo:
    """What stands in a token.

    Raises:
        EncodingError: not a TSTInfo in DER.
        DocumentError: another version, or a critical extension, none of which is known.
    """
    fields = read_one(data, _SEQUENCE).enter()
    version = fields.next().integer()
    if version != 1:
        raise DocumentError(
            f"a timestamp of version {version}", fault=DocumentFault.UNSUPPORTED
        )
    policy = fields.next().object_identifier()
    imprint = read_imprint(fields.next())
    serial = fields.next().integer()
    at = read_fractional_time(fields.next())
    accuracy = fields.optional(_SEQUENCE)
    ordering = fields.optional(_BOOLEAN)
    nonce = fields.optional(_INTEGER)
    authority = fields.optional(_AUTHORITY)
    refuse_critical(fields.optional(_EXTENSIONS))
    fields.finish()
    if ordering is not None and not ordering.boolean():
        raise EncodingError("a default that stands there", offset=ordering.start)
    return TimestampInfo(
        policy=policy,
        imprint=imprint,
        serial=serial,
        at=at,
        accuracy=None if accuracy is None else _read_accuracy(accuracy.enter()),
        ordering=ordering is not None,
        nonce=None if nonce is None else nonce.integer(),
        authority=None if authority is None else read_general_name(authority.inside()),
    )


def refuse_critical(field: Element | None) -> None:
    """Refuse extensions ([n] IMPLICIT) that must be understood: none is known here.

    Raises:
        EncodingError: not Extensions.
        DocumentError: one is critical.
    """
    if field is None:
        return
    listed = read_one(b"\x30" + field.raw[1:])
    for oid, extension in read_extensions(listed).items():
        if extension.critical:
            raise DocumentError(
                f"critical extension {oid} is not understood",
                fault=DocumentFault.UNSUPPORTED,
            )


def _read_accuracy(fields: Reader) -> timedelta:
    start = fields.position
    seconds = fields.optional(_INTEGER)
    millis, micros = fields.optional(_MILLIS), fields.optional(_MICROS)
    fields.finish()
    whole = 0 if seconds is None else seconds.integer()
    parts = [_thousandths(part) for part in (millis, micros)]
    if not 0 <= whole <= MAX_ACCURACY.total_seconds() or None in parts:
        raise EncodingError("an accuracy out of range", offset=start)
    return timedelta(
        seconds=whole, milliseconds=parts[0] or 0, microseconds=parts[1] or 0
    )


def _thousandths(part: Element | None) -> int | None:
    """0 where nothing stands; None where it is out of its range of 1 to 999."""
    if part is None:
        return 0
    value = part.integer(part.tag)
    return value if 1 <= value <= 999 else None
