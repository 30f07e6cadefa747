"""What may come onto the shelf: only what the certificate's issuer stands for.

This is no judgement of a path. It keeps junk, which anybody on the way can send, from
staying where the truth would be asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.suites import Digest
from jpki.verify.evidence import Issued
from jpki.x509.certificate_lists import CertificateList
from jpki.x509.names import normalized
from jpki.x509.ocsp import BasicResponse, OCSPResponse, Unknown, cert_id
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature

__all__ = ["is_answer", "is_older", "is_signed_by"]

_DIGESTS = {digest.oid: digest for digest in Digest}


def is_signed_by(crl: CertificateList, wanted: Sequence[Issued]) -> bool:
    """Whether an issuer of these certificates signed the list."""
    issuer = normalized(crl.issuer)
    keys = {
        issued.issuer_key
        for issued in wanted
        if normalized(issued.certificate.issuer) == issuer
    }
    return any(
        _verifies(key, crl.signature_algorithm, crl.signature, crl.tbs) for key in keys
    )


def is_older(crl: CertificateList, than: CertificateList) -> bool:
    """Whether a list came before another that is about the same."""

    def scope(of: CertificateList) -> tuple[object, bytes | None, bool]:
        point = of.extension(oids.ISSUING_DISTRIBUTION_POINT)
        return normalized(of.issuer), point, of.delta_base is None

    def age(of: CertificateList) -> tuple[datetime, int]:
        return of.this_update, of.number or 0

    return scope(crl) == scope(than) and age(crl) < age(than)


def is_answer(response: OCSPResponse, issued: Issued, at: datetime) -> bool:
    """Whether the issuer, or who it let sign, says what holds of it now."""
    basic = response.basic
    if basic is None or not any(
        not isinstance(single.status, Unknown)
        and single.next_update is not None
        and single.this_update <= at < single.next_update
        and (digest := _DIGESTS.get(single.cert_id.hash_oid)) is not None
        and single.cert_id
        == cert_id(
            issued.certificate.issuer_der,
            issued.issuer_key,
            issued.certificate.serial,
            digest,
        )
        for single in basic.responses
    ):
        return False
    return any(
        _verifies(key, basic.signature_algorithm, basic.signature, basic.tbs)
        for key in (issued.issuer_key, *_delegates(basic, issued.issuer_key, at))
    )


def _delegates(basic: BasicResponse, issuer_key: bytes, at: datetime) -> list[bytes]:
    """Keys that the issuer has certified for OCSP signing now (RFC 6960 4.2.2.2)."""
    found = []
    for octets in basic.certificates:
        try:
            certificate = parse_certificate(octets)
            usage = certificate.extended_key_usage or ()
        except EncodingError:
            continue
        current = certificate.not_before <= at <= certificate.not_after
        if (
            current
            and oids.KP_OCSP_SIGNING in usage
            and _verifies(
                issuer_key,
                certificate.signature_algorithm,
                certificate.signature,
                certificate.tbs,
            )
        ):
            found.append(certificate.public_key)
    return found


def _verifies(
    key: bytes, algorithm: bytes, signature: bytes, message: bytes | memoryview
) -> bool:
    try:
        return verify_signature(key, algorithm, signature, message)
    except EncodingError:
        return False
