"""Candidate paths from an end entity up to the anchors, through any mesh (RFC 4158).

Issuers are chosen by name and then by signature, never by name alone: an authority has
several generations of keys under one name, and a bridge has a certificate from each of
its members. Loops end because no authority's name and key may occur twice in a path;
dead ends are not entered because the distance of every name to an anchor is worked out
first. Where many certificates bear an issuer's name, which anybody can bring about, the
genuine ones are found from the anchors down.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Final

from jpki.der.reader import read_one
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.verify.anchors import TrustAnchor
from jpki.verify.budget import MAX_CROWD, MAX_PATH_LENGTH, MAX_PATIENCE, Budget
from jpki.verify.jobs import PathJob
from jpki.verify.reasons import Code, Reason
from jpki.verify.signatures import SignatureFacts
from jpki.verify.validation import CandidatePath, about
from jpki.x509.keys import inherit_parameters
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
        anchors = self._anchors.get(normalized(top.issuer), [])
        issuers = self._issuers(below) if len(below) < MAX_PATH_LENGTH else []
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

    def _issuers(self, below: tuple[Certificate, ...]) -> list[Certificate]:
        """Possible issuers that lead on, the most promising first.

        An authority's name and key stand in a path once. The end entity may share them
        with an authority above it: it issues nothing here.
        """
        certificate = below[-1]
        used = {_identity(other) for other in below[1:]}
        candidates = [
            candidate
            for candidate in self._job.pool.certificates(certificate.issuer)
            if _identity(candidate) not in used
            and candidate != below[0]
            and self._distance(candidate) < _UNREACHABLE
        ]
        if len(candidates) > MAX_CROWD or self._budget.steps > MAX_PATIENCE:
            candidates = [one for one in candidates if one.raw in self._genuine]
        if len(candidates) < 2:
            return candidates
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

    @cached_property
    def _genuine(self) -> frozenset[bytes]:
        """The certificates above the end entity to which an anchor's signatures lead.

        From the anchors down, each certificate is checked with the genuine keys of its
        issuer only: strangers cost one check each, however they are entangled.
        """
        issued_by: dict[Hashable, list[Certificate]] = {}
        for name in self._names_above:
            for certificate in self._job.pool.certificates(name):
                if self._distance(certificate) < _UNREACHABLE:
                    above = normalized(certificate.issuer)
                    issued_by.setdefault(above, []).append(certificate)
        waiting = [
            (name, anchor.public_key)
            for name, anchors in self._anchors.items()
            for anchor in anchors
        ]
        looked_into = set(waiting)
        found: set[bytes] = set()
        while waiting:
            issuer, key = waiting.pop()
            for certificate in issued_by.get(issuer, ()):
                if certificate.raw in found or not self._signed(certificate, key):
                    continue
                found.add(certificate.raw)
                try:
                    own_key = inherit_parameters(certificate.public_key, key)
                except EncodingError:
                    continue
                own = (normalized(certificate.subject), own_key)
                if own not in looked_into:
                    looked_into.add(own)
                    waiting.append(own)
        return frozenset(found)

    def _distance(self, certificate: Certificate) -> int:
        """How many authorities there are at least between this one and an anchor."""
        return self._distances.get(normalized(certificate.issuer), _UNREACHABLE)

    @cached_property
    def _distances(self) -> dict[Hashable, int]:
        """From each name above the end entity to the nearest anchor, by names alone."""
        issued_by: dict[Hashable, set[Hashable]] = {}
        for name in self._names_above:
            for above in self._job.pool.issuers(name):
                self._budget.node()
                issued_by.setdefault(normalized(above), set()).add(normalized(name))
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

    @cached_property
    def _names_above(self) -> list[Name]:
        """Every name that issued what is above the end entity, by names alone."""
        names = [self._job.end_entity.issuer]
        seen = {normalized(names[0])}
        for name in names:
            for above in self._job.pool.issuers(name):
                self._budget.node()
                if (key := normalized(above)) not in seen:
                    seen.add(key)
                    names.append(above)
        return names

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
