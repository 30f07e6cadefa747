"""CMS SignedData (RFC 5652) made in the shape of CAdES-B-B (EN 319 122-1 section 6).

Signing makes one signature with content-type, message-digest, signing-time and
signing-certificate-v2 (RFC 5035), with the content inside (enveloping) or without it
(detached). Only DER is written; reading is `jpki.documents.signed_data`, checking
`jpki.documents.signer_checks`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import (
    explicit,
    implicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
)
from jpki.documents.signed_data import (
    MAX_CERTIFICATES,
    MAX_SIGNED_DATA,
    SignedDocument,
    SignerInfo,
    parse_signed_data,
)
from jpki.documents.signer_checks import check_signer, effective_algorithm, hash_of
from jpki.errors import DocumentError
from jpki.model.ports import Signer
from jpki.model.suites import Digest, SignatureSuite
from jpki.x509.parse import Certificate, parse_certificate

__all__ = [
    "SignedDocument",
    "SignerInfo",
    "check_signer",
    "effective_algorithm",
    "make_signed_data",
    "parse_signed_data",
    "sign_detached",
    "sign_enveloping",
]


def sign_detached(
    content: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime | None,
    chain: Sequence[bytes] = (),
) -> bytes:
    """Sign the content; the answer is a ContentInfo, DER, without the content.

    Args:
        certificate: the signer's own, which is put in and bound to the signature.
        at: the signer's claim of when; None where it stands elsewhere (PAdES).
        chain: further certificates that help the verifier.

    Raises:
        DocumentError: signer and certificate do not belong together.
        EncodingError: the certificate cannot be read.
    """
    enclosed = (certificate, *chain)
    return make_signed_data(
        content, certificate, signer, at, certificates=enclosed, enveloping=False
    )


def sign_enveloping(
    content: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime,
    chain: Sequence[bytes] = (),
) -> bytes:
    """Sign the content; the answer is a ContentInfo, DER, with the content inside.

    Args and errors are those of `sign_detached`.
    """
    enclosed = (certificate, *chain)
    return make_signed_data(
        content, certificate, signer, at, certificates=enclosed, enveloping=True
    )


def make_signed_data(
    content: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime | None,
    *,
    certificates: Collection[bytes],
    enveloping: bool,
    content_type: str = oids.CMS_DATA,
) -> bytes:
    """One signature over content of any type, a ContentInfo, DER.

    Args:
        certificate: the signer's own, which is bound to the signature.
        certificates: what is put in; the signer's own only if it is among them.

    Raises:
        DocumentError: signer and certificate do not belong together, or it is more than
            anybody here would read again.
        EncodingError: the certificate cannot be read.
    """
    own = parse_certificate(certificate)
    if own.public_key != signer.public_key:
        raise DocumentError("the signer's key is not the one in its certificate")
    if len(certificates) > MAX_CERTIFICATES:
        raise DocumentError(f"more than {MAX_CERTIFICATES} certificates")
    digest = _digest_for(signer.suite)
    claimed = () if at is None else (_attribute(oids.SIGNING_TIME, time_choice(at)),)
    attributes = (
        _attribute(oids.CONTENT_TYPE, object_identifier(content_type)),
        *claimed,
        _attribute(oids.MESSAGE_DIGEST, octet_string(hash_of(digest, content))),
        _attribute(oids.SIGNING_CERTIFICATE_V2, _signing_certificate(own)),
    )
    signed = set_of(attributes)
    digest_algorithm = sequence(object_identifier(digest.oid))
    signer_info = sequence(
        integer(1),
        sequence(own.issuer_der, integer(own.serial)),
        digest_algorithm,
        implicit(0, signed),
        signer.suite.algorithm_identifier,
        octet_string(signer.sign(signed)),
    )
    inside = explicit(0, octet_string(content)) if enveloping else b""
    signed_data = sequence(
        # RFC 5652 5.1: content that is not plain data makes it version 3.
        integer(1 if content_type == oids.CMS_DATA else 3),
        set_of([digest_algorithm]),
        sequence(object_identifier(content_type), inside),
        implicit(0, set_of({*certificates})) if certificates else b"",
        set_of([signer_info]),
    )
    made = sequence(object_identifier(oids.CMS_SIGNED_DATA), explicit(0, signed_data))
    if len(made) > MAX_SIGNED_DATA:
        raise DocumentError(
            f"a signature of {len(made)} octets, of which {MAX_SIGNED_DATA} are read",
            hint="a large document is signed beside it, detached",
        )
    return made


def _digest_for(suite: SignatureSuite) -> Digest:
    # RFC 9882 3.3: SHA-512 beside ML-DSA, which hashes for itself.
    return suite.digest or Digest.SHA512


def _attribute(oid: str, value: bytes) -> bytes:
    return sequence(object_identifier(oid), set_of([value]))


def _signing_certificate(certificate: Certificate) -> bytes:
    """SigningCertificateV2 with one ESSCertIDv2; SHA-256 is its default hash."""
    directory_name = explicit(4, certificate.issuer_der)
    issuer_serial = sequence(sequence(directory_name), integer(certificate.serial))
    digest = octet_string(hash_of(Digest.SHA256, certificate.raw))
    return sequence(sequence(sequence(digest, issuer_serial)))
