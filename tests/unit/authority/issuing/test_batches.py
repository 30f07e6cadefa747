"""Issuing for many applications: the same as one by one, with shared transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from jpki.authority import (
    Issued,
    Office,
    Submission,
    account_for_serials,
    issue_all,
    recover,
    verify_audit,
)
from jpki.authority.issuing.issuance import BATCH
from jpki.errors import (
    EncodingError,
    JpkiError,
    KeyRejected,
    NotFound,
    ProofOfPossessionError,
    RuleViolation,
)
from jpki.model.codes import ResidentCode
from jpki.model.residents import Resident
from jpki.model.serials import SerialScheme
from jpki.store.authority_records import ApplicationState, CertificateState
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    TARO,
    Crash,
    CrashAt,
    Register,
    filed,
    new_key,
    request_for,
)


def _people(count: int) -> list[Resident]:
    return [replace(TARO, code=ResidentCode.from_ten(f"{n:010}")) for n in range(count)]


@pytest.fixture
def register() -> Register:
    """A register of more people than one transaction takes."""
    register = Register()
    register.add(*_people(BATCH + 6))
    return register


def _submissions(office: Office, people: Sequence[Resident]) -> list[Submission]:
    return [
        Submission(
            application=application.id, request=request_for(application, new_key())
        )
        for n, person in enumerate(people)
        for application in [filed(office, person, key=str(n))]
    ]


def _run(office: Office, batch: Sequence[Submission]) -> list[Issued | JpkiError]:
    return list(issue_all(office, batch, at=FOUNDING, by=COUNTER))


def _settled(office: Office) -> None:
    with office.store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
    assert account.problems == ()
    assert account.counts[CertificateState.PENDING] == 0


def test_a_batch_is_issued_in_order_and_tells_how_far_it_is(office: Office) -> None:
    """More than one group: an answer for each, in place, and none twice."""
    batch = _submissions(office, _people(BATCH + 6))
    told: list[int] = []
    answers = list(
        issue_all(office, batch, at=FOUNDING, by=COUNTER, progress=told.append)
    )
    issued = [answer for answer in answers if isinstance(answer, Issued)]
    assert [one.application.id for one in issued] == [one.application for one in batch]
    assert {one.application.state for one in issued} == {ApplicationState.ISSUED}
    assert len({one.serial for one in issued}) == len(batch)
    assert told == [BATCH, BATCH + 6]
    assert _run(office, batch) == answers
    _settled(office)


def test_an_error_is_its_own_applications_only(
    office: Office, register: Register
) -> None:
    """Whatever is wrong with some, the others get their certificates."""
    people = _people(6)
    good, forged, nobody, twin, broken, garbage = _submissions(office, people)
    forged = replace(forged, request=good.request)
    nobody = replace(nobody, application="no-such-application")
    with office.store.read() as uow:
        application = uow.applications.get(twin.application)
    signer = new_key()
    twin = replace(twin, request=request_for(application, signer))
    with office.store.read() as uow:
        other = uow.applications.get(good.application)
    good = replace(good, request=request_for(other, signer))
    long = replace(people[4].basic, address="住" * 201)
    register.add(replace(people[4], basic=long))
    garbage = replace(garbage, request=b"\x30\x00")
    batch = [good, forged, nobody, twin, broken, garbage]
    kinds = [type(answer) for answer in _run(office, batch)]
    assert kinds == [
        Issued,
        ProofOfPossessionError,
        NotFound,
        KeyRejected,
        RuleViolation,
        EncodingError,
    ]
    _settled(office)


def test_an_application_twice_in_a_batch_gets_one_certificate(office: Office) -> None:
    """The second of them is answered with what the first one made."""
    (one,) = _submissions(office, _people(1))
    first, second = _run(office, [one, one])
    assert first == second
    _settled(office)


@pytest.mark.parametrize("point", ["issuance.recorded", "issuance.signed"])
def test_a_batch_that_was_killed_is_done_again(office: Office, point: str) -> None:
    """What was recorded is finished by recovery; the same batch makes the rest."""
    batch = _submissions(office, _people(5))
    with pytest.raises(Crash):
        _run(replace(office, step=CrashAt(point)), batch)
    assert len(recover(office, at=FOUNDING).certificates) == len(batch)
    assert all(isinstance(answer, Issued) for answer in _run(office, batch))
    _settled(office)


def test_counted_numbers_come_in_one_block(office: Office, register: Register) -> None:
    """In their order; what a rule refuses leaves a number that is accounted for."""
    counting = replace(
        office, era=replace(office.era, serials=SerialScheme.JPKI_COMPAT)
    )
    people = _people(4)
    batch = _submissions(counting, people)
    long = replace(people[1].basic, address="住" * 201)
    register.add(replace(people[1], basic=long))
    numbers = [
        answer.serial if isinstance(answer, Issued) else None
        for answer in _run(counting, batch)
    ]
    assert numbers == [1, None, 3, 4]
    with office.store.read() as uow:
        account = account_for_serials(uow)
    assert [(one.first, one.last) for one in account.unused] == [(2, 2)]
    assert account.problems == ()
