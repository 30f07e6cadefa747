"""TimeStampReq and TimeStampResp (RFC 3161 2.4): made, and read strictly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from jpki.der.ber import to_der
from jpki.der.reader import Reader, read_one
from jpki.der.writer import (
    boolean,
    integer,
    named_bits,
    object_identifier,
    sequence,
    utf8_string,
)
from jpki.documents.timestamp_info import (
    MessageImprint,
    encode_imprint,
    read_imprint,
)
from jpki.errors import EncodingError
from jpki.x509.extension_values import read_extensions

__all__ = [
    "MAX_REQUEST",
    "MAX_RESPONSE",
    "PKIFailure",
    "TimestampRequest",
    "TimestampResponse",
    "encode_granted",
    "encode_rejection",
    "encode_request",
    "read_request",
    "read_response",
]

MAX_REQUEST: Final = 64 * 1024
MAX_RESPONSE: Final = 1 << 20
"""Octets; a token with a chain of post-quantum certificates has some 30,000."""

_GRANTED: Final = 0
_GRANTED_WITH_MODIFICATIONS: Final = 1
_REJECTION: Final = 2
_MAX_STATUS: Final = 5
_MAX_TEXTS: Final = 16
_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_INTEGER: Final = 0x02
_BOOLEAN: Final = 0x01
_BIT_STRING: Final = 0x03
_UTF8_STRING: Final = 0x0C
_TAG_0: Final = 0xA0


class PKIFailure(Enum):
    """PKIFailureInfo, by position: why there is no timestamp."""

    BAD_ALGORITHM = 0
    """badAlg"""
    BAD_REQUEST = 2
    """badRequest"""
    BAD_DATA_FORMAT = 5
    """badDataFormat"""
    TIME_NOT_AVAILABLE = 14
    """timeNotAvailable"""
    UNACCEPTED_POLICY = 15
    """unacceptedPolicy"""
    UNACCEPTED_EXTENSION = 16
    """unacceptedExtension"""
    ADDITIONAL_INFO_NOT_AVAILABLE = 17
    """addInfoNotAvailable"""
    SYSTEM_FAILURE = 25
    """systemFailure"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimestampRequest:
    """What a client wants."""

    imprint: MessageImprint
    policy: str | None = None
    """Under which the authority should answer; None leaves it to it."""
    nonce: int | None = None
    """Comes back in the answer, which is then no older one."""
    wants_certificate: bool = True
    version: int = 1
    extensions: tuple[str, ...] = ()
    """Object identifiers of what the authority must understand, critical or not
    (RFC 3161 2.4.1: an extension that it does not know is refused)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimestampResponse:
    """What an authority answers. The token is not checked."""

    status: int
    texts: tuple[str, ...] = ()
    failures: frozenset[int] = frozenset()
    """Positions of PKIFailureInfo, also those that have no name here."""
    token: bytes | None = field(default=None, repr=False)
    """There if and only if the status is 0 or 1, `granted` or `grantedWithMods`."""


def encode_request(request: TimestampRequest) -> bytes:
    """TimeStampReq, DER; extensions are not written."""
    return sequence(
        integer(request.version),
        encode_imprint(request.imprint),
        b"" if request.policy is None else object_identifier(request.policy),
        b"" if request.nonce is None else integer(request.nonce),
        boolean(True) if request.wants_certificate else b"",
    )


def read_request(data: bytes) -> TimestampRequest:
    """The request in these octets; whether it can be granted is not looked at.

    Raises:
        EncodingError: not a TimeStampReq in DER.
    """
    if len(data) > MAX_REQUEST:
        raise EncodingError(f"a request of {len(data)} octets")
    fields = read_one(data, _SEQUENCE).enter()
    version = fields.next().integer()
    imprint = read_imprint(fields.next())
    policy = fields.optional(_OBJECT_IDENTIFIER)
    nonce = fields.optional(_INTEGER)
    wants = fields.optional(_BOOLEAN)
    extensions = fields.optional(_TAG_0)
    fields.finish()
    if wants is not None and not wants.boolean():
        raise EncodingError("a default that stands there", offset=wants.start)
    listed: Iterable[str] = ()
    if extensions is not None:
        listed = read_extensions(read_one(b"\x30" + extensions.raw[1:]))
    return TimestampRequest(
        version=version,
        imprint=imprint,
        policy=None if policy is None else policy.object_identifier(),
        nonce=None if nonce is None else nonce.integer(),
        wants_certificate=wants is not None,
        extensions=tuple(listed),
    )


def encode_granted(token: bytes) -> bytes:
    """TimeStampResp with a token."""
    return sequence(sequence(integer(_GRANTED)), token)


def encode_rejection(failure: PKIFailure, text: str) -> bytes:
    """TimeStampResp without one, and why."""
    status = sequence(
        integer(_REJECTION), sequence(utf8_string(text)), named_bits({failure.value})
    )
    return sequence(status)


def read_response(data: bytes) -> TimestampResponse:
    """The response in these octets.

    RFC 3161 2.4.2 wants DER, and some authorities put a token in BER into it: the
    envelope is brought into DER, and the token comes out in it.

    Raises:
        EncodingError: not a TimeStampResp, or status and token disagree.
    """
    if len(data) > MAX_RESPONSE:
        raise EncodingError(f"a response of {len(data)} octets")
    data = to_der(data)
    fields = read_one(data, _SEQUENCE).enter()
    about = fields.next(_SEQUENCE).enter()
    token = fields.optional(_SEQUENCE)
    fields.finish()
    status = about.next().integer()
    texts = about.optional(_SEQUENCE)
    failures = about.optional(_BIT_STRING)
    about.finish()
    granted = status in (_GRANTED, _GRANTED_WITH_MODIFICATIONS)
    # RFC 3161 2.4.2: a token MUST be there when granted, and MUST NOT otherwise.
    if not 0 <= status <= _MAX_STATUS or granted != (token is not None):
        raise EncodingError(f"status {status} {'with' if token else 'without'} a token")
    return TimestampResponse(
        status=status,
        texts=() if texts is None else _read_texts(texts.enter()),
        failures=frozenset() if failures is None else failures.named_bits(),
        token=None if token is None else token.raw,
    )


def _read_texts(fields: Reader) -> tuple[str, ...]:
    texts: list[str] = []
    while fields and len(texts) < _MAX_TEXTS:
        element = fields.next(_UTF8_STRING)
        try:
            texts.append(element.content.decode())
        except UnicodeDecodeError:
            raise EncodingError("text is not UTF-8", offset=element.start) from None
    fields.finish()
    return tuple(texts)
