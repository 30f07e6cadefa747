"""The mathematics of one SignerInfo (RFC 5652 5.4, 5.6): whose key made it?

Nothing here says whether certificate, algorithm or time are to be accepted.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.der.writer import NULL, object_identifier, sequence, set_of
from jpki.documents.signed_data import SignerInfo
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.suites import SUITES, Digest
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.signatures import verify_signature

__all__ = [
    "check_signer",
    "digest_of",
    "effective_algorithm",
    "hash_of",
    "signing_certificate",
]

_HASHES: Final = {digest: getattr(hashlib, digest.value) for digest in Digest}
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


def signing_certificate(
    signer: SignerInfo, certificates: Iterable[bytes], content: bytes
) -> Certificate:
    """The one of these certificates whose key made the signature over the content.

    Raises:
        DocumentError: none of them; says why of the one that is named.
    """
    problem: DocumentError | None = None
    for data in certificates:
        try:
            certificate = parse_certificate(data)
        except EncodingError:
            continue
        if not _is_named(signer, certificate):
            continue
        try:
            _check(signer, certificate, content)
        except DocumentError as error:
            problem = error
        except EncodingError as error:
            problem = DocumentError(error.message, fault=_ALTERED)
        else:
            return certificate
    raise problem or DocumentError(
        "the signer's certificate is not inside",
        fault=DocumentFault.NO_SIGNER_CERTIFICATE,
    )


def check_signer(signer: SignerInfo, certificate: bytes, content: bytes) -> None:
    """Check that the certificate's key signed this content (RFC 5652 5.4 and 5.6).

    It says nothing about whether certificate, algorithm or time are to be accepted.

    Raises:
        DocumentError: it did not, or the parts of the signature contradict each other.
        EncodingError: the certificate cannot be read.
    """
    _check(signer, parse_certificate(certificate), content)


def _check(signer: SignerInfo, holder: Certificate, content: bytes) -> None:
    # 5.3: the signer identifier names the certificate.
    if not _identifies(signer, holder):
        raise DocumentError("the signature names another certificate", fault=_ALTERED)
    digest = digest_of(signer.digest_oid)
    algorithm = effective_algorithm(signer)
    # 5.4: the digest of the content is one of the signed attributes.
    if not hmac.compare_digest(signer.message_digest, hash_of(digest, content)):
        raise DocumentError("the content is not what was signed", fault=_ALTERED)
    _check_bindings(signer, holder)
    # 5.6: the signature is over the DER of the attributes. Some sign what they send,
    # others the DER, and send another order: it says nothing, so that is the same set.
    key, value, attributes = (
        holder.public_key,
        signer.signature,
        signer.signed_attributes,
    )
    if verify_signature(key, algorithm, value, attributes):
        return
    ordered = _in_order(attributes)
    if ordered == attributes or not verify_signature(key, algorithm, value, ordered):
        raise DocumentError("the signature is wrong", fault=_ALTERED)


def _in_order(attributes: bytes) -> bytes:
    """The attributes in the order that DER gives to a set."""
    fields, elements = read_one(attributes).enter(), list[bytes]()
    while fields:
        elements.append(fields.next().raw)
    return set_of(elements)


def effective_algorithm(signer: SignerInfo) -> bytes:
    """AlgorithmIdentifier of the signature as a certificate would name it, DER.

    CMS may name only the key's algorithm, the digest standing beside it (RFC 3370 3.2).

    Raises:
        DocumentError: an unknown digest, or not the one of the signature algorithm.
    """
    named = signer.digest_oid, signer.signature_oid, signer.signature_algorithm
    short = len(signer.signature_algorithm) <= _SHORT
    return (_effective if short else _effective.__wrapped__)(*named)


@lru_cache(maxsize=256)
def _effective(digest_oid: str, signature_oid: str, algorithm: bytes) -> bytes:
    digest = digest_of(digest_oid)
    if signature_oid == oids.RSA_ENCRYPTION:
        return sequence(object_identifier(_RSA[digest]), NULL)
    if _DIGEST_OF_SIGNATURE.get(signature_oid, digest) is not digest:
        raise DocumentError(
            "digest and signature algorithm contradict each other",
            fault=DocumentFault.ALGORITHMS_DISAGREE,
        )
    identifier = object_identifier(signature_oid)
    if algorithm == sequence(identifier) and signature_oid in _RSA.values():
        # RFC 5754 3.2, RFC 8017 A.2: NULL, and what leaves it out is accepted.
        return sequence(identifier, NULL)
    return algorithm


_SHORT: Final = 256
"""Octets of an AlgorithmIdentifier up to which it is remembered."""


def digest_of(oid: str) -> Digest:
    """The digest of this object identifier.

    Raises:
        DocumentError: none that is known.
    """
    try:
        return _DIGESTS[oid]
    except KeyError:
        raise DocumentError(
            f"unknown digest algorithm {oid}", fault=DocumentFault.UNSUPPORTED
        ) from None


def hash_of(digest: Digest, data: bytes) -> bytes:
    """The digest's octets."""
    octets: bytes = _HASHES[digest](data).digest()
    return octets


def _is_named(signer: SignerInfo, certificate: Certificate) -> bool:
    try:
        return _identifies(signer, certificate)
    except EncodingError:
        return False


def _identifies(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.subject_key_identifier is not None:
        return signer.subject_key_identifier == certificate.subject_key_identifier
    named = (signer.issuer_der, signer.serial)
    return named == (certificate.issuer_der, certificate.serial)


def _check_bindings(signer: SignerInfo, certificate: Certificate) -> None:
    """RFC 5035 section 3: the first hash is the signer's certificate's.

    A SHA-1 hash (RFC 2634) is no weaker here: another certificate would have to hold
    the same key, and be a second preimage.
    """
    for stated in signer.bindings:
        digest = digest_of(stated.digest_oid)
        # This one is asked for again, and computed once.
        own = digest is Digest.SHA256
        found = certificate.digest if own else hash_of(digest, certificate.raw)
        if not hmac.compare_digest(stated.certificate_hash, found):
            raise DocumentError(
                "the signature is bound to another certificate", fault=_ALTERED
            )
