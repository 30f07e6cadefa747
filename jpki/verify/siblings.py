"""Certificates that were made alike: what was found out of one holds for the next.

The certificates of one authority differ in serial number, validity, subject, key and
the few extensions that are the subscriber's own; everything else is the same octets,
and of these depend path, policies, purposes, and which CRLs count. Once all of that was
judged in full and found valid, a sibling need only be asked for what is its own: its
signature, its names, whether it is valid at the instant, and whether it is listed.

This can only confirm. Whatever is not confirmed here is judged in full elsewhere, so
no verdict but `Valid` comes from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jpki.der import oids
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob
from jpki.verify.pool import Pool
from jpki.verify.statements import Statement, outlives
from jpki.verify.validation import CandidatePath
from jpki.x509.names import normalized
from jpki.x509.parse import Certificate
from jpki.x509.quick_reading import are_general_names, quick_items

__all__ = ["Kin", "Siblings", "Told"]

Told = tuple[tuple[Certificate, Statement], ...]
"""Which statements are about which certificate, from the top."""

_CAPACITY: Final = 256
"""Kinds of certificates that are remembered; an authority in use has a few."""
_MAX_SERIAL_BITS: Final = 160
_NOBODY: Final = b"\x30\x00"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kin:
    """What holds for every certificate that was made like the first one."""

    question: tuple[object, ...]
    pools: tuple[Pool, ...]
    anchor: TrustAnchor
    above: tuple[Certificate, ...]
    """The path without its last certificate."""
    issuer_key: bytes
    policies: frozenset[str]
    above_told: Told
    """About the certificates above."""
    statements: tuple[Statement, ...]
    """Good of every certificate that their lists do not list."""

    def told(self, certificate: Certificate) -> Told:
        """What is said about this one as well, which is not listed."""
        own = [(certificate, statement) for statement in self.statements]
        return (*self.above_told, *own)


class Siblings:
    """Remembers kinds of certificates that led to `Valid`, by what is common to them.

    One instance may serve many verdicts and threads.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, ...], Kin] = {}

    def kin_of(self, job: PathJob) -> Kin | None:
        """What is known of the end entity's siblings, if it holds for this one too.

        All but its signature is checked then.
        """
        certificate = job.end_entity
        if certificate.likeness is None or job.name is not None:
            return None
        kin = self._known.get(certificate.likeness)
        if (
            kin is None
            or kin.question != job.question
            # Pools are equal only if they are the same.
            or kin.pools != job.pool.layers(certificate)
            or not certificate.not_before <= job.at <= certificate.not_after
            or not _is_plain(certificate)
            or _is_answered(kin, certificate)
        ):
            return None
        try:
            for statement in kin.statements:
                if outlives(job, statement.this_update, certificate):
                    return None
                for crl in statement.lists:
                    if crl.find(certificate) is not None:
                        return None
        except EncodingError:
            return None
        return kin

    def learn(
        self,
        job: PathJob,
        path: CandidatePath,
        policies: frozenset[str],
        above_told: Told,
        statements: tuple[Statement, ...],
    ) -> None:
        """Remember a path that led to `Valid`, where siblings can be told by it.

        Args:
            above_told: about the certificates above the last one.
            statements: about the last one.
        """
        certificate = job.end_entity
        holders = [*path.certificates[:-1]]
        if path.anchor.certificate is not None:
            holders.append(path.anchor.certificate)
        if (
            certificate.likeness is None
            or job.name is not None
            or any(oids.NAME_CONSTRAINTS in holder.extensions for holder in holders)
            or not all(_tells_of_others(one, certificate.subject) for one in statements)
        ):
            return
        while len(self._known) >= _CAPACITY:
            self._known.pop(next(iter(self._known)), None)
        self._known[certificate.likeness] = Kin(
            question=job.question,
            pools=job.pool.layers(certificate),
            anchor=path.anchor,
            above=path.certificates[:-1],
            issuer_key=path.key_above(len(path.certificates) - 1),
            policies=policies,
            above_told=above_told,
            statements=statements,
        )


def _is_plain(certificate: Certificate) -> bool:
    """Whether what is the subscriber's own is as the profile has it (section 4.1, 4.2).

    Names are not looked at otherwise: no authority above constrains them.
    """
    if (
        certificate.subject_der == _NOBODY
        or certificate.serial.bit_length() > _MAX_SERIAL_BITS
    ):
        return False
    identifier = certificate.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)
    if identifier is not None:
        value = identifier.value
        # An OCTET STRING whose length is one octet.
        if identifier.critical or not 2 <= len(value) < 0x82:
            return False
        if value[0] != 0x04 or value[1] != len(value) - 2:
            return False
    names = certificate.extensions.get(oids.SUBJECT_ALT_NAME)
    if names is None or quick_items(names.value) is not None:
        return True
    return are_general_names(names.value)


def _is_answered(kin: Kin, certificate: Certificate) -> bool:
    """Whether an OCSP response at hand may be about this very certificate."""
    return any(pool.answers(certificate.serial) for pool in kin.pools)


def _tells_of_others(statement: Statement, subject: Name) -> bool:
    """Whether this is a current list's silence, and the list not the subject's own."""
    return (
        statement.current
        and statement.revoked_at is None
        and bool(statement.lists)
        and all(
            normalized(crl.issuer) != normalized(subject) for crl in statement.lists
        )
    )
