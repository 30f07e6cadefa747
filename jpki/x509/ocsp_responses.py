"""OCSP responses (RFC 6960 4.2): made, and read strictly. Nothing here signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.der.times import generalized_time, read_time
from jpki.der.writer import (
    NULL,
    bit_string,
    enumerated,
    explicit,
    implicit,
    object_identifier,
    octet_string,
    sequence,
    tlv,
)
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import SignatureSuite
from jpki.x509 import extensions
from jpki.x509.names import parse_name
from jpki.x509.ocsp_common import (
    MAX_ENTRIES,
    CertID,
    encode_cert_id,
    nonce_extension,
    read_cert_id,
    read_nonce,
    read_ocsp_extensions,
    read_version,
)

__all__ = [
    "MALFORMED_REQUEST",
    "MAX_RESPONSE",
    "SUCCESSFUL",
    "TRY_LATER",
    "UNAUTHORIZED",
    "BasicResponse",
    "Good",
    "OCSPResponse",
    "SingleResponse",
    "Status",
    "Unknown",
    "archive_cutoff_extensions",
    "assemble_response",
    "encode_status",
    "error_response",
    "parse_response",
    "prepare_response",
]

MAX_RESPONSE: Final = 1 << 20
"""Octets; with a few post-quantum certificates a response has some 20,000."""

SUCCESSFUL: Final = 0
MALFORMED_REQUEST: Final = 1
TRY_LATER: Final = 3
UNAUTHORIZED: Final = 6
_STATUSES: Final = {0, 1, 2, 3, 5, 6}


@dataclass(frozen=True, slots=True)
class Good:
    """Issued and not revoked."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The responder does not know the certificate."""


Status = Good | Revocation | Unknown
"""A revocation says since when and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SingleResponse:
    """The answer about one certificate."""

    cert_id: CertID
    status: Status
    this_update: datetime
    next_update: datetime | None = None
    archive_cutoff: datetime | None = None
    """Revocations are remembered of what had not expired by then (RFC 6960 4.4.4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BasicResponse:
    """A signed answer; its signature is not checked."""

    tbs: bytes = field(repr=False)
    responder_name: Name | None
    responder_key_hash: bytes | None
    """SHA-1 of the responder's key bits; one of the two names the responder."""
    produced_at: datetime
    responses: tuple[SingleResponse, ...]
    nonce: bytes | None
    extended_revoke: bool
    """Whether the responder says revoked of what was never issued (RFC 6960 4.4.8)."""
    signature_algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OCSPResponse:
    """The whole message; without an answer where the status is an error."""

    raw: bytes = field(repr=False)
    status: int
    basic: BasicResponse | None


def error_response(status: int) -> bytes:
    """A message that only says what went wrong (RFC 6960 4.2.1)."""
    if status not in _STATUSES or status == SUCCESSFUL:
        raise EncodingError(f"{status} is not an OCSP error")
    return sequence(enumerated(status))


def prepare_response(
    responder_key_hash: bytes,
    produced_at: datetime,
    responses: Sequence[SingleResponse],
    nonce: bytes | None = None,
    *,
    extended_revoke: bool = False,
) -> bytes:
    """ResponseData to be signed; the responder is named by its key.

    Args:
        responder_key_hash: SHA-1 of the responder's key bits.
        produced_at: now.
        responses: one for each certificate that was asked about, in that order.
        nonce: as it was in the request.
        extended_revoke: needed where a certificate that was never issued is said to be
            revoked (RFC 6960 4.4.8).
    """
    found = b"" if nonce is None else nonce_extension(nonce)
    if extended_revoke:
        found += extensions.extension(oids.OCSP_EXTENDED_REVOKE, False, NULL)
    return sequence(
        explicit(2, octet_string(responder_key_hash)),
        generalized_time(produced_at),
        sequence(*map(_single, responses)),
        explicit(1, sequence(found)) if found else b"",
    )


def _single(response: SingleResponse) -> bytes:
    following, cutoff = response.next_update, response.archive_cutoff
    return sequence(
        encode_cert_id(response.cert_id),
        encode_status(response.status),
        generalized_time(response.this_update),
        b"" if following is None else explicit(0, generalized_time(following)),
        b"" if cutoff is None else archive_cutoff_extensions(cutoff),
    )


def archive_cutoff_extensions(cutoff: datetime) -> bytes:
    """The extensions of a SingleResponse (RFC 6960 4.4.4), in their tag."""
    value = generalized_time(cutoff)
    only = extensions.extension(oids.OCSP_ARCHIVE_CUTOFF, False, value)
    return explicit(1, sequence(only))


def encode_status(status: Status) -> bytes:
    """CertStatus."""
    match status:
        case Good():
            return implicit(0, NULL)
        case Unknown():
            return implicit(2, NULL)
    reason = b""
    if status.reason is not RevocationReason.UNSPECIFIED:
        reason = explicit(0, extensions.reason_code(status.reason))
    return tlv(0xA1, generalized_time(status.at) + reason)


def assemble_response(
    tbs: bytes,
    suite: SignatureSuite,
    signature: bytes,
    certificates: Sequence[bytes] = (),
) -> bytes:
    """The whole message: ResponseData, signature, and the responder's certificate."""
    chain = explicit(0, sequence(*certificates)) if certificates else b""
    basic = sequence(tbs, suite.algorithm_identifier, bit_string(signature), chain)
    response_bytes = sequence(object_identifier(oids.OCSP_BASIC), octet_string(basic))
    return sequence(enumerated(SUCCESSFUL), explicit(0, response_bytes))


def parse_response(data: bytes) -> OCSPResponse:
    """Parse one response.

    Raises:
        EncodingError: not a response, or not of the basic type.
    """
    if len(data) > MAX_RESPONSE:
        raise EncodingError(f"an OCSP response of {len(data)} octets")
    fields = read_one(data, 0x30).enter()
    status = fields.next().integer(0x0A)
    wrapped = fields.optional(0xA0)
    fields.finish()
    if status not in _STATUSES or (status == SUCCESSFUL) != (wrapped is not None):
        raise EncodingError(f"OCSP status {status} with or without an answer")
    basic = None
    if wrapped is not None:
        inner = wrapped.inside().expect(0x30).enter()
        if inner.next().object_identifier() != oids.OCSP_BASIC:
            raise EncodingError("not a basic OCSP response")
        basic = _read_basic(inner.next().octet_string())
        inner.finish()
    return OCSPResponse(raw=bytes(data), status=status, basic=basic)


def _read_basic(data: bytes) -> BasicResponse:
    outer = read_one(data, 0x30).enter()
    tbs = outer.next(0x30)
    algorithm = outer.next(0x30).raw
    signature = outer.next().bit_octets()
    certificates = _read_certificates(outer.optional(0xA0))
    outer.finish()

    fields = tbs.enter()
    read_version(fields)
    responder = fields.next()
    if responder.tag not in (0xA1, 0xA2):
        raise EncodingError("responder is neither name nor key", offset=responder.start)
    named = responder.inside()
    produced_at = read_time(fields.next(0x18))
    items = fields.next(0x30).enter()
    wrapped = fields.optional(0xA1)
    fields.finish()
    responses: list[SingleResponse] = []
    while items:
        if len(responses) == MAX_ENTRIES:
            raise EncodingError(f"more than {MAX_ENTRIES} answers")
        responses.append(_read_single(items.next(0x30)))
    if not responses:
        raise EncodingError("the response answers nothing")
    by_name = responder.tag == 0xA1
    found = read_ocsp_extensions(wrapped, nonce=True)
    return BasicResponse(
        tbs=tbs.raw,
        responder_name=parse_name(named.raw) if by_name else None,
        responder_key_hash=None if by_name else named.octet_string(),
        produced_at=produced_at,
        responses=tuple(responses),
        nonce=read_nonce(found),
        extended_revoke=oids.OCSP_EXTENDED_REVOKE in found,
        signature_algorithm=algorithm,
        signature=signature,
        certificates=certificates,
    )


def _read_certificates(wrapped: Element | None) -> tuple[bytes, ...]:
    if wrapped is None:
        return ()
    items = wrapped.inside().expect(0x30).enter()
    found: list[bytes] = []
    while items:
        if len(found) == MAX_ENTRIES:
            raise EncodingError(f"more than {MAX_ENTRIES} certificates")
        found.append(items.next(0x30).raw)
    return tuple(found)


def _read_single(element: Element) -> SingleResponse:
    fields = element.enter()
    identifier = read_cert_id(fields.next())
    status = _read_status(fields.next(), identifier.serial)
    this_update = read_time(fields.next(0x18))
    following = fields.optional(0xA0)
    wrapped = fields.optional(0xA1)
    fields.finish()
    cutoff = read_ocsp_extensions(wrapped).get(oids.OCSP_ARCHIVE_CUTOFF)
    return SingleResponse(
        cert_id=identifier,
        status=status,
        this_update=this_update,
        next_update=None
        if following is None
        else read_time(following.inside().expect(0x18)),
        archive_cutoff=None if cutoff is None else read_time(read_one(cutoff.value)),
    )


def _read_status(element: Element, serial: int) -> Status:
    if element.tag in (0x80, 0x82):
        if len(element):
            raise EncodingError("status is not NULL", offset=element.start)
        return Good() if element.tag == 0x80 else Unknown()
    fields = element.expect(0xA1).enter()
    at = read_time(fields.next(0x18))
    wrapped = fields.optional(0xA0)
    fields.finish()
    code = 0 if wrapped is None else wrapped.inside().integer(0x0A)
    try:
        reason = RevocationReason(code)
    except ValueError:
        raise EncodingError(f"reason code {code}", offset=element.start) from None
    return Revocation(serial=serial, at=at, reason=reason)
