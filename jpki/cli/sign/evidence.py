"""What shows that a signature is valid: judged first, then what that rests on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from jpki.cli.sign.orders import ValidationData
from jpki.documents.signature import CheckedSignature
from jpki.errors import DocumentError
from jpki.verify import (
    EvidenceSource,
    Gathered,
    Issued,
    Outcome,
    Valid,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.outcomes import Evidence
from jpki.verify.pool import Pool
from jpki.x509.parse import Certificate

__all__ = ["collected"]


class _Watched:
    """A source that remembers what it brought."""

    def __init__(self, source: EvidenceSource) -> None:
        self._source = source
        self.brought: list[Pool] = []

    def certificates(self) -> Gathered:
        """From the source."""
        return self._kept(self._source.certificates())

    def revocation(self, wanted: Sequence[Issued]) -> Gathered:
        """From the source."""
        return self._kept(self._source.revocation(wanted))

    def _kept(self, gathered: Gathered) -> Gathered:
        self.brought.append(gathered.pool)
        return gathered


def collected(
    signature: CheckedSignature,
    policy: VerificationPolicy,
    source: EvidenceSource,
    at: datetime,
) -> ValidationData:
    """The certificates, CRLs and OCSP responses on which the verdict `valid` rests.

    Raises:
        DocumentError: it is not valid, or a timestamp proves nothing.
    """
    watched = _Watched(source)
    outcome = Verifier(policy, watched).judge(signature, at)
    notes = "; ".join(outcome.notes)
    if not isinstance(outcome, Valid):
        raise DocumentError(
            f"the new signature cannot be shown to be valid: "
            f"{outcome.reason.text('en')} {notes}".rstrip(),
            hint="give what is missing: --anchor, --certificates, --crl, --ocsp-url",
        )
    if len(outcome.proofs) < len(signature.timestamps):
        raise DocumentError(
            f"the timestamp proves nothing: {notes}",
            hint="give the authority's root with --time-anchor and its list with --crl",
        )
    pool = Pool(beneath=watched.brought)
    used = (*outcome.evidence, *(e for proof in outcome.proofs for e in proof.evidence))
    subjects = (*outcome.path, *(proof.authority for proof in outcome.proofs))
    return ValidationData(
        certificates=tuple(certificate.raw for certificate in subjects),
        crls=_crls(pool, subjects, used),
        ocsp_responses=_answers(pool, outcome, used),
    )


def _crls(
    pool: Pool, subjects: Sequence[Certificate], used: Sequence[Evidence]
) -> tuple[bytes, ...]:
    wanted = {item.fingerprint for item in used if item.kind == "crl"}
    found: dict[str, bytes] = {}
    for certificate in subjects:
        for name in (certificate.issuer, certificate.subject):
            for crl in pool.crls(name):
                if crl.fingerprint in wanted:
                    found[crl.fingerprint] = bytes(crl.crl.raw)
    return tuple(found.values())


def _answers(
    pool: Pool, outcome: Outcome, used: Sequence[Evidence]
) -> tuple[bytes, ...]:
    wanted = {item.fingerprint for item in used if item.kind == "ocsp"}
    subjects = (*outcome.path, *(proof.authority for proof in outcome.proofs))
    found: dict[str, bytes] = {}
    for certificate in subjects:
        for answer in pool.ocsp_responses(certificate.serial):
            fingerprint = hashlib.sha256(answer.raw).hexdigest()
            if fingerprint in wanted:
                found[fingerprint] = answer.raw
    return tuple(found.values())
