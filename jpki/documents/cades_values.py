"""Certificates and revocation data in unsigned attributes (RFC 5126 6.3.3 and 6.3.4).

Long-term signatures of before EN 319 122 (CAdES-X-L, JIS X 5092) keep them there; now
they stand beside the CRLs. They help the verifier, and nobody vouches for them.
"""

from __future__ import annotations

from typing import Final

from jpki.der import oids
from jpki.der.reader import Element, read_one
from jpki.documents.signature import Enclosed
from jpki.documents.signed_data import (
    MAX_CERTIFICATES,
    MAX_REVOCATIONS,
    SignedDocument,
    SignerInfo,
    whole_response,
)
from jpki.errors import EncodingError

__all__ = ["enclosed_in"]

_SEQUENCE: Final = 0x30
_CRLS, _OCSP, _OTHER = 0xA0, 0xA1, 0xA2


def enclosed_in(
    signed: SignedDocument, signer: SignerInfo
) -> tuple[Enclosed, tuple[str, ...]]:
    """All that the sender put in to help, and notes on what cannot be read."""
    if not signer.unsigned_attributes:
        return Enclosed(
            certificates=signed.certificates,
            crls=signed.crls,
            ocsp_responses=signed.ocsp_responses,
        ), ()
    certificates, crls = [*signed.certificates], [*signed.crls]
    answers, notes = [*signed.ocsp_responses], list[str]()
    for value in signer.unsigned_attributes.get(oids.CERTIFICATE_VALUES, ()):
        try:
            certificates += _listed(read_one(value, _SEQUENCE), MAX_CERTIFICATES)
        except EncodingError as error:
            notes.append(f"certificate-values: {error.message}")
    for value in signer.unsigned_attributes.get(oids.REVOCATION_VALUES, ()):
        try:
            fields = read_one(value, _SEQUENCE).enter()
            lists, basics = fields.optional(_CRLS), fields.optional(_OCSP)
            fields.optional(_OTHER)
            fields.finish()
            if lists is not None:
                crls += _listed(lists.inside(), MAX_REVOCATIONS)
            if basics is not None:
                found = _listed(basics.inside(), MAX_REVOCATIONS)
                answers += map(whole_response, found)
        except EncodingError as error:
            notes.append(f"revocation-values: {error.message}")
    return (
        Enclosed(
            certificates=tuple(certificates),
            crls=tuple(crls),
            ocsp_responses=tuple(answers),
        ),
        tuple(notes),
    )


def _listed(element: Element, limit: int) -> list[bytes]:
    fields, found = element.expect(_SEQUENCE).enter(), list[bytes]()
    while fields:
        if len(found) == limit:
            raise EncodingError(f"more than {limit}", offset=element.start)
        found.append(fields.next(_SEQUENCE).raw)
    return found
