"""The CRL of an authority whose certificates are verified."""

from __future__ import annotations

import random
from datetime import timedelta

from benchmarks.issue_work import NOT_BEFORE, VALUES, Work
from jpki import data
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509.crls import prepare_crl
from jpki.x509.issuers import IssuerView, assemble
from jpki.x509.parse import parse_certificate

__all__ = ["crl_of"]


def crl_of(work: Work, revoked: int) -> bytes:
    """A list of so many serial numbers, none of them of the certificates."""
    chance = random.Random(revoked)
    certificate = parse_certificate(work.authority())
    issuer = IssuerView(
        name=certificate.subject,
        alternative_name=data.topology().governor_alternative_name(
            data.prefectures()["13"]
        ),
        key_identifier=certificate.subject_key_identifier or b"",
        certificate_issuer=certificate.issuer,
        certificate_serial=certificate.serial,
        suite=work.suite,
    )
    prepared = prepare_crl(
        data.crl_profile("crl"),
        issuer=issuer,
        number=1,
        this_update=NOT_BEFORE + timedelta(days=1),
        next_update=NOT_BEFORE + timedelta(days=3),
        entries=[
            Revocation(
                serial=1 << 71 | chance.getrandbits(70),
                at=NOT_BEFORE,
                reason=RevocationReason.AFFILIATION_CHANGED,
            )
            for _ in range(revoked)
        ],
        values=VALUES,
    )
    return assemble(prepared.tbs, work.suite, work.signer.sign(prepared.tbs))
