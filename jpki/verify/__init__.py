"""Is this signature to be trusted? Paths, revocation, documents, and the verdict.

The core of this package does no I/O and reads no clock: certificates, CRLs and OCSP
answers are handed in, with the instant to judge at. `jpki.verify.client` is the one
module that fetches. Whatever is missing, stale or not understood never leads to a
`Valid`.
"""

from jpki.verify.algorithms import AcceptAnyAlgorithm, AlgorithmPolicy, EraAlgorithms
from jpki.verify.anchors import TrustAnchor
from jpki.verify.evidence import AtHand, EvidenceSource, Gathered, Issued, Together
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import (
    Evidence,
    Indeterminate,
    Invalid,
    Outcome,
    SignerIdentity,
    Valid,
    Work,
)
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import LANGUAGES, Code, Reason
from jpki.verify.verifier import VerificationPolicy, Verifier

__all__ = [
    "LANGUAGES",
    "AcceptAnyAlgorithm",
    "AlgorithmPolicy",
    "AtHand",
    "Code",
    "EraAlgorithms",
    "Evidence",
    "EvidenceSource",
    "Gathered",
    "Indeterminate",
    "Invalid",
    "Issued",
    "Memory",
    "Outcome",
    "PathJob",
    "Pool",
    "Reason",
    "RevocationMode",
    "SignerIdentity",
    "Together",
    "TrustAnchor",
    "Valid",
    "VerificationPolicy",
    "Verifier",
    "Work",
    "verify_path",
]
