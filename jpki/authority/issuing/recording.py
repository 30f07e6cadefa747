"""Recording citizens' certificates, those of several callers in one transaction.

Everything is looked up for all of them first, then each is judged and prepared, then
everything is written at once. The number of statements does not grow with the number
of callers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jpki.authority.agreeing.consent import Consent, redeem, usable_consent
from jpki.authority.agreeing.deeds import issuance
from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import subject_of
from jpki.authority.certifying.making import Signing, log_prepared, signing_key
from jpki.authority.certifying.serials import serials_for
from jpki.authority.issuing.drafting import Draft, Drafting, Wanted
from jpki.authority.office.identifiers import key_digest
from jpki.errors import CertificateLive, ConsentRequired, JpkiError, KeyRejected
from jpki.model.codes import ResidentCode
from jpki.model.purposes import Purpose
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationMove,
    ApplicationRecord,
    ApplicationStanding,
    ApplicationState,
    CertificateRecord,
    CertificateState,
)

__all__ = ["approval", "record_all"]


def approval(
    uow: AuthorityUnitOfWork, application: ApplicationRecord, at: datetime
) -> Consent:
    """What an approver agreed to, where issuance needs one.

    Raises:
        ConsentRequired: nobody was asked, or nobody agreed in time.
    """
    asked = uow.consents.newest(issuance(application.id).digest)
    if asked is None:
        raise ConsentRequired(
            f"nobody was asked to approve application {application.id}",
            hint="request the issuance, and have an approver agree",
        )
    return usable_consent(uow, asked, at)


def record_all(
    uow: AuthorityUnitOfWork, wanted: Sequence[Wanted]
) -> Sequence[Draft | JpkiError | None]:
    """Reserve serial numbers with the bytes to be signed; the caller commits.

    None where the world has moved on since the caller looked: the application is no
    longer waiting, an event has overtaken the items, or the serial number is taken.
    """
    looked = _Looked.up(uow, wanted)
    answers: list[Draft | JpkiError | None] = []
    free: dict[int, Signing] = {}
    for place, one in enumerate(wanted):
        answers.append(None)
        try:
            signing = looked.free(uow, one)
        except JpkiError as error:
            answers[place] = error
            continue
        if signing is not None:
            free[place] = signing
    numbers = _numbers(uow, [wanted[place] for place in free])
    taken = set(
        uow.certificates.states(
            (wanted[place].application.authority, number)
            for place, number in zip(free, numbers, strict=True)
        )
    )
    drafting = Drafting(uow)
    recorded: list[Draft] = []
    for (place, signing), number in zip(free.items(), numbers, strict=True):
        name = wanted[place].application.authority, number
        if name in taken:
            continue
        taken.add(name)
        try:
            made = drafting.draft(wanted[place], signing, number)
        except JpkiError as error:
            answers[place] = error
        else:
            answers[place] = made
            recorded.append(made)
    # From here on an error is everybody's: nothing of this may be half done.
    for made in recorded:
        _log(uow, made, looked.consents.get(made.wanted.application.id))
    if recorded:
        uow.certificates.reserve_all([one.pending for one in recorded])
        uow.applications.move_all([_issuing(one) for one in recorded])
        first = recorded[0].wanted
        seal_if_due(first.office, uow, first.at)
    return answers


def _numbers(uow: AuthorityUnitOfWork, wanted: Sequence[Wanted]) -> Sequence[int]:
    """A serial number for each, those of one authority out of one block."""
    numbers: dict[str, Iterator[int]] = {}
    for authority, count in Counter(o.application.authority for o in wanted).items():
        first = next(one for one in wanted if one.application.authority == authority)
        numbers[authority] = iter(
            serials_for(
                first.office, uow, authority, count, at=first.at, by=first.by.id
            )
        )
    return [next(numbers[one.application.authority]) for one in wanted]


def _issuing(one: Draft) -> ApplicationMove:
    return ApplicationMove(
        one.wanted.application.id,
        ApplicationState.ISSUING,
        one.wanted.at,
        one.pending.serial,
    )


def _log(uow: AuthorityUnitOfWork, one: Draft, consent: Consent | None) -> None:
    pending = one.pending
    if consent is not None:
        name = subject_of(pending.authority, pending.serial)
        redeem(uow, consent, outcome=name, at=one.wanted.at)
    log_prepared(uow, pending, one.findings)


@dataclass(kw_only=True, slots=True)
class _Looked:
    """What the books say about what is wanted, kept up as each is drafted."""

    position: int
    applications: Mapping[str, ApplicationStanding]
    signing: Mapping[tuple[str, datetime], Signing | JpkiError]
    keys: set[bytes]
    holders: Mapping[ResidentCode, Sequence[CertificateRecord]]
    revoked: frozenset[tuple[str, int]]
    busy: set[tuple[ResidentCode, Purpose]] = field(default_factory=set)
    """Whose certificate of which purpose is drafted already."""
    consents: dict[str, Consent] = field(default_factory=dict)
    """By application, where issuance needs one."""

    @classmethod
    def up(cls, uow: AuthorityUnitOfWork, wanted: Sequence[Wanted]) -> _Looked:
        """Ask the books once for all."""
        residents = {one.application.resident for one in wanted}
        holders = uow.certificates.of_residents(list(residents))
        held = [
            (one.authority, one.serial) for many in holders.values() for one in many
        ]
        signing: dict[tuple[str, datetime], Signing | JpkiError] = {}
        for one in wanted:
            name = one.application.authority, one.at
            if name not in signing:
                signing[name] = _signing(uow, one)
        digests = [key_digest(one.public_key) for one in wanted]
        return cls(
            position=uow.events.position(),
            applications=uow.applications.standings(
                one.application.id for one in wanted
            ),
            signing=signing,
            keys=set(uow.certificates.known_keys(digests)),
            holders=holders,
            revoked=uow.journal.among(held) if held else frozenset(),
        )

    def free(self, uow: AuthorityUnitOfWork, wanted: Wanted) -> Signing | None:
        """With what this may be certified now; None: look again.

        Raises:
            KeyRejected: its key has a certificate.
            CertificateLive: its holder has another certificate that lives on.
            ConsentError: an approver must agree first, and has not.
            OutsideSigningWindow, AlgorithmError: no key may sign this now.
        """
        application = wanted.application
        holder = application.resident, application.purpose
        standing = ApplicationStanding(ApplicationState.FILED, application.resident)
        if (
            self.applications.get(application.id) != standing
            or self.position > wanted.provided.as_of
            or holder in self.busy
        ):
            return None
        signing = self.signing[application.authority, wanted.at]
        if isinstance(signing, JpkiError):
            raise signing
        self._may_hold(application, wanted.at)
        if wanted.office.issuance_approval:
            self.consents[application.id] = approval(uow, application, wanted.at)
        digest = key_digest(wanted.public_key)
        if digest in self.keys:
            raise KeyRejected("reused", "this key has a certificate already")
        self.keys.add(digest)
        self.busy.add(holder)
        return signing

    def _may_hold(self, application: ApplicationRecord, at: datetime) -> None:
        for other in self.holders.get(application.resident, ()):
            if (
                other.kind.value == application.purpose.value
                and other.state is not CertificateState.ABANDONED
                and at <= other.not_after
                and (other.authority, other.serial) not in self.revoked
                and other.serial != application.renews
            ):
                raise CertificateLive(f"certificate {other.serial:x} lives on")


def _signing(uow: AuthorityUnitOfWork, wanted: Wanted) -> Signing | JpkiError:
    try:
        return signing_key(wanted.office, uow, wanted.application.authority, wanted.at)
    except JpkiError as error:
        return error
