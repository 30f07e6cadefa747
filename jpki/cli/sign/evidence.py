"""What shows that a signature is valid: judged first, then what that rests on."""

from __future__ import annotations

import hashlib
from datetime import datetime

from jpki.cli.sign.orders import ValidationData
from jpki.documents.signature import CheckedSignature
from jpki.errors import DocumentError
from jpki.verify import EvidenceSource, Valid, VerificationPolicy, Verifier
from jpki.verify.watching import Seen

__all__ = ["collected"]


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
    seen = Seen()
    outcome = Verifier(policy, source).judge(signature, at, seen=seen)
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
    subjects = (*outcome.path, *(proof.authority for proof in outcome.proofs))
    used = (*outcome.evidence, *(e for proof in outcome.proofs for e in proof.evidence))
    wanted = {item.fingerprint for item in used}
    return ValidationData(
        certificates=tuple(certificate.raw for certificate in subjects),
        crls=tuple(
            bytes(found.crl.raw)
            for fingerprint, found in seen.crls.items()
            if fingerprint in wanted
        ),
        ocsp_responses=tuple(
            answer
            for answer in seen.ocsp_responses
            if hashlib.sha256(answer).hexdigest() in wanted
        ),
    )
