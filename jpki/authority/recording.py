"""Recording citizens' certificates, those of several callers in one transaction.

Everything is looked up for all of them first, then each is judged, then everything is
written at once. The number of statements does not grow with the number of callers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jpki.authority.certifying import (
    issuer_view,
    log_prepared,
    signing_generation,
    subject_of,
)
from jpki.authority.checkpoints import seal_if_due
from jpki.authority.consent import Consent, redeem, usable_consent
from jpki.authority.deeds import issuance
from jpki.authority.office import Office
from jpki.errors import (
    CertificateLive,
    ConsentRequired,
    JpkiError,
    KeyRejected,
    NotFound,
)
from jpki.model.codes import ResidentCode
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    ApplicationRecord,
    ApplicationState,
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
)
from jpki.x509.issuers import IssuerView

__all__ = ["Draft", "Enquiry", "Ready", "Signing", "approval", "look_all", "record_all"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Enquiry:
    """Who wants to issue for which application, and when."""

    office: Office
    application: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Signing:
    """A key that may certify now, and how certificates refer to it."""

    key: KeyGenerationRecord
    issuer: IssuerView


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """An application, and the key that would sign for it now."""

    application: ApplicationRecord
    found: Signing | JpkiError

    @property
    def signing(self) -> Signing:
        """The key; what was certified already needs none.

        Raises:
            OutsideSigningWindow, AlgorithmError: there is none that may sign now.
        """
        if isinstance(self.found, JpkiError):
            raise self.found
        return self.found


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A linted certificate, on its way into the books."""

    office: Office
    pending: CertificateRecord
    findings: int
    at: datetime


def look_all(
    uow: AuthorityUnitOfWork, enquiries: Sequence[Enquiry]
) -> Sequence[Ready | JpkiError]:
    """Find applications and keys."""
    applications = uow.applications.find_all(one.application for one in enquiries)
    keys: dict[tuple[str, datetime], Signing | JpkiError] = {}
    answers: list[Ready | JpkiError] = []
    for enquiry in enquiries:
        application = applications.get(enquiry.application)
        if application is None:
            answers.append(NotFound("application", enquiry.application))
            continue
        name = application.authority, enquiry.at
        if name not in keys:
            keys[name] = _signing(enquiry.office, uow, *name)
        answers.append(Ready(application=application, found=keys[name]))
    return answers


def _signing(
    office: Office, uow: AuthorityUnitOfWork, authority: str, at: datetime
) -> Signing | JpkiError:
    try:
        key = signing_generation(office, uow, authority, at)
    except JpkiError as error:
        return error
    return Signing(key=key, issuer=issuer_view(uow, key))


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
    uow: AuthorityUnitOfWork, drafts: Sequence[Draft]
) -> Sequence[bool | JpkiError]:
    """Reserve serial numbers with the bytes to be signed; the caller commits.

    False where the world has moved on since the draft was made: the application is no
    longer waiting, an event has overtaken the items, or the serial number is taken.
    """
    looked = _Looked.up(uow, drafts)
    recorded: list[CertificateRecord] = []
    answers: list[bool | JpkiError] = []
    for draft in drafts:
        consent = None
        try:
            is_free = looked.is_free(draft)
            if is_free and draft.office.issuance_approval:
                consent = approval(uow, looked.application_of(draft), draft.at)
        except JpkiError as error:
            answers.append(error)
            continue
        answers.append(is_free)
        if is_free:
            # From here on an error is everybody's: nothing of this may be half done.
            pending = draft.pending
            if consent is not None:
                outcome = subject_of(pending.authority, pending.serial)
                redeem(uow, consent, outcome=outcome, at=draft.at)
            recorded.append(pending)
            looked.take(draft)
            _log(uow, draft)
    if recorded:
        uow.certificates.reserve_all(recorded)
        uow.applications.move_all(looked.moved)
        seal_if_due(drafts[0].office, uow, drafts[0].at)
    return answers


def _log(uow: AuthorityUnitOfWork, draft: Draft) -> None:
    pending = draft.pending
    assert pending.application is not None
    log_prepared(uow, pending, draft.findings)
    uow.audit.append(
        at=draft.at,
        by=pending.prepared_by,
        act="application.issuing",
        subject=pending.application,
        details={"certificate": subject_of(pending.authority, pending.serial)},
    )


@dataclass(kw_only=True, slots=True)
class _Looked:
    """What the books say about these drafts, kept up as each is taken."""

    position: int
    applications: dict[str, ApplicationRecord]
    taken: set[tuple[str, int]]
    keys: set[bytes]
    holders: Mapping[ResidentCode, Sequence[CertificateRecord]]
    revoked: frozenset[tuple[str, int]]
    moved: list[ApplicationRecord]
    busy: set[ResidentCode]
    """Residents with a draft in this very group."""

    @classmethod
    def up(cls, uow: AuthorityUnitOfWork, drafts: Sequence[Draft]) -> _Looked:
        """Ask the books once for all drafts."""
        pending = [draft.pending for draft in drafts]
        applications = uow.applications.find_all(
            one.application for one in pending if one.application is not None
        )
        residents = {application.resident for application in applications.values()}
        holders = uow.certificates.of_residents(list(residents))
        held = [
            (one.authority, one.serial) for many in holders.values() for one in many
        ]
        return cls(
            position=uow.events.position(),
            applications=dict(applications),
            taken=set(
                uow.certificates.states((one.authority, one.serial) for one in pending)
            ),
            keys=set(uow.certificates.known_keys([one.subject_key for one in pending])),
            holders=holders,
            revoked=uow.journal.among(held) if held else frozenset(),
            moved=[],
            busy=set(),
        )

    def is_free(self, draft: Draft) -> bool:
        """Whether this draft may be recorded now; False: look again.

        Raises:
            KeyRejected: its key has a certificate.
            CertificateLive: its holder has another certificate that lives on.
        """
        pending = draft.pending
        application = self.applications.get(pending.application or "")
        if (
            application is None
            or application.state is not ApplicationState.FILED
            or pending.as_of is None
            or self.position > pending.as_of
            or (pending.authority, pending.serial) in self.taken
            or application.resident in self.busy
        ):
            return False
        if pending.subject_key in self.keys:
            raise KeyRejected("reused", "this key has a certificate already")
        for other in self.holders.get(application.resident, ()):
            if (
                other.kind is pending.kind
                and other.state is not CertificateState.ABANDONED
                and draft.at <= other.not_after
                and (other.authority, other.serial) not in self.revoked
                and other.serial != application.renews
            ):
                raise CertificateLive(f"certificate {other.serial:x} lives on")
        return True

    def application_of(self, draft: Draft) -> ApplicationRecord:
        """The draft's application, which is there if it is free."""
        return self.applications[draft.pending.application or ""]

    def take(self, draft: Draft) -> None:
        """The next draft sees this one as recorded."""
        pending = draft.pending
        application = replace(
            self.application_of(draft),
            state=ApplicationState.ISSUING,
            changed_at=draft.at,
            serial=pending.serial,
        )
        self.applications[application.id] = application
        self.moved.append(application)
        self.taken.add((pending.authority, pending.serial))
        self.keys.add(pending.subject_key)
        self.busy.add(application.resident)
