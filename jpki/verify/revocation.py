"""Is a certificate on a path revoked? The decision over all statements at hand.

A statement counts only if it is authentic (made by an authority above the certificate
on the very path under judgement, or by someone whom such an authority certified for
it), current at the instant, and about this certificate. One that says `revoked`
outweighs any that say `good`; so does one that is outdated, over what is older still.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.revocation import RevocationReason
from jpki.verify.budget import MAX_DELEGATION_DEPTH, Budget
from jpki.verify.crl_statements import crl_statements
from jpki.verify.crls import ALL_REASONS
from jpki.verify.jobs import ANY_POLICY_SET, PathJob, RevocationMode
from jpki.verify.ocsp_statements import ocsp_statements
from jpki.verify.reasons import Code
from jpki.verify.refusal import Refused, Undecided
from jpki.verify.signatures import SignatureFacts
from jpki.verify.statements import Delegate, Statement, looks_back
from jpki.verify.validation import CandidatePath, PathProblem, validate_path
from jpki.x509.names import normalized

__all__ = ["CertificateStatus", "RevocationChecker"]

_HOLD: Final = RevocationReason.CERTIFICATE_HOLD.label


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateStatus:
    """What is known about one certificate of a path."""

    statements: tuple[Statement, ...] = ()
    problem: Refused | None
    """None: it is not revoked, or nothing was asked. `Undecided` where unknown."""


class RevocationChecker:
    """Decides for one job. Implements the `Context` of the statements' readers."""

    def __init__(self, job: PathJob, facts: SignatureFacts, budget: Budget) -> None:
        self.job = job
        self.facts = facts
        self.budget = budget
        self._delegate_job = replace(
            job,
            initial_policies=ANY_POLICY_SET,
            require_explicit_policy=False,
            max_path_length=None,
            purpose=None,
            name=None,
            known_at=None,
        )
        self._pending: set[str] = set()
        self._speakers: dict[tuple[tuple[str, ...], datetime, bool], bool] = {}
        self._delegates: dict[Hashable, tuple[Delegate, ...]] = {}

    def check(self, path: CandidatePath) -> tuple[CertificateStatus, ...]:
        """The status of every certificate of a validated path, from the top."""
        return tuple(
            self._status(path, index) for index in range(len(path.certificates))
        )

    def delegates(
        self, path: CandidatePath, index: int, name: Name
    ) -> tuple[Delegate, ...]:
        """Whom the authorities of this path certified under this name.

        Found out once: however many strangers of that name are at hand, and however
        many lists they signed, each certificate's signature is checked once.
        """
        above = tuple(path.key_above(level) for level in range(index + 1))
        known = self._delegates.get(key := (normalized(name), above))
        if known is None:
            known = self._delegates[key] = tuple(
                (certificate, level)
                for certificate in self.job.pool.certificates(name)
                for level in range(index + 1)
                if normalized(certificate.issuer) == normalized(path.name_above(level))
                and self.facts.certificate_by(certificate, above[level], self.budget)
            )
        return known

    def may_speak(
        self, path: CandidatePath, at: datetime, *, as_responder: bool = False
    ) -> bool:
        """Whether the last certificate of this path is valid and not revoked.

        Its own status must not hang on what it says itself: while it is being looked
        into, nothing it signed counts.

        Args:
            at: when the statement was made, or the job's instant.
            as_responder: for OCSP. RFC 6960 4.2.2.2 asks that the issuer certified it,
                not under which policy; and with nocheck, its status is not asked.
        """
        delegate = path.certificates[-1]
        if delegate.fingerprint in self._pending:
            return False
        if len(self._pending) >= MAX_DELEGATION_DEPTH:
            return False
        fingerprints = tuple(c.fingerprint for c in path.certificates)
        route = (fingerprints, at, as_responder)
        if not self._pending and route in self._speakers:
            return self._speakers[route]
        self.budget.delegation()
        self._pending.add(delegate.fingerprint)
        try:
            answer = self._may_speak(path, at, as_responder)
        finally:
            self._pending.discard(delegate.fingerprint)
        if not self._pending:
            self._speakers[route] = answer
        return answer

    def _may_speak(self, path: CandidatePath, at: datetime, as_responder: bool) -> bool:
        try:
            validated = validate_path(
                path,
                replace(self._delegate_job, at=at),
                self.facts,
                self.budget,
                policies_bind=not as_responder,
            )
        except PathProblem:
            return False
        if validated.doubts:
            return False
        nocheck = oids.OCSP_NOCHECK in path.certificates[-1].extensions
        if as_responder and nocheck:
            return True
        # Whoever speaks of the past is asked about it all: a revocation counts whenever
        # it came.
        status = self._status(path, len(path.certificates) - 1, past=False)
        return status.problem is None

    def _status(
        self, path: CandidatePath, index: int, *, past: bool = True
    ) -> CertificateStatus:
        if self.job.revocation is RevocationMode.NONE:
            return CertificateStatus(problem=None)
        try:
            statements = [
                *ocsp_statements(self, path, index),
                *crl_statements(self, path, index),
            ]
        except EncodingError as error:
            malformed = Refused(Code.MALFORMED_CERTIFICATE, problem=error.reason)
            return CertificateStatus(problem=malformed)
        return CertificateStatus(
            statements=tuple(statements),
            problem=self._problem(statements, past),
        )

    def _binds(self, statement: Statement) -> bool:
        """Whether a revocation counts at the job's instant.

        A statement that looks back may tell of one that came later. One of that time
        that gives a later instant is not argued with: whatever is listed is revoked.
        """
        at = statement.revoked_at
        return (
            at is None
            or at <= self.job.at
            or not looks_back(self.job, statement.this_update)
        )

    def _problem(self, statements: list[Statement], past: bool) -> Refused | None:
        current = [statement for statement in statements if statement.current]
        for statement in current:
            if statement.revoked_at is not None and (
                not past or self._binds(statement)
            ):
                return _revoked(statement, statement.revoked_at)
        if (newer := self._newer_than_good(statements, past)) is not None:
            return newer
        if _cover_all(current):
            return None
        if not statements and self.job.revocation is RevocationMode.IF_PRESENT:
            return None
        for found in statements:
            if found.problem is not None:
                return _outdated(found)
        stale = [found for found in statements if not found.current]
        if stale:
            return _outdated(max(stale, key=lambda found: found.this_update))
        return Undecided(Code.NO_REVOCATION_DATA)

    def _newer_than_good(
        self, statements: list[Statement], past: bool
    ) -> Refused | None:
        """What an outdated statement says against those that are current and older.

        Revocations are for good, so one is believed from a list that has expired; a
        hold may have been lifted since, and nobody knows.
        """
        current = [found for found in statements if found.current]
        for found in statements:
            if (
                found.current
                or found.revoked_at is None
                or (past and not self._binds(found))
                or _cover_all(
                    newer for newer in current if newer.this_update > found.this_update
                )
            ):
                continue
            if found.problem is None and found.revocation_reason != _HOLD:
                return _revoked(found, found.revoked_at)
            if current:
                return _outdated(found)
        return None


def _cover_all(statements: Iterable[Statement]) -> bool:
    return frozenset[int]().union(*(one.covers for one in statements)) >= ALL_REASONS


def _revoked(statement: Statement, at: datetime) -> Refused:
    return Refused(
        Code.REVOKED,
        "RFC 6960 2.2" if statement.kind == "ocsp" else "RFC 5280 6.3.3",
        revoked_at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
        revocation_reason=statement.revocation_reason or "unspecified",
    )


def _outdated(statement: Statement) -> Undecided:
    if statement.problem is not None:
        return Undecided(
            Code.UNUSABLE_REVOCATION_DATA,
            "RFC 5280 5.2, 5.3",
            problem=statement.problem,
        )
    ends = statement.next_update
    return Undecided(
        Code.STALE_REVOCATION_DATA,
        next_update="–" if ends is None else f"{ends:%Y-%m-%dT%H:%M:%SZ}",
        this_update=f"{statement.this_update:%Y-%m-%dT%H:%M:%SZ}",
    )
