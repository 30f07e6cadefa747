"""What certificates in the books name as the place of their list."""

from __future__ import annotations

from jpki.der import oids
from jpki.der.reader import read_one
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import normalized
from jpki.x509.parse import (
    TBSCertificate,
    parse_certificate,
    parse_tbs_certificate,
)

__all__ = ["named_point"]


def named_point(certificate: bytes | None, tbs: bytes | None) -> bytes | None:
    """The DistributionPointName (RFC 5280 4.2.1.13) that a certificate names, DER.

    None where it names none, or the complete list by its issuer's own name.

    Args:
        certificate: whole; or None while it is not signed.
        tbs: what is to be signed, while it is not.

    Raises:
        EncodingError: neither is a certificate.
    """
    if certificate is None and tbs is None:
        return None
    read: TBSCertificate = (
        parse_tbs_certificate(tbs or b"")
        if certificate is None
        else parse_certificate(certificate)
    )
    value = read.extension(oids.CRL_DISTRIBUTION_POINTS)
    if value is None:
        return None
    issuer = normalized(read.issuer)
    for name in read.crl_distribution_points[0].full_name:
        if isinstance(name, DirectoryName) and normalized(name.name) == issuer:
            return None
    point = read_one(value, 0x30).enter().next(0x30).enter().optional(0xA0)
    return None if point is None else point.raw
