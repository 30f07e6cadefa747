"""CMS SignedData (RFC 5652) in the shape of CAdES-B-B (ETSI EN 319 122-1 section 6).

Signing makes one detached signature with content-type, message-digest, signing-time
and signing-certificate-v2 (RFC 5035). Checking is `check_signer`, which says nothing
about trust. Only DER is written; reading is `jpki.documents.signed_data`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import (
    NULL,
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
    SignedDocument,
    SignerInfo,
    parse_signed_data,
)
from jpki.errors import DocumentError, DocumentFault
from jpki.model.ports import Signer
from jpki.model.suites import SUITES, Digest, SignatureSuite
from jpki.x509.keys import verify_signature
from jpki.x509.parse import Certificate, parse_certificate

__all__ = [
    "SignedDocument",
    "SignerInfo",
    "check_signer",
    "effective_algorithm",
    "parse_signed_data",
    "sign_detached",
]

_ALTERED: Final = DocumentFault.ALTERED
_DIGESTS: Final = {digest.oid: digest for digest in Digest}
_RSA: Final = {
    Digest.SHA1: oids.SHA1_WITH_RSA,
    Digest.SHA256: oids.SHA256_WITH_RSA,
    Digest.SHA384: oids.SHA384_WITH_RSA,
    Digest.SHA512: oids.SHA512_WITH_RSA,
}
_DIGEST_OF_SIGNATURE: Final = {oid: digest for digest, oid in _RSA.items()} | {
    suite.signature_oid: suite.digest for suite in SUITES.values() if suite.digest
}


def sign_detached(
    content: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime,
    chain: Sequence[bytes] = (),
) -> bytes:
    """Sign the content; the answer is a ContentInfo, DER, without the content.

    Args:
        certificate: the signer's own, which is put in and bound to the signature.
        at: the signer's claim of when.
        chain: further certificates that help the verifier.

    Raises:
        DocumentError: signer and certificate do not belong together.
        EncodingError: the certificate cannot be read.
    """
    own = parse_certificate(certificate)
    if own.public_key != signer.public_key:
        raise DocumentError("the signer's key is not the one in its certificate")
    if len(chain) >= MAX_CERTIFICATES:
        raise DocumentError(f"more than {MAX_CERTIFICATES} certificates")
    digest = _digest_for(signer.suite)
    attributes = (
        _attribute(oids.CONTENT_TYPE, object_identifier(oids.CMS_DATA)),
        _attribute(oids.SIGNING_TIME, time_choice(at)),
        _attribute(oids.MESSAGE_DIGEST, octet_string(_hash(digest, content))),
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
    signed_data = sequence(
        integer(1),
        set_of([digest_algorithm]),
        sequence(object_identifier(oids.CMS_DATA)),
        implicit(0, set_of({certificate, *chain})),
        set_of([signer_info]),
    )
    return sequence(object_identifier(oids.CMS_SIGNED_DATA), explicit(0, signed_data))


def check_signer(signer: SignerInfo, certificate: bytes, content: bytes) -> None:
    """Check that the certificate's key signed this content (RFC 5652 5.4 and 5.6).

    It says nothing about whether certificate, algorithm or time are to be accepted.

    Raises:
        DocumentError: it did not, or the parts of the signature contradict each other.
        EncodingError: the certificate cannot be read.
    """
    holder = parse_certificate(certificate)
    # 5.3: the signer identifier names the certificate.
    if not _identifies(signer, holder):
        raise DocumentError("the signature names another certificate", fault=_ALTERED)
    digest = _digest(signer.digest_oid)
    algorithm = effective_algorithm(signer)
    # 5.4: the digest of the content is one of the signed attributes.
    if not hmac.compare_digest(signer.message_digest, _hash(digest, content)):
        raise DocumentError("the content is not what was signed", fault=_ALTERED)
    _check_signing_certificate(signer, holder)
    # 5.6: the signature is over the DER of the attributes.
    signed = signer.signed_attributes
    if not verify_signature(holder.public_key, algorithm, signer.signature, signed):
        raise DocumentError("the signature is wrong", fault=_ALTERED)


def effective_algorithm(signer: SignerInfo) -> bytes:
    """AlgorithmIdentifier of the signature as a certificate would name it, DER.

    CMS may name only the key's algorithm, the digest standing beside it (RFC 3370 3.2).

    Raises:
        DocumentError: an unknown digest, or not the one of the signature algorithm.
    """
    digest = _digest(signer.digest_oid)
    if signer.signature_oid == oids.RSA_ENCRYPTION:
        return sequence(object_identifier(_RSA[digest]), NULL)
    if _DIGEST_OF_SIGNATURE.get(signer.signature_oid, digest) is not digest:
        raise DocumentError(
            "digest and signature algorithm contradict each other",
            fault=DocumentFault.ALGORITHMS_DISAGREE,
        )
    return signer.signature_algorithm


def _digest(oid: str) -> Digest:
    try:
        return _DIGESTS[oid]
    except KeyError:
        raise DocumentError(
            f"unknown digest algorithm {oid}", fault=DocumentFault.UNSUPPORTED
        ) from None


def _identifies(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.subject_key_identifier is not None:
        return signer.subject_key_identifier == certificate.subject_key_identifier
    named = (signer.issuer_der, signer.serial)
    return named == (certificate.issuer_der, certificate.serial)


def _check_signing_certificate(signer: SignerInfo, certificate: Certificate) -> None:
    """RFC 5035 section 3: the first hash is the signer's certificate's."""
    stated = signer.signing_certificate
    if stated is None:
        return
    if stated.certificate_hash != _hash(_digest(stated.digest_oid), certificate.raw):
        raise DocumentError(
            "the signature is bound to another certificate", fault=_ALTERED
        )


def _digest_for(suite: SignatureSuite) -> Digest:
    # RFC 9882 3.3: SHA-512 beside ML-DSA, which hashes for itself.
    return suite.digest or Digest.SHA512


def _hash(digest: Digest, data: bytes) -> bytes:
    return hashlib.new(digest.value, data).digest()


def _attribute(oid: str, value: bytes) -> bytes:
    return sequence(object_identifier(oid), set_of([value]))


def _signing_certificate(certificate: Certificate) -> bytes:
    """SigningCertificateV2 with one ESSCertIDv2; SHA-256 is its default hash."""
    directory_name = explicit(4, certificate.issuer_der)
    issuer_serial = sequence(sequence(directory_name), integer(certificate.serial))
    digest = octet_string(_hash(Digest.SHA256, certificate.raw))
    return sequence(sequence(sequence(digest, issuer_serial)))
