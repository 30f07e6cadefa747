"""Issuing citizens' certificates for applications and the cards' requests.

The counter sends the PKCS#10 request that the card signed; the four items come from the
register, never from the counter. Sending the same request again gives the same answer,
also after a crash in the middle. Calls from several threads at a time share their
transactions, and `issue_all` does so for a whole day's batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from jpki.authority.certifying.completing import Completed
from jpki.authority.certifying.making import finish
from jpki.authority.counter.applications import (
    application_for,
    permit,
    require_applicant,
)
from jpki.authority.issuing.batch import Certified, certify_all
from jpki.authority.issuing.drafting import Wanted
from jpki.authority.issuing.recording import approval
from jpki.authority.office import Office, whole_second
from jpki.authority.office.identifiers import key_digest
from jpki.errors import (
    ApplicationConflict,
    JpkiError,
    NotFound,
    ProofOfPossessionError,
    RegistryUnavailable,
)
from jpki.model.eras import Act
from jpki.model.operators import Caller
from jpki.model.suites import suite
from jpki.store.authority_records import ApplicationRecord, ApplicationState
from jpki.store.together import each
from jpki.x509.keys import check_strength
from jpki.x509.requests import parse_certification_request, verify_possession

__all__ = ["BATCH", "Issued", "Submission", "issue", "issue_all", "issued_for"]

_ACT: Final = "issue a certificate"

_ATTEMPTS: Final = 5
"""How often the register is asked again because events overtook its answer."""

BATCH: Final = 256
"""How many of a batch share their transactions: none holds one for long."""

_AT_WORK: Final = 2
"""Groups at a time: while one is being signed, the next is being recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """What a counter sends: the card's request for an application."""

    application: str
    request: bytes
    """PKCS#10, DER."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """What goes back to the counter and onto the card."""

    application: ApplicationRecord
    authority: str
    serial: int
    certificate: bytes
    authority_certificate: bytes
    """The self-signed certificate of the key that signed."""


def issue(
    office: Office, application: str, request: bytes, *, at: datetime, by: Caller
) -> Issued:
    """Certify the key in this request for the applicant.

    Raises:
        EncodingError: not a certification request.
        ProofOfPossessionError: not signed by its key, or for another application.
        KeyRejected: weak, reused, or of the wrong suite.
        ApplicationConflict: cancelled, or issued for with another key; or the record of
            the resident changed while the certificate was made.
        ConsentError: an approver must agree first, and has not.
        NotEligible, WrongMunicipality, UnknownResident: what the register says now.
        RegistryUnavailable: it does not answer, or only with what is out of date.
        AlgorithmError, OutsideSigningWindow: the authority's key may not sign this.
        RuleViolation: the certificate would break a rule; nothing is recorded.
    """
    call = _Call(
        office=office,
        application=application,
        request=request,
        at=whole_second(at),
        by=by,
    )
    together = office.store.together
    for _ in range(_ATTEMPTS):
        # Each caller waits for the register alone: a slow answer holds up nobody else.
        ready = _ready(call, together(_examine, call, leaders=_AT_WORK))
        if isinstance(ready, Issued):
            return ready
        certified = together(certify_all, ready, leaders=_AT_WORK)
        if certified is not None:
            return _issued(office, certified)
    raise _overtaken()


def issued_for(office: Office, application: str, *, by: Caller) -> Issued:
    """What was issued for an application, for a counter that was interrupted.

    Raises:
        NotFound, PermissionDenied: there is none, or it is another counter's.
        ApplicationConflict: nothing is issued for it, or it was cancelled since.
    """
    with office.store.read() as uow:
        found = application_for(uow, application, "read an application", by)
        issued = ApplicationState.ISSUED, ApplicationState.DELIVERED
        if found.serial is None or found.state not in issued:
            raise ApplicationConflict(
                f"application {found.id} is {found.state.value}",
                hint="send the card's request first, or again",
            )
        entry = uow.certificates.get(found.authority, found.serial)
        own = uow.authorities.generation(found.authority, entry.generation)
        authority = uow.certificates.get(found.authority, own.serial)
    assert authority.certificate is not None
    return _issued(
        office,
        Certified(
            completed=Completed(certificate=entry, application=found, new=False),
            authority_certificate=authority.certificate,
        ),
    )


def issue_all(
    office: Office,
    submissions: Iterable[Submission],
    *,
    at: datetime,
    by: Caller,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Issued | JpkiError]:
    """Issue for many applications; what `issue` says of each, in their order.

    Whoever stops reading stops the work after the groups that are under way. Nothing is
    lost by it: doing the whole batch again gives what was made, and makes the rest.

    Args:
        office: the authorities.
        submissions: read as they are needed, a few groups ahead.
        at: the time of issue of all.
        by: the counter's operator.
        progress: told, after each group, how many are done.
    """
    moment = whole_second(at)
    calls = (
        _Call(
            office=office,
            application=submission.application,
            request=submission.request,
            at=moment,
            by=by,
        )
        for submission in submissions
    )
    with ThreadPoolExecutor(_AT_WORK, thread_name_prefix="issuing") as pool:
        waiting: list[Future[Sequence[Issued | JpkiError]]] = []
        done = 0
        while True:
            while len(waiting) <= _AT_WORK and (group := list(islice(calls, BATCH))):
                waiting.append(pool.submit(_issue_group, group))
            if not waiting:
                return
            answers = waiting.pop(0).result()
            done += len(answers)
            if progress is not None:
                progress(done)
            yield from answers


@dataclass(frozen=True, kw_only=True, slots=True)
class _Call:
    """One call of `issue`."""

    office: Office
    application: str
    request: bytes
    at: datetime
    by: Caller


def _issue_group(calls: Sequence[_Call]) -> Sequence[Issued | JpkiError]:
    """An answer for each; all are of one database."""
    answers: dict[int, Issued | JpkiError] = {}
    for _ in range(_ATTEMPTS):
        places = [n for n in range(len(calls)) if n not in answers]
        if not places:
            break
        wanted: dict[int, Wanted] = {}
        examined = each(_examine, [calls[n] for n in places])
        for place, one in zip(places, examined, strict=True):
            if isinstance(one, JpkiError):
                answers[place] = one
                continue
            try:
                ready = _ready(calls[place], one)
            except JpkiError as error:
                answers[place] = error
                continue
            if isinstance(ready, Issued):
                answers[place] = ready
            else:
                wanted[place] = ready
        outcomes = each(certify_all, list(wanted.values())) if wanted else ()
        for place, outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, JpkiError):
                answers[place] = outcome
            elif outcome is not None:
                try:
                    answers[place] = _issued(calls[place].office, outcome)
                except JpkiError as error:
                    answers[place] = error
    return [answers.get(n) or _overtaken() for n in range(len(calls))]


def _overtaken() -> RegistryUnavailable:
    return RegistryUnavailable(
        "its answers are older than the events that have taken effect here"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Examined:
    """A request that answers an application."""

    application: ApplicationRecord
    public_key: bytes
    """SubjectPublicKeyInfo, DER; its possession was proven, and it is strong."""


def _examine(calls: Sequence[_Call]) -> Sequence[_Examined | JpkiError]:
    """All that can be said of the requests without asking the register."""
    with calls[0].office.store.read() as uow:
        found = uow.applications.find_all(call.application for call in calls)
    return [_examined(call, found.get(call.application)) for call in calls]


def _examined(call: _Call, found: ApplicationRecord | None) -> _Examined | JpkiError:
    if found is None:
        return NotFound("application", call.application)
    try:
        permit(found, _ACT, call.by)
        key = _checked_key(call.office, found, call.request, call.at)
    except JpkiError as error:
        return error
    return _Examined(application=found, public_key=key)


def _ready(call: _Call, examined: _Examined) -> Wanted | Issued:
    """What may be certified, as far as the caller and the register are concerned.

    Where an earlier call, or one at the same time, has reserved a serial number for the
    same key, that one is finished.
    """
    office, at = call.office, call.at
    found, public_key = examined.application, examined.public_key
    if found.state is not ApplicationState.FILED:
        return _resumed(office, found, public_key, at=at, by=call.by)
    if office.issuance_approval:
        with office.store.read() as uow:
            approval(uow, found, at)
    return Wanted(
        office=office,
        application=found,
        public_key=public_key,
        provided=require_applicant(
            office, found.resident, found.purpose, found.municipality, at
        ),
        at=at,
        by=call.by,
    )


def _checked_key(
    office: Office, application: ApplicationRecord, request: bytes, at: datetime
) -> bytes:
    parsed = parse_certification_request(request)
    verify_possession(parsed)
    if parsed.challenge != application.challenge:
        raise ProofOfPossessionError(
            "the request was signed for another application",
            hint="put this application's challenge into the request and sign it again",
        )
    wanted = suite(office.era.suites[application.purpose.value])
    office.era.require(wanted.id, Act.ISSUE, at)
    check_strength(parsed.public_key, wanted)
    return parsed.public_key


def _resumed(
    office: Office,
    application: ApplicationRecord,
    public_key: bytes,
    *,
    at: datetime,
    by: Caller,
) -> Issued:
    """What an earlier call with the same key has begun."""
    serial = application.serial
    if serial is None or application.state is ApplicationState.CANCELLED:
        raise _taken(application)
    with office.store.read() as uow:
        known = uow.certificates.get(application.authority, serial)
        own = uow.authorities.generation(application.authority, known.generation)
        authority = uow.certificates.get(application.authority, own.serial)
    if known.subject_key != key_digest(public_key):
        raise _taken(application)
    entry = finish(office, application.authority, serial, at=at, by=by.id)
    assert authority.certificate is not None
    return _issued(
        office,
        Certified(
            completed=Completed(certificate=entry, application=None, new=False),
            authority_certificate=authority.certificate,
        ),
    )


def _taken(application: ApplicationRecord) -> ApplicationConflict:
    return ApplicationConflict(
        f"application {application.id} is {application.state.value}",
        hint="file a new application for another key",
    )


def _issued(office: Office, certified: Certified) -> Issued:
    certificate = certified.completed.certificate
    application = certified.completed.application
    if application is None:
        assert certificate.application is not None
        with office.store.read() as uow:
            application = uow.applications.get(certificate.application)
    if application.state is ApplicationState.CANCELLED:
        raise ApplicationConflict(
            "the resident's record changed meanwhile; the certificate is revoked",
            hint="file a new application",
        )
    assert certificate.certificate is not None
    return Issued(
        application=application,
        authority=certificate.authority,
        serial=certificate.serial,
        certificate=certificate.certificate,
        authority_certificate=certified.authority_certificate,
    )
