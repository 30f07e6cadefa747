"""Candidate paths from an end entity up to the anchors, through any mesh (RFC 4158).

Issuers are chosen by name and then by signature, never by name alone: an authority has
several generations of keys under one name, and a bridge has a certificate from each of
its members. Loops end because no name and key may occur twice in a path; dead ends are
not entered because the distance of every name to an anchor is worked out first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Final

from jpki.der.reader import read_one
from jpki.errors import EncodingError
from jpki.verify.anchors import TrustAnchor
from jpki.verify.budget import MAX_PATH_LENGTH, Budget
from jpki.verify.jobs import PathJob
from jpki.verify.reasons import Code, Reason
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath, about
from jpki.x509.names import normalized
from jpki.x509.parse import Certificate

__all__ = ["PathBuilder"]

_DSA: Final = "1.2.840.10040.4.1"

_UNREACHABLE: Final = MAX_PATH_LENGTH + 1


class PathBuilder:
    """The paths of one job, the most promising first. Every edge's signature holds."""

    def __init__(self, job: PathJob, facts: SignatureFacts, budget: Budget) -> None:
        self._job = job
        self._facts = facts
        self._budget = budget
        self._anchors: dict[Hashable, list[TrustAnchor]] = {}
        for anchor in job.anchors:
            self._anchors.setdefault(normalized(anchor.name), []).append(anchor)
        self.dead_end: Reason | None = None
        """Why the most promising certificate could not be led any further."""
        self._dead_end_rank = -1

    def paths(self) -> Iterator[CandidatePath]:
        """Every candidate path within the budget.

        Raises:
            WorkExceeded: there may be more, but looking for them costs too much.
        """
        yield from self._extend((self._job.end_entity,))

    def _extend(self, below: tuple[Certificate, ...]) -> Iterator[CandidatePath]:
        """`below` starts with the end entity; go on from its last certificate."""
        self._budget.step()
        top = below[-1]
        used = {_identity(certificate) for certificate in below}
        anchors = self._anchors.get(normalized(top.issuer), [])
        issuers = self._issuers(top, used) if len(below) < MAX_PATH_LENGTH else []
        led_on = False
        for anchor in anchors:
            if self._signed(top, anchor.public_key):
                led_on = True
                self._budget.path()
                yield CandidatePath(anchor, below[::-1])
        for issuer in issuers:
            if _awaits_parameters(issuer.public_key) or self._signed(
                top, issuer.public_key
            ):
                led_on = True
                yield from self._extend((*below, issuer))
        if not led_on:
            named = bool(anchors or issuers)
            self._note_dead_end(top, len(below), named=named)

    def _signed(self, certificate: Certificate, public_key: bytes) -> bool:
        return self._facts.certificate_by(certificate, public_key, self._budget)

    def _issuers(
        self, certificate: Certificate, used: set[tuple[Hashable, bytes]]
    ) -> list[Certificate]:
        """Possible issuers that lead on, the most promising first."""
        candidates = [
            candidate
            for candidate in self._job.pool.certificates(certificate.issuer)
            if _identity(candidate) not in used
            and self._distance(candidate) < _UNREACHABLE
        ]
        wanted = _wanted_key(certificate)
        return sorted(
            candidates,
            key=lambda candidate: (
                wanted is not None and _key_name(candidate) != wanted,
                not candidate.not_before <= self._job.at <= candidate.not_after,
                self._distance(candidate),
                candidate.raw,
            ),
        )

    def _distance(self, certificate: Certificate) -> int:
        """How many authorities there are at least between this one and an anchor."""
        return self._distances.get(normalized(certificate.issuer), _UNREACHABLE)

    @cached_property
    def _distances(self) -> dict[Hashable, int]:
        """From each name above the end entity to the nearest anchor, by names alone."""
        issued_by: dict[Hashable, set[Hashable]] = {}
        issuer = self._job.end_entity.issuer
        waiting = [issuer]
        seen = {normalized(issuer)}
        while waiting:
            name = waiting.pop()
            for certificate in self._job.pool.certificates(name):
                self._budget.node()
                above = normalized(certificate.issuer)
                issued_by.setdefault(above, set()).add(normalized(name))
                if above not in seen:
                    seen.add(above)
                    waiting.append(certificate.issuer)
        distances: dict[Hashable, int] = dict.fromkeys(self._anchors, 0)
        frontier = list(distances)
        for distance in range(1, MAX_PATH_LENGTH + 1):
            frontier = [
                below
                for above in frontier
                for below in issued_by.get(above, ())
                if distances.setdefault(below, distance) == distance
            ]
        return distances

    def _note_dead_end(self, top: Certificate, depth: int, *, named: bool) -> None:
        if (rank := 2 * named - (depth > 1)) <= self._dead_end_rank:
            return
        self._dead_end_rank = rank
        self.dead_end = Reason(
            code=Code.BAD_SIGNATURE if named else Code.NO_PATH,
            clause="RFC 5280 6.1.3(a)(1)" if named else "RFC 5280 6.1.3(a)(4)",
            data=about(top),
        )


def _identity(certificate: Certificate) -> tuple[Hashable, bytes]:
    return normalized(certificate.subject), certificate.public_key


def _awaits_parameters(public_key: bytes) -> bool:
    """A DSA key whose parameters come from above (6.1.4 (d)): checked with the path."""
    try:
        algorithm = read_one(public_key, 0x30).enter().next(0x30).enter()
        return algorithm.next().object_identifier() == _DSA and not algorithm
    except EncodingError:
        return False


def _wanted_key(certificate: Certificate) -> bytes | None:
    """authorityKeyIdentifier: a hint for the order in which issuers are tried."""
    try:
        identifier = certificate.authority_key_identifier
    except EncodingError:
        return None
    return None if identifier is None else identifier.key_identifier


def _key_name(certificate: Certificate) -> bytes | None:
    try:
        return certificate.subject_key_identifier
    except EncodingError:
        return None
