"""What OCSP requests and responses share: certificate identifiers and nonces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, Reader, read_one
from jpki.der.writer import (
    NULL,
    integer,
    object_identifier,
    octet_string,
    sequence,
)
from jpki.errors import EncodingError
from jpki.model.suites import Digest
from jpki.x509 import extensions
from jpki.x509.extension_values import Extension, read_extensions

__all__ = [
    "MAX_ENTRIES",
    "MAX_NONCE",
    "CertID",
    "cert_id",
    "encode_cert_id",
    "nonce_extension",
    "read_cert_id",
    "read_nonce",
    "read_ocsp_extensions",
    "read_version",
]

MAX_ENTRIES: Final = 32
"""Certificates in one request or answer. RFC 9919 has one; a path of them fits."""

MAX_NONCE: Final = 128
"""RFC 9654 2.1: 1 to 128 octets."""


@dataclass(frozen=True, slots=True)
class CertID:
    """Which certificate: hashes of its issuer's name and key, and its serial number."""

    hash_oid: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    null_parameters: bool = field(default=True, compare=False)
    """Whether the hash algorithm stands with NULL; an answer repeats the question's."""


def cert_id(
    issuer_name: bytes, issuer_spki: bytes, serial: int, digest: Digest
) -> CertID:
    """The identifier of a certificate, from the DER of its issuer's name and key."""
    key = read_one(issuer_spki, 0x30).enter()
    key.next(0x30)
    bits = key.next().bit_octets()
    key.finish()
    return CertID(
        digest.oid,
        hashlib.new(digest.value, issuer_name, usedforsecurity=False).digest(),
        hashlib.new(digest.value, bits, usedforsecurity=False).digest(),
        serial,
    )


def encode_cert_id(entry: CertID) -> bytes:
    """CertID."""
    parameters = NULL if entry.null_parameters else b""
    return sequence(
        sequence(object_identifier(entry.hash_oid), parameters),
        octet_string(entry.issuer_name_hash),
        octet_string(entry.issuer_key_hash),
        integer(entry.serial),
    )


def read_cert_id(element: Element) -> CertID:
    """The CertID in this element."""
    fields = element.expect(0x30).enter()
    algorithm = fields.next(0x30).enter()
    oid = algorithm.next().object_identifier()
    parameters = algorithm.optional(0x05)
    if parameters is not None:
        parameters.null()
    algorithm.finish()
    name_hash = fields.next().octet_string()
    key_hash = fields.next().octet_string()
    serial = fields.next().integer()
    fields.finish()
    return CertID(oid, name_hash, key_hash, serial, parameters is not None)


def nonce_extension(nonce: bytes) -> bytes:
    """The nonce as an Extension."""
    return extensions.extension(oids.OCSP_NONCE, False, octet_string(nonce))


def read_version(fields: Reader) -> None:
    """Version 1, which DER leaves out."""
    wrapped = fields.optional(0xA0)
    if wrapped is not None and wrapped.inside().integer() != 0:
        raise EncodingError("version is not 1", offset=wrapped.start)


def read_ocsp_extensions(
    wrapped: Element | None, *, nonce: bool = False
) -> dict[str, Extension]:
    """Extensions in an explicit tag; a critical one that is not known is refused."""
    if wrapped is None:
        return {}
    found = dict(read_extensions(wrapped.inside()))
    for oid, extension in found.items():
        if extension.critical and not (nonce and oid == oids.OCSP_NONCE):
            raise EncodingError(f"critical extension {oid} is not known")
    return found


def read_nonce(found: dict[str, Extension]) -> bytes | None:
    """The nonce among these, of a length that RFC 9654 allows."""
    extension = found.get(oids.OCSP_NONCE)
    if extension is None:
        return None
    nonce = read_one(extension.value).octet_string()
    if not 1 <= len(nonce) <= MAX_NONCE:
        raise EncodingError(f"a nonce of {len(nonce)} octets")
    return nonce
