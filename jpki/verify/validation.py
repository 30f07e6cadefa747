"""Path validation: RFC 5280 section 6.1 for one candidate path, step by step.

The clauses stand beside the code that carries them out. Revocation, 6.1.3 (a)(3), is
`jpki.verify.revocation`'s part and follows once everything else holds: what is certain
and cheap is said first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.verify.algorithms import require_algorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.budget import Budget
from jpki.verify.jobs import PathJob
from jpki.verify.name_constraints import NameConstraintState
from jpki.verify.policies import PolicyGraph
from jpki.verify.profile import check_profile
from jpki.verify.reasons import Code, Reason
from jpki.verify.refusal import Refused, Undecided
from jpki.verify.signatures import SignatureFacts
from jpki.verify.subject_names import bears_name, shown
from jpki.x509.keys import inherit_parameters
from jpki.x509.names import normalized, rfc4514
from jpki.x509.parse import Certificate

__all__ = [
    "CandidatePath",
    "PathProblem",
    "ValidatedPath",
    "about",
    "is_self_issued",
    "validate_path",
]

_PROCESSED: Final = frozenset(
    {
        oids.AUTHORITY_KEY_IDENTIFIER,
        oids.BASIC_CONSTRAINTS,
        oids.CERTIFICATE_POLICIES,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.EXTENDED_KEY_USAGE,
        oids.INHIBIT_ANY_POLICY,
        oids.ISSUER_ALT_NAME,
        oids.KEY_USAGE,
        oids.NAME_CONSTRAINTS,
        oids.OCSP_NOCHECK,
        oids.POLICY_CONSTRAINTS,
        oids.POLICY_MAPPINGS,
        oids.SUBJECT_ALT_NAME,
        oids.SUBJECT_KEY_IDENTIFIER,
    }
)
"""Extensions that may be critical: all others would be ignored, so they refuse."""

_SIGNS: Final = {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.NON_REPUDIATION}
_CONSISTENT: Final = {
    oids.KP_SERVER_AUTH: {
        KeyUsage.DIGITAL_SIGNATURE,
        KeyUsage.KEY_ENCIPHERMENT,
        KeyUsage.KEY_AGREEMENT,
    },
    oids.KP_CLIENT_AUTH: {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT},
    oids.KP_CODE_SIGNING: {KeyUsage.DIGITAL_SIGNATURE},
    oids.KP_EMAIL_PROTECTION: {
        *_SIGNS,
        KeyUsage.KEY_ENCIPHERMENT,
        KeyUsage.KEY_AGREEMENT,
    },
    oids.KP_TIME_STAMPING: _SIGNS,
    oids.KP_OCSP_SIGNING: _SIGNS,
}
"""Usages of which a key needs one to serve a purpose (RFC 5280 4.2.1.12)."""


@dataclass(frozen=True)
class CandidatePath:
    """An anchor and the certificates below it, the end entity last; nothing checked.

    What stands above the certificate at `level` is the certificate at `level - 1`, and
    the anchor above the first.
    """

    anchor: TrustAnchor
    certificates: tuple[Certificate, ...]

    @cached_property
    def _keys(self) -> tuple[bytes, ...]:
        """6.1.4 (d)-(f): the working public keys, from the anchor's down."""
        keys = [self.anchor.public_key]
        for certificate in self.certificates[:-1]:
            keys.append(inherit_parameters(certificate.public_key, keys[-1]))
        return tuple(keys)

    def key_above(self, level: int) -> bytes:
        """The key that must have signed the certificate at `level`.

        Raises:
            EncodingError: a key of the path cannot be read.
        """
        return self._keys[level]

    def name_above(self, level: int) -> Name:
        """Who must have issued the certificate at `level`."""
        holder = self.anchor if level == 0 else self.certificates[level - 1]
        return holder.name if isinstance(holder, TrustAnchor) else holder.subject

    def holder_above(self, level: int) -> Certificate | None:
        """The certificate of the issuer; None for an anchor that is a bare key."""
        if level == 0:
            return self.anchor.certificate
        return self.certificates[level - 1]

    def branch(self, level: int, certificate: Certificate) -> CandidatePath:
        """This path down to `level`, with another certificate as its end."""
        return CandidatePath(self.anchor, (*self.certificates[:level], certificate))


@dataclass(frozen=True, slots=True)
class ValidatedPath:
    """A path for which all of 6.1 holds, but for revocation and any `doubts`."""

    candidate: CandidatePath
    policies: frozenset[str]
    doubts: tuple[Reason, ...]
    """Algorithms that are past their time: not refused, not accepted either."""


class PathProblem(Exception):
    """A candidate path fails; the reason says where and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code.value)
        self.reason = reason


@dataclass(slots=True)
class _State:
    """The variables of 6.1.2 (a)-(f); the working key and issuer are in the path."""

    explicit_policy: int
    inhibit_any_policy: int
    policy_mapping: int
    max_path_length: int
    initial_policies: frozenset[str]
    policies_bind: bool = True
    graph: PolicyGraph = field(default_factory=PolicyGraph)
    names: NameConstraintState = field(default_factory=NameConstraintState)

    @property
    def must_have_policy(self) -> bool:
        """Whether a path that is valid under no policy is refused by now."""
        return self.policies_bind and self.explicit_policy <= 0


def validate_path(
    path: CandidatePath,
    job: PathJob,
    facts: SignatureFacts,
    budget: Budget,
    *,
    policies_bind: bool = True,
) -> ValidatedPath:
    """Carry out RFC 5280 6.1 on this path.

    Args:
        policies_bind: False leaves out 6.1.3 (f) and 6.1.5 (g), for certificates whose
            authority comes from their issuer alone.

    Raises:
        PathProblem: the path is not valid.
    """
    doubts: list[Reason] = []
    state = _initialize(path, job)
    state.policies_bind = policies_bind
    last = len(path.certificates) - 1
    policies: frozenset[str] = frozenset()
    for index, certificate in enumerate(path.certificates):
        with _locating(index + 1, certificate):
            _process(path, index, state, job, facts, budget)
            if index < last:
                _prepare_next(certificate, state, job)
            else:
                policies = _wrap_up(certificate, state, job)
            check_profile(certificate)
            try:
                require_algorithm(
                    job.algorithms,
                    certificate.signature_algorithm,
                    path.key_above(index),
                    job.at,
                )
            except Undecided as doubt:
                doubts.append(doubt.reason(about(certificate), index + 1))
    return ValidatedPath(path, policies, tuple(doubts))


def about(certificate: Certificate) -> dict[str, str]:
    """What a reason says about a certificate."""
    return {"subject": rfc4514(certificate.subject)}


@contextmanager
def _locating(position: int, certificate: Certificate) -> Iterator[None]:
    """Turn what a check raises into a problem that says which certificate it is."""
    try:
        yield
    except Refused as refusal:
        reason = refusal.reason(about(certificate), position)
        raise PathProblem(reason) from None
    except EncodingError as error:
        malformed = Refused(Code.MALFORMED_CERTIFICATE, problem=error.reason)
        reason = malformed.reason(about(certificate), position)
        raise PathProblem(reason) from None


def _initialize(path: CandidatePath, job: PathJob) -> _State:
    """6.1.2, and RFC 5937 section 3 where the anchor is a certificate."""
    length = len(path.certificates)
    state = _State(
        explicit_policy=0 if job.require_explicit_policy else length + 1,
        inhibit_any_policy=0 if job.inhibit_any_policy else length + 1,
        policy_mapping=0 if job.inhibit_policy_mapping else length + 1,
        max_path_length=length
        if job.max_path_length is None
        else min(length, job.max_path_length),
        initial_policies=job.initial_policies,
    )
    anchor = path.anchor.certificate
    if anchor is not None:
        with _locating(0, anchor):
            _check_validity(anchor, job)
            _refuse_unknown_critical(anchor)
            # As 6.1.4 (k): before version 3 a certificate could not say it, and being
            # an anchor is the word from elsewhere that is asked for there.
            constraints = anchor.basic_constraints
            if anchor.version == 3 and (constraints is None or not constraints.ca):
                raise Refused(Code.NOT_A_CA, "RFC 5937 3.2")
            _require_certificate_signing(anchor, "RFC 5937 3.2")
            check_profile(anchor)
            _check_purpose(anchor, job)
            _take_up_constraints(anchor, state)
            if anchor.policies is not None:
                asserted = frozenset(policy.oid for policy in anchor.policies)
                if oids.ANY_POLICY in job.initial_policies:
                    state.initial_policies = asserted
                elif oids.ANY_POLICY not in asserted:
                    state.initial_policies &= asserted
    return state


def _process(
    path: CandidatePath,
    index: int,
    state: _State,
    job: PathJob,
    facts: SignatureFacts,
    budget: Budget,
) -> None:
    """6.1.3: basic certificate processing."""
    certificate = path.certificates[index]
    is_last = index == len(path.certificates) - 1

    # (a)(1) The signature verifies with the working public key.
    if not facts.certificate_by(certificate, path.key_above(index), budget):
        raise Refused(Code.BAD_SIGNATURE, "RFC 5280 6.1.3(a)(1)")
    # (a)(2) The validity period includes the instant.
    _check_validity(certificate, job)
    # (a)(4) The issuer is the working issuer name.
    if normalized(certificate.issuer) != normalized(path.name_above(index)):
        raise Refused(Code.NO_PATH, "RFC 5280 6.1.3(a)(4)")
    # (b), (c) Names are permitted; self-issued certificates on the way are exempt.
    self_issued = is_self_issued(certificate)
    if is_last or not self_issued:
        state.names.check(
            certificate.subject, certificate.subject_alternative_name, budget
        )
    # (d), (e) The policy graph goes one level deeper.
    policies = certificate.policies
    state.graph.add_certificate(
        None if policies is None else [policy.oid for policy in policies],
        any_policy_counts=state.inhibit_any_policy > 0 or (not is_last and self_issued),
    )
    # (f) If a policy is required by now, one must be left.
    if state.must_have_policy and state.graph.is_null:
        raise Refused(Code.POLICY_NOT_ACCEPTED, "RFC 5280 6.1.3(f)")


def _prepare_next(certificate: Certificate, state: _State, job: PathJob) -> None:
    """6.1.4: preparation for the certificate below."""
    # (a) anyPolicy is never mapped.
    mappings: dict[str, frozenset[str]] = {}
    for mapping in certificate.policy_mappings:
        if oids.ANY_POLICY in (mapping.issuer_policy, mapping.subject_policy):
            raise Refused(Code.POLICY_MAPPED_FROM_ANY, "RFC 5280 6.1.4(a)")
        known = mappings.get(mapping.issuer_policy, frozenset())
        mappings[mapping.issuer_policy] = known | {mapping.subject_policy}
    # (b) Policies are mapped, or lost where mapping is inhibited.
    state.graph.map_policies(mappings, mapping_allowed=state.policy_mapping > 0)
    # (h) Counters go down with each certificate that is not self-issued.
    self_issued = is_self_issued(certificate)
    if not self_issued:
        state.explicit_policy = max(0, state.explicit_policy - 1)
        state.policy_mapping = max(0, state.policy_mapping - 1)
        state.inhibit_any_policy = max(0, state.inhibit_any_policy - 1)
    # (k) It is an authority's certificate, and of version 3 to be able to say so.
    constraints = certificate.basic_constraints
    if certificate.version != 3 or constraints is None or not constraints.ca:
        raise Refused(Code.NOT_A_CA, "RFC 5280 6.1.4(k)")
    # (l) The path may still grow.
    if not self_issued:
        if state.max_path_length <= 0:
            raise Refused(Code.TOO_LONG, "RFC 5280 6.1.4(l)")
        state.max_path_length -= 1
    # (g), (i), (j), (m) Its own constraints bind what is below.
    _take_up_constraints(certificate, state)
    # (n) Its key may sign certificates.
    _require_certificate_signing(certificate, "RFC 5280 6.1.4(n)")
    # (o) Nothing critical is left unprocessed.
    _refuse_unknown_critical(certificate)
    _check_purpose(certificate, job)


def _take_up_constraints(certificate: Certificate, state: _State) -> None:
    """6.1.4 (g), (i), (j) and (m)."""
    if certificate.name_constraints is not None:
        state.names.constrain(certificate.name_constraints)  # (g)
    constraints = certificate.policy_constraints
    if constraints is not None:  # (i)
        if constraints.require_explicit_policy is not None:
            state.explicit_policy = min(
                state.explicit_policy, constraints.require_explicit_policy
            )
        if constraints.inhibit_policy_mapping is not None:
            state.policy_mapping = min(
                state.policy_mapping, constraints.inhibit_policy_mapping
            )
    if certificate.inhibit_any_policy is not None:  # (j)
        state.inhibit_any_policy = min(
            state.inhibit_any_policy, certificate.inhibit_any_policy
        )
    basic = certificate.basic_constraints
    if basic is not None and basic.path_length is not None:  # (m)
        state.max_path_length = min(state.max_path_length, basic.path_length)


def _wrap_up(certificate: Certificate, state: _State, job: PathJob) -> frozenset[str]:
    """6.1.5: what only the last certificate is asked. Returns the policies."""
    # (a) One certificate less until a policy is required.
    if state.explicit_policy > 0:
        state.explicit_policy -= 1
    # (b) Its own policy constraint may require one at once.
    constraints = certificate.policy_constraints
    if constraints is not None and constraints.require_explicit_policy == 0:
        state.explicit_policy = 0
    # (f) Nothing critical is left unprocessed.
    _refuse_unknown_critical(certificate)
    # (g) Some policy is left that the user accepts, if one is required.
    policies = state.graph.constrained_to(state.initial_policies)
    if state.must_have_policy and not policies:
        raise Refused(Code.POLICY_NOT_ACCEPTED, "RFC 5280 6.1.5(g)")
    _check_purpose(certificate, job)
    _check_usage(certificate, job)
    if job.name is not None and not bears_name(certificate, job.name):
        raise Refused(Code.NAME_MISMATCH, "RFC 9525 6", name=shown(job.name))
    return policies


def is_self_issued(certificate: Certificate) -> bool:
    """Whether issuer and subject are one name (RFC 5280 3.2), compared by 7.1."""
    return normalized(certificate.issuer) == normalized(certificate.subject)


def _check_validity(certificate: Certificate, job: PathJob) -> None:
    clause = "RFC 5280 6.1.3(a)(2)"
    if job.at < certificate.not_before:
        begins = f"{certificate.not_before:%Y-%m-%dT%H:%M:%SZ}"
        raise Refused(Code.NOT_YET_VALID, clause, not_before=begins)
    if job.at > certificate.not_after:
        ends = f"{certificate.not_after:%Y-%m-%dT%H:%M:%SZ}"
        raise Refused(Code.EXPIRED, clause, not_after=ends)


def _require_certificate_signing(certificate: Certificate, clause: str) -> None:
    usage = certificate.key_usage
    if usage is not None and KeyUsage.KEY_CERT_SIGN not in usage:
        raise Refused(Code.MAY_NOT_SIGN_CERTIFICATES, clause)


def _refuse_unknown_critical(certificate: Certificate) -> None:
    for extension in certificate.extensions.values():
        if extension.critical and extension.oid not in _PROCESSED:
            raise Refused(
                Code.UNKNOWN_CRITICAL_EXTENSION,
                "RFC 5280 6.1.4(o), 6.1.5(f)",
                extension=extension.oid,
            )


def _check_purpose(certificate: Certificate, job: PathJob) -> None:
    """RFC 5280 4.2.1.12; in an authority's certificate it bounds those below."""
    purposes = certificate.extended_key_usage
    if job.purpose is None or purposes is None:
        return
    if job.purpose not in purposes and oids.ANY_EXTENDED_KEY_USAGE not in purposes:
        raise Refused(Code.WRONG_PURPOSE, "RFC 5280 4.2.1.12", purpose=job.purpose)


def _check_usage(certificate: Certificate, job: PathJob) -> None:
    """4.2.1.12: a purpose must be consistent with the key usage, where there is one."""
    usage, consistent = certificate.key_usage, _CONSISTENT.get(job.purpose or "")
    if usage is not None and consistent is not None and usage.isdisjoint(consistent):
        raise Refused(Code.WRONG_PURPOSE, "RFC 5280 4.2.1.12", purpose=str(job.purpose))
