"""A bare signature value, the certificate beside it: how a login answers a challenge.

There is nothing inside to read: which algorithm was used is found out by trying those
that the key can sign with. The bytes of a signature are right under one of them only.
"""

from __future__ import annotations

from jpki.documents.signature import CheckedSignature, Enclosed, Kind
from jpki.errors import DocumentError, DocumentFault
from jpki.model.suites import SUITES
from jpki.x509.keys import suite_fits
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature

__all__ = ["check_raw"]

MAX_SIGNATURE = 8192
"""Octets; ML-DSA-87 has 4,627."""


def check_raw(
    value: bytes,
    certificate: bytes,
    content: bytes,
    *,
    enclosed: Enclosed | None = None,
) -> CheckedSignature:
    """Check that the certificate's key signed this content.

    Args:
        value: the signature: PKCS#1 v1.5, ECDSA-Sig-Value or ML-DSA.
        certificate: DER.
        content: what was signed, such as the challenge of a login.
        enclosed: what else came along.

    Raises:
        DocumentError: it did not.
        EncodingError: the certificate cannot be read.
    """
    if len(value) > MAX_SIGNATURE:
        raise DocumentError(f"a signature of {len(value)} octets")
    holder = parse_certificate(certificate)
    key = holder.public_key
    fitting = [suite for suite in SUITES.values() if suite_fits(key, suite)]
    if not fitting:
        raise DocumentError(
            "no known suite has such a key", fault=DocumentFault.UNSUPPORTED
        )
    for suite in fitting:
        if verify_signature(key, suite.algorithm_identifier, value, content):
            return CheckedSignature(
                kind=Kind.RAW,
                holder=holder,
                algorithm=suite.algorithm_identifier,
                digests=frozenset({suite.digest.oid} if suite.digest else ()),
                value=value,
                enclosed=enclosed or Enclosed(),
            )
    raise DocumentError("the signature is wrong", fault=DocumentFault.ALTERED)
