"""From options to evidence: files at hand, and the network where that is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jpki.cli.sign.evidence import collected
from jpki.cli.sign.orders import Collect, ValidationData
from jpki.der.oids import ANY_POLICY
from jpki.documents.signature import CheckedSignature
from jpki.model.eras import Era
from jpki.model.ports import Clock
from jpki.model.profiles import KeyUsage
from jpki.verify import (
    AtHand,
    EraAlgorithms,
    EvidenceSource,
    Pool,
    Together,
    TrustAnchor,
    VerificationPolicy,
)
from jpki.verify.client import OnlineEvidence
from jpki.verify.crls import RevocationList
from jpki.x509.ocsp import OCSPResponse
from jpki.x509.parse import Certificate

__all__ = ["collector"]

_SIGNING: Final = frozenset({KeyUsage.NON_REPUDIATION, KeyUsage.DIGITAL_SIGNATURE})


def collector(
    *,
    anchors: Sequence[Certificate],
    time_anchors: Sequence[Certificate],
    certificates: Sequence[Certificate],
    crls: Sequence[RevocationList],
    answers: Sequence[OCSPResponse],
    certificates_url: str | None,
    crls_url: str | None,
    ocsp_url: str | None,
    offline: bool,
    era: Era,
    clock: Clock,
) -> Collect:
    """What finds the validation data of a signature from all this."""
    held = AtHand(Pool(certificates, crls=crls, ocsp_responses=answers))

    def collect(signature: CheckedSignature) -> ValidationData:
        own = signature.holder
        policy = VerificationPolicy(
            anchors=tuple(map(TrustAnchor.of, anchors)),
            time_anchors=tuple(map(TrustAnchor.of, time_anchors)),
            # Which policies and which purpose will do is for the verifier to say.
            policies=frozenset({ANY_POLICY}),
            key_usage=(own.key_usage or frozenset()) & _SIGNING or _SIGNING,
            basic_information=False,
            algorithms=EraAlgorithms(era),
        )
        source: EvidenceSource = held
        if not offline:
            online = OnlineEvidence(
                certificates_url=certificates_url,
                crls_url=crls_url,
                ocsp_url=ocsp_url,
                clock=clock,
            )
            source = Together((held, online))
        return collected(signature, policy, source, clock())

    return collect
