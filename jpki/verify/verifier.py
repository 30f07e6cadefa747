"""The portal's call: is this signed document good, and who signed it?

    Verifier(policy, evidence).verify(signature, content, at)

`VerificationPolicy` says what is asked; what could be forgotten there is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Final

from jpki.der.oids import ANY_POLICY, KP_TIME_STAMPING
from jpki.documents.kinds import check_document
from jpki.documents.raw import check_raw
from jpki.documents.signature import CheckedSignature, Content, Enclosed
from jpki.errors import DocumentError, EncodingError, RequestError
from jpki.model.key_usage import KeyUsage
from jpki.verify.algorithms import (
    AlgorithmPolicy,
    require_algorithm,
    require_digest,
)
from jpki.verify.anchors import TrustAnchor
from jpki.verify.evidence import AtHand, EvidenceSource, Issued
from jpki.verify.existence import proven_existence
from jpki.verify.jobs import ANY_POLICY_SET, PathJob, RevocationMode
from jpki.verify.memory import Memory
from jpki.verify.outcomes import (
    Indeterminate,
    Invalid,
    JudgedDocument,
    Outcome,
    Valid,
)
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused, Undecided
from jpki.verify.validation import CandidatePath, about
from jpki.verify.watching import Seen, WatchedPool
from jpki.x509.parse import Certificate

__all__ = ["VerificationPolicy", "Verifier", "refused_document"]

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
    time_anchors: tuple[TrustAnchor, ...] = ()
    """Whom to believe about time (時刻認証局). Without any, timestamps prove nothing:
    every signature is judged as if it had just been made."""
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

    def __init__(
        self,
        policy: VerificationPolicy,
        evidence: EvidenceSource,
        memory: Memory | None = None,
    ) -> None:
        """Take the policy, and where evidence comes from.

        Args:
            memory: shared with other verifiers, under whatever policy; otherwise this
                one has its own.
        """
        self._policy = policy
        self._evidence = evidence
        self._memory = Memory() if memory is None else memory
        self._asked: PathJob | None = None
        """What was asked about the last signer."""

    def verify(
        self,
        document: bytes,
        content: Content,
        at: datetime,
        *,
        seen: Seen | None = None,
    ) -> Outcome:
        """The verdict on a signed document.

        Args:
            document: a signature (CMS, DER), or a document that has it inside.
            content: what was signed; None where it is inside.
            at: the instant to judge at.
            seen: takes note of the evidence, for a record of the verdict.

        Raises:
            RequestError: the instant has no time zone.
        """
        _require_zone(at)
        # 1. The document is one signature over the content.
        try:
            signature = check_document(document, content)
        except (DocumentError, EncodingError) as error:
            return Invalid(at=at, reason=refused_document(error).reason())
        outcome = self.judge(signature, at, seen=seen)
        if isinstance(content, Mapping):
            # All that was handed in is covered, or the document was refused.
            return replace(outcome, covered=tuple(sorted(content)))
        return outcome

    def verify_raw(
        self,
        value: bytes,
        certificate: bytes,
        content: bytes,
        at: datetime,
        *,
        enclosed: Enclosed | None = None,
    ) -> Outcome:
        """The verdict on a bare signature value, such as the answer to a challenge.

        Args:
            value: the signature.
            certificate: of whoever says to have signed, DER.
            content: what was signed.
            at: the instant to judge at.
            enclosed: what else came along.

        Raises:
            RequestError: the instant has no time zone.
        """
        _require_zone(at)
        try:
            signature = check_raw(value, certificate, content, enclosed=enclosed)
        except (DocumentError, EncodingError) as error:
            return Invalid(at=at, reason=refused_document(error).reason())
        return self.judge(signature, at)

    def judge(
        self, signature: CheckedSignature, at: datetime, *, seen: Seen | None = None
    ) -> Outcome:
        """The verdict on a signature whose mathematics holds.

        Raises:
            RequestError: the instant has no time zone.
        """
        _require_zone(at)
        certificate = signature.holder
        policy, enclosed = self._policy, _enclosed(signature)
        # 2. It was there at this instant.
        existence = proven_existence(
            signature.timestamps if policy.time_anchors else (),
            at,
            policy.algorithms,
            lambda found, stamp, instant: self._verify_path(
                self._about_time(found, instant, at),
                found,
                (*enclosed, *_enclosed(stamp)),
                seen,
            ),
        )
        document = JudgedDocument(signature=signature, existence=existence)
        # 3. The signer's certificate led to an anchor then, and was not revoked.
        question = self._about_signer(certificate, existence.at, at)
        outcome = self._verify_path(question, certificate, enclosed, seen, document)
        if notes := (*signature.notes, *existence.notes):
            outcome = replace(outcome, notes=(*notes, *outcome.notes))
        # 4. It is a certificate for this, of somebody who may sign.
        outcome = _not_proven(self._check_signer(outcome, signature, certificate))
        return outcome if outcome.at == at else replace(outcome, at=at)

    def _about_signer(
        self, certificate: Certificate, instant: datetime, at: datetime
    ) -> PathJob:
        asked, policy = self._asked, self._policy
        # Equal instants may be written in different zones.
        if asked is None or asked.at is not instant or asked.known_at is not at:
            self._asked = asked = PathJob(
                anchors=policy.anchors,
                end_entity=certificate,
                at=instant,
                known_at=at,
                algorithms=policy.algorithms,
                revocation=policy.revocation,
                use_deltas=policy.use_deltas,
                max_revocation_age=policy.max_revocation_age,
                initial_policies=policy.policies,
                require_explicit_policy=ANY_POLICY not in policy.policies,
            )
        return asked

    def _about_time(
        self, authority: Certificate, instant: datetime, at: datetime
    ) -> PathJob:
        return PathJob(
            anchors=self._policy.time_anchors,
            end_entity=authority,
            at=instant,
            known_at=at,
            algorithms=self._policy.algorithms,
            revocation=self._policy.revocation,
            use_deltas=self._policy.use_deltas,
            purpose=KP_TIME_STAMPING,
            initial_policies=ANY_POLICY_SET,
        )

    def _verify_path(
        self,
        question: PathJob,
        certificate: Certificate,
        enclosed: tuple[Pool, ...],
        seen: Seen | None,
        document: JudgedDocument | None = None,
    ) -> Outcome:
        gathered = self._evidence.certificates()
        notes, pool = gathered.notes, gathered.pool
        if enclosed:
            pool = Pool(beneath=(*enclosed, pool))
        job = question.about(certificate, _watched(pool, seen))
        if isinstance(self._evidence, AtHand):
            # It has brought all that it has: what holds now would hold in the end.
            outcome = verify_path(job, self._memory, document)
            if isinstance(outcome, Valid):
                return replace(outcome, notes=notes) if notes else outcome
        # Only what stands on a path that holds otherwise is asked about: nobody is
        # sent to an address that a stranger wrote into a certificate.
        outcome = verify_path(
            replace(job, revocation=RevocationMode.NONE), self._memory, document
        )
        if job.revocation is RevocationMode.NONE or not isinstance(outcome, Valid):
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
            job = question.about(certificate, _watched(pool, seen))
            outcome = verify_path(job, self._memory, document)
            if isinstance(outcome, Valid):
                break
        return replace(outcome, notes=notes)

    def _check_signer(
        self, outcome: Outcome, signature: CheckedSignature, certificate: Certificate
    ) -> Outcome:
        if not isinstance(outcome, Valid):
            return outcome
        try:
            self._require(certificate, signature, outcome.at)
        except Undecided as doubt:
            return _turned_down(outcome, Indeterminate, doubt, certificate)
        except Refused as refusal:
            return _turned_down(outcome, Invalid, refusal, certificate)
        except EncodingError as error:
            malformed = Refused(Code.MALFORMED_CERTIFICATE, problem=error.reason)
            return _turned_down(outcome, Invalid, malformed, certificate)
        return outcome

    def _require(
        self, certificate: Certificate, signature: CheckedSignature, at: datetime
    ) -> None:
        policy = self._policy
        lacking = policy.key_usage - (certificate.key_usage or frozenset())
        if lacking:
            labels = ", ".join(sorted(bit.label for bit in lacking))
            raise Refused(Code.KEY_USAGE_MISSING, "RFC 5280 4.2.1.3", usage=labels)
        # Items that cannot be read are an error even where none are asked for.
        if certificate.basic_attributes is None and policy.basic_information:
            raise Refused(Code.NOT_A_CITIZEN)
        require_algorithm(
            policy.algorithms, signature.algorithm, certificate.public_key, at
        )
        for digest in sorted(signature.digests):
            require_digest(policy.algorithms, digest, at)


def _require_zone(at: datetime) -> None:
    if at.tzinfo is None:
        raise RequestError("the instant to judge at has no time zone")


def _watched(pool: Pool, seen: Seen | None) -> Pool:
    return pool if seen is None else WatchedPool(pool, seen)


def _enclosed(signature: CheckedSignature) -> tuple[Pool, ...]:
    """What came along with a signature; nothing where that is the signer's alone."""
    enclosed = signature.enclosed
    others = enclosed.certificates != (signature.certificate,)
    if not (others or enclosed.crls or enclosed.ocsp_responses):
        return ()
    pool = Pool.from_der(
        [signature.holder],
        certificates=enclosed.certificates,
        crls=enclosed.crls,
        ocsp_responses=enclosed.ocsp_responses,
    )
    return (pool,)


def _not_proven(outcome: Outcome) -> Outcome:
    """An expired certificate makes no signature wrong that was there before.

    Whether it was, nobody can tell without a timestamp: indeterminate, as of the day on
    which the certificate expired (ETSI EN 319 102-1 table 6, OUT_OF_BOUNDS_NO_POE).
    """
    if not isinstance(outcome, Invalid) or outcome.code is not Code.EXPIRED:
        return outcome
    values = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
    return Indeterminate(**values)


def _issued(outcome: Outcome) -> list[Issued]:
    if outcome.anchor is None:
        return []
    path = CandidatePath(outcome.anchor, outcome.path)
    return [
        Issued(certificate=certificate, issuer_key=path.key_above(level))
        for level, certificate in enumerate(outcome.path)
    ]


def refused_document(error: DocumentError | EncodingError) -> Refused:
    """Why there is no signature to judge."""
    if isinstance(error, DocumentError):
        return Refused(Code(f"document.{error.fault.value}"), problem=error.message)
    return Refused(Code.MALFORMED_DOCUMENT, problem=error.message)


def _turned_down(
    outcome: Valid,
    kind: type[Invalid | Indeterminate],
    refusal: Refused,
    certificate: Certificate,
) -> Outcome:
    """A path that holds, of a signer who does not do."""
    values = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
    return kind(**{**values, "reason": refusal.reason(about(certificate))})
