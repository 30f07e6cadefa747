"""What a portal has at hand to verify a signature of the reference PKI."""

from __future__ import annotations

from datetime import datetime, timedelta

from jpki.der.oids import ANY_POLICY
from jpki.documents.cms import sign_detached
from jpki.model.revocation import Revocation
from jpki.verify import EraAlgorithms, Pool, TrustAnchor, VerificationPolicy
from jpki.x509.parse import parse_certificate
from tests.support.reference_pki import Authority, ReferencePKI

__all__ = ["accepting", "anchor_of", "evidence", "moment", "signed"]


def moment(pki: ReferencePKI) -> datetime:
    """An instant at which CRLs and OCSP responses of the PKI are fresh."""
    return pki.at + timedelta(hours=1, minutes=5)


def anchor_of(pki: ReferencePKI) -> Authority:
    """The authority a portal trusts: the other prefecture's, where there are two."""
    return pki.a if pki.bridge is None else pki.b


def accepting(pki: ReferencePKI) -> VerificationPolicy:
    """The policy of a portal that trusts `anchor_of` only."""
    leaf = parse_certificate(pki.certificates["signature"])
    accepted = leaf.policies
    return VerificationPolicy(
        anchors=(TrustAnchor.of(anchor_of(pki).parsed),),
        policies=frozenset({accepted[0].oid if accepted else ANY_POLICY}),
        algorithms=EraAlgorithms(pki.era),
    )


def evidence(pki: ReferencePKI, *revoked: Revocation, ocsp: bool = True) -> Pool:
    """All authorities' certificates and CRLs, and the responder's answer."""
    authorities = [pki.a, pki.b, *([] if pki.bridge is None else [pki.bridge])]
    crls = [
        pki.crl(authority, *(revoked if authority is pki.a else ()))
        for authority in authorities
    ]
    return Pool.from_der(
        certificates=pki.certificates.values(),
        crls=crls,
        ocsp_responses=[pki.ocsp(*revoked)] if ocsp else [],
    )


def signed(pki: ReferencePKI, content: bytes, role: str = "signature") -> bytes:
    """The resident's detached signature."""
    return sign_detached(content, pki.certificates[role], pki.keys[role], moment(pki))
