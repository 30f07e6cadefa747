"""Raising a CMS signature's level (ETSI EN 319 122-1 section 6): B-T, B-LT, B-LTA.

Pure functions from bytes to bytes. Timestamps and validation data are fetched by who
calls; each is put beside the signature, whose own octets stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import implicit, object_identifier, sequence
from jpki.documents.archive_imprint import archived_octets, encode_index, index_of
from jpki.documents.envelopes import der_of, rebuilt, the_signer
from jpki.documents.signature import Content
from jpki.documents.signed_content import content_of
from jpki.documents.signed_data import (
    MAX_CERTIFICATES,
    MAX_REVOCATIONS,
    SignerInfo,
    parse_signed_data,
)
from jpki.documents.timestamps import parse_token, read_token, token_as_der
from jpki.errors import DocumentError
from jpki.model.suites import Digest

__all__ = [
    "MakeToken",
    "add_archive_timestamp",
    "add_timestamp",
    "add_validation_data",
    "signature_value",
]

MakeToken = Callable[[bytes], bytes]
"""Given the octets to be covered, a token over them (ContentInfo, DER)."""


def signature_value(cms: bytes) -> bytes:
    """What a signature timestamp is over: the octets of the signature itself.

    Raises:
        EncodingError, DocumentError: not a signature with one signer.
    """
    return the_signer(parse_signed_data(der_of(cms))).signature


def add_timestamp(cms: bytes, token: bytes) -> bytes:
    """Put in a signature timestamp (level B-T).

    Raises:
        EncodingError, DocumentError: not a signature, or the token is not over it.
    """
    der = der_of(cms)
    signed = parse_signed_data(der)
    signer = the_signer(signed)
    read_token(token, signer.signature, signed.certificates)
    held = _and(signer, oids.SIGNATURE_TIMESTAMP, token_as_der(token))
    return rebuilt(der, unsigned=held)


def add_validation_data(
    cms: bytes,
    certificates: Iterable[bytes] = (),
    crls: Iterable[bytes] = (),
    ocsp_responses: Iterable[bytes] = (),
) -> bytes:
    """Put in what a verifier needs (level B-LT), DER each.

    It is for the paths of signer and time-stamp authorities alike. OCSP responses go
    beside the CRLs (RFC 5940). What is there already is not put in twice.

    Raises:
        EncodingError, DocumentError: not a signature, or there would be too much.
    """
    der = der_of(cms)
    the_signer(parse_signed_data(der))
    answers = [_as_other_format(response) for response in ocsp_responses]
    made = rebuilt(der, certificates=certificates, revocations=[*crls, *answers])
    read = parse_signed_data(made)
    if (
        len(read.certificate_choices) > MAX_CERTIFICATES
        or len(read.revocation_choices) > MAX_REVOCATIONS
    ):
        raise DocumentError("too much validation data for one signature")
    return made


def add_archive_timestamp(
    cms: bytes,
    make_token: MakeToken,
    content: Content = None,
    digest: Digest = Digest.SHA256,
) -> bytes:
    """Put an archive timestamp around all that is there (level B-LTA).

    Args:
        make_token: asks a time-stamp authority.
        content: what was signed; None where it is inside.
        digest: of the imprint and of everything in its index.

    Raises:
        EncodingError, DocumentError: not a signature, or the token is not over it.
    """
    der = der_of(cms)
    signed = parse_signed_data(der)
    signer = the_signer(signed)
    index = encode_index(index_of(signed, signer, digest))
    covered = archived_octets(
        signed, signer, content_of(signed, content), digest, index
    )
    token = token_as_der(make_token(covered))
    read_token(token, covered, signed.certificates)
    stated = parse_token(token)
    if stated.info.imprint.digest_oid != digest.oid:
        raise DocumentError(f"the timestamp's imprint is not a {digest.value}")
    (authority,) = stated.signed.signers
    token = rebuilt(token, unsigned=_and(authority, oids.ATS_HASH_INDEX_V3, index))
    return rebuilt(der, unsigned=_and(signer, oids.ARCHIVE_TIMESTAMP_V3, token))


def _and(signer: SignerInfo, oid: str, value: bytes) -> Mapping[str, tuple[bytes, ...]]:
    """All unsigned attributes, and one value more."""
    held = signer.unsigned_attributes
    return {**held, oid: (*held.get(oid, ()), value)}


def _as_other_format(response: bytes) -> bytes:
    """OtherRevocationInfoFormat around an OCSPResponse (RFC 5940 section 2)."""
    read_one(response, 0x30)
    return implicit(1, sequence(object_identifier(oids.RI_OCSP_RESPONSE), response))
