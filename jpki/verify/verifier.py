"""The portal's call: is this signed document good, and who signed it?

    Verifier(policy, evidence).verify(signature, content, at)

`VerificationPolicy` says what is asked; what could be forgotten there is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from jpki.der import oids
from jpki.der.oids import ANY_POLICY
from jpki.documents.cms import (
    SignedDocument,
    SignerInfo,
    check_signer,
    effective_algorithm,
    parse_signed_data,
)
from jpki.errors import DocumentError, EncodingError, JpkiError, RequestError
from jpki.model.profiles import KeyUsage
from jpki.verify.algorithms import AlgorithmPolicy, require_algorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.evidence import EvidenceSource, Issued
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.outcomes import (
    Indeterminate,
    Invalid,
    Outcome,
    SignerIdentity,
    Valid,
)
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused, Undecided
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath, about
from jpki.x509.parse import Certificate, parse_certificate

__all__ = ["VerificationPolicy", "Verifier"]

_ROUNDS: Final = 4
"""How often more evidence is asked for, when other paths come into question."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationPolicy:
    """What a document must fulfil to be accepted."""

    anchors: tuple[TrustAnchor, ...]
    policies: frozenset[str]
    """Accepted certificate policies, in the anchors' terms; anyPolicy accepts all."""
    algorithms: AlgorithmPolicy
    key_usage: frozenset[KeyUsage] = frozenset({KeyUsage.NON_REPUDIATION})
    """Every one of these must be in the signer's certificate."""
    basic_information: bool = True
    """The signer is a citizen: the certificate carries the four items (基本4情報)."""
    revocation: RevocationMode = RevocationMode.REQUIRE
    max_revocation_age: timedelta | None = None
    use_deltas: bool = True
    """Where a complete list says that there are deltas, one is asked for too."""

    def __post_init__(self) -> None:
        """Refuse a policy that asks for nothing.

        Raises:
            RequestError: no anchor, no policy or no key usage.
        """
        for what in ("anchors", "policies", "key_usage"):
            if not getattr(self, what):
                raise RequestError(f"a verification policy without {what}")


class Verifier:
    """Verifies documents under one policy; may be shared and reused.

    Signature checks on authorities' certificates and CRLs are remembered, so that the
    next document of the same issuer costs little.
    """

    def __init__(self, policy: VerificationPolicy, evidence: EvidenceSource) -> None:
        self._policy = policy
        self._evidence = evidence
        self._facts = SignatureFacts()

    def verify(self, document: bytes, content: bytes | None, at: datetime) -> Outcome:
        """The verdict on a CMS signature.

        Args:
            document: SignedData in a ContentInfo, DER.
            content: what was signed; None where it is inside.
            at: the instant to judge at.

        Raises:
            RequestError: the instant has no time zone.
        """
        if at.tzinfo is None:
            raise RequestError("the instant to judge at has no time zone")
        # 1. The document is one signature over the content.
        try:
            signed, signer = _only_signer(document)
            content = _content(signed, content)
            certificate = _signed_by(signed, signer, content)
        except Refused as refusal:
            return Invalid(at=at, reason=refusal.reason())
        # 2. The signer's certificate leads to an anchor and is not revoked.
        outcome = self._verify_path(signed, certificate, at)
        # 3. It is a certificate for this, of somebody who may sign.
        return self._check_signer(outcome, signer, certificate)

    def _verify_path(
        self, signed: SignedDocument, certificate: Certificate, at: datetime
    ) -> Outcome:
        gathered = self._evidence.certificates()
        notes = gathered.notes
        enclosed = Pool.from_der(certificates=signed.certificates)
        pool = Pool(beneath=(enclosed, gathered.pool))
        policy = self._policy
        job = PathJob(
            anchors=policy.anchors,
            end_entity=certificate,
            at=at,
            algorithms=policy.algorithms,
            pool=pool,
            revocation=RevocationMode.NONE,
            use_deltas=policy.use_deltas,
            max_revocation_age=policy.max_revocation_age,
            initial_policies=policy.policies,
            require_explicit_policy=ANY_POLICY not in policy.policies,
        )
        # Only what stands on a path that holds otherwise is asked about: nobody is
        # sent to an address that a stranger wrote into a certificate.
        outcome = verify_path(job, self._facts)
        if policy.revocation is RevocationMode.NONE or not isinstance(outcome, Valid):
            return replace(outcome, notes=notes)
        asked: set[str] = set()
        for _ in range(_ROUNDS):
            wanted = [
                issued
                for issued in _issued(outcome)
                if issued.certificate.fingerprint not in asked
            ]
            if not wanted:
                break
            asked |= {issued.certificate.fingerprint for issued in wanted}
            gathered = self._evidence.revocation(wanted)
            notes += gathered.notes
            pool = Pool(beneath=(gathered.pool, pool))
            job = replace(job, pool=pool, revocation=policy.revocation)
            outcome = verify_path(job, self._facts)
            if isinstance(outcome, Valid):
                break
        return replace(outcome, notes=notes)

    def _check_signer(
        self, outcome: Outcome, signer: SignerInfo, certificate: Certificate
    ) -> Outcome:
        outcome = replace(outcome, signer=_identity(certificate))
        if not isinstance(outcome, Valid):
            return outcome
        try:
            self._require(certificate, signer, outcome.at)
        except Undecided as doubt:
            return _turned_down(outcome, Indeterminate, doubt, certificate)
        except Refused as refusal:
            return _turned_down(outcome, Invalid, refusal, certificate)
        except EncodingError as error:
            malformed = Refused(Code.MALFORMED_CERTIFICATE, problem=error.reason)
            return _turned_down(outcome, Invalid, malformed, certificate)
        return outcome

    def _require(
        self, certificate: Certificate, signer: SignerInfo, at: datetime
    ) -> None:
        policy = self._policy
        lacking = policy.key_usage - (certificate.key_usage or frozenset())
        if lacking:
            labels = ", ".join(sorted(bit.label for bit in lacking))
            raise Refused(Code.KEY_USAGE_MISSING, "RFC 5280 4.2.1.3", usage=labels)
        # Items that cannot be read are an error even where none are asked for.
        if certificate.basic_attributes is None and policy.basic_information:
            raise Refused(Code.NOT_A_CITIZEN)
        algorithm = effective_algorithm(signer)
        require_algorithm(policy.algorithms, algorithm, certificate.public_key, at)


def _only_signer(document: bytes) -> tuple[SignedDocument, SignerInfo]:
    try:
        signed = parse_signed_data(document)
    except (DocumentError, EncodingError) as error:
        raise _unreadable(error) from None
    if signed.content_type != oids.CMS_DATA:
        raise Refused(
            Code.MALFORMED_DOCUMENT, "RFC 5652 4", problem=signed.content_type
        )
    if not signed.signers:
        raise Refused(Code.NO_SIGNER)
    if len(signed.signers) > 1:
        raise Refused(Code.SEVERAL_SIGNERS, count=str(len(signed.signers)))
    return signed, signed.signers[0]


def _content(signed: SignedDocument, content: bytes | None) -> bytes:
    """What was signed; where it is both inside and handed in, the two are the same."""
    if content is None and signed.content is None:
        raise Refused(Code.NO_CONTENT)
    if content is None:
        content = signed.content
    elif signed.content is not None and signed.content != content:
        raise Refused(Code.DOCUMENT_ALTERED, problem="another content is inside")
    assert content is not None
    return content


def _signed_by(
    signed: SignedDocument, signer: SignerInfo, content: bytes
) -> Certificate:
    """The enclosed certificate whose key made the signature."""
    problem: Refused | None = None
    for data in signed.certificates:
        try:
            certificate = parse_certificate(data)
        except EncodingError:
            continue
        if not _is_named(signer, certificate):
            continue
        try:
            check_signer(signer, data, content)
        except (DocumentError, EncodingError) as error:
            problem = Refused(
                Code.DOCUMENT_ALTERED, "RFC 5652 5.6", problem=error.message
            )
            continue
        return certificate
    raise problem or Refused(Code.NO_SIGNER_CERTIFICATE, "RFC 5652 5.3")


def _is_named(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.issuer_der is not None:
        named = (signer.issuer_der, signer.serial)
        return named == (certificate.issuer_der, certificate.serial)
    try:
        return signer.subject_key_identifier == certificate.subject_key_identifier
    except EncodingError:
        return False


def _issued(outcome: Outcome) -> list[Issued]:
    if outcome.anchor is None:
        return []
    path = CandidatePath(outcome.anchor, outcome.path)
    return [
        Issued(certificate=certificate, issuer_key=path.key_above(level))
        for level, certificate in enumerate(outcome.path)
    ]


def _unreadable(error: JpkiError) -> Refused:
    return Refused(Code.MALFORMED_DOCUMENT, "RFC 5652", problem=error.message)


def _identity(certificate: Certificate) -> SignerIdentity:
    try:
        attributes = certificate.basic_attributes
    except EncodingError:
        attributes = None
    return SignerIdentity(certificate=certificate, attributes=attributes)


def _turned_down(
    outcome: Valid,
    kind: type[Invalid | Indeterminate],
    refusal: Refused,
    certificate: Certificate,
) -> Outcome:
    """A path that holds, of a signer who does not do."""
    return kind(
        at=outcome.at,
        reason=refusal.reason(about(certificate)),
        anchor=outcome.anchor,
        path=outcome.path,
        policies=outcome.policies,
        evidence=outcome.evidence,
        work=outcome.work,
        signer=outcome.signer,
        notes=outcome.notes,
    )
