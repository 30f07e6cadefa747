"""OCSP (RFC 6960, nonces after RFC 9654): requests here, responses re-exported.

Requests are read and responses made by a responder, the other way round by a client.
Nothing here signs or judges; only `EncodingError` escapes the readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jpki.der.reader import read_one
from jpki.der.writer import explicit, sequence
from jpki.errors import EncodingError
from jpki.x509.ocsp_common import (
    MAX_ENTRIES,
    MAX_NONCE,
    CertID,
    cert_id,
    encode_cert_id,
    nonce_extension,
    read_cert_id,
    read_nonce,
    read_ocsp_extensions,
    read_version,
)
from jpki.x509.ocsp_responses import (
    MALFORMED_REQUEST,
    MAX_RESPONSE,
    SUCCESSFUL,
    TRY_LATER,
    UNAUTHORIZED,
    BasicResponse,
    Good,
    OCSPResponse,
    SingleResponse,
    Status,
    Unknown,
    assemble_response,
    error_response,
    parse_response,
    prepare_response,
)

__all__ = [
    "MALFORMED_REQUEST",
    "MAX_ENTRIES",
    "MAX_NONCE",
    "MAX_REQUEST",
    "MAX_RESPONSE",
    "SUCCESSFUL",
    "TRY_LATER",
    "UNAUTHORIZED",
    "BasicResponse",
    "CertID",
    "Good",
    "OCSPRequest",
    "OCSPResponse",
    "SingleResponse",
    "Status",
    "Unknown",
    "assemble_response",
    "build_request",
    "cert_id",
    "error_response",
    "parse_request",
    "parse_response",
    "prepare_response",
]

MAX_REQUEST: Final = 16_384
"""Octets. A request for one certificate has about 120."""


@dataclass(frozen=True, slots=True)
class OCSPRequest:
    """What is asked, in order; a signature on the request is not looked at."""

    entries: tuple[CertID, ...]
    nonce: bytes | None = None


def build_request(entries: Sequence[CertID], nonce: bytes | None = None) -> bytes:
    """OCSPRequest, unsigned."""
    requests = sequence(*(sequence(encode_cert_id(entry)) for entry in entries))
    tail = b"" if nonce is None else explicit(2, sequence(nonce_extension(nonce)))
    return sequence(sequence(requests, tail))


def parse_request(data: bytes) -> OCSPRequest:
    """Parse one request.

    Raises:
        EncodingError: not a request, too large, or with a critical extension that this
            responder does not know (RFC 6960 4.4).
    """
    if len(data) > MAX_REQUEST:
        raise EncodingError(f"an OCSP request of {len(data)} octets")
    outer = read_one(data, 0x30).enter()
    fields = outer.next(0x30).enter()
    outer.optional(0xA0)
    outer.finish()
    read_version(fields)
    fields.optional(0xA1)
    items = fields.next(0x30).enter()
    wrapped = fields.optional(0xA2)
    fields.finish()
    entries: list[CertID] = []
    while items:
        if len(entries) == MAX_ENTRIES:
            raise EncodingError(f"more than {MAX_ENTRIES} certificates")
        request = items.next(0x30).enter()
        entries.append(read_cert_id(request.next()))
        single = request.optional(0xA0)
        request.finish()
        read_ocsp_extensions(single)
    if not entries:
        raise EncodingError("the request asks for nothing")
    return OCSPRequest(
        tuple(entries), read_nonce(read_ocsp_extensions(wrapped, nonce=True))
    )
