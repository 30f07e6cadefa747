"""Many revocations in one transaction: the same as one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from jpki.authority import (
    Office,
    RevocationRequest,
    account_for_serials,
    revoke,
    revoke_all,
    verify_audit,
)
from jpki.errors import (
    ConsentRequired,
    JpkiError,
    NotFound,
    PermissionDenied,
    RequestError,
)
from jpki.model.codes import ResidentCode
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import JournalEntry
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
    new_office,
)

_LATER = FOUNDING + timedelta(hours=3)


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """Of one prefecture."""
    register = Register()
    register.add(
        *(replace(TARO, code=ResidentCode.from_ten(f"{n:010}")) for n in range(20))
    )
    return new_office(founded_store, register, founded=False)


def _certified(office: Office, count: int) -> list[int]:
    return [
        certified(
            office, replace(TARO, code=ResidentCode.from_ten(f"{n:010}")), key=f"{n}"
        ).serial
        for n in range(count)
    ]


def _wish(serial: int, **others: object) -> RevocationRequest:
    wish = RevocationRequest(
        authority=GOVERNOR,
        serial=serial,
        reason=RevocationReason.KEY_COMPROMISE,
        ground="a leak at the factory",
    )
    return replace(wish, **others)  # type: ignore[arg-type]


def test_all_stand_in_the_journal_in_their_order(office: Office) -> None:
    """With instants, reasons and grounds; the log and the account agree."""
    serials = _certified(office, 8)
    told: list[int] = []
    wishes = [_wish(serial, invalidity_date=FOUNDING) for serial in serials]
    entries = revoke_all(office, wishes, at=_LATER, by=OPERATOR, progress=told.append)
    with office.store.read() as uow:
        assert tuple(uow.journal.walk()) == tuple(entries)
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()
    assert [e.serial for e in entries if isinstance(e, JournalEntry)] == serials
    assert told == [len(serials)]


def test_one_and_many_leave_the_same_behind(office: Office) -> None:
    """A line of the journal and of the log, but for position and serial number."""
    first, second = _certified(office, 2)
    one = revoke(
        office, GOVERNOR, first, RevocationReason.KEY_COMPROMISE,
        ground="a leak at the factory", at=_LATER, by=OPERATOR,
    )  # fmt: skip
    (other,) = revoke_all(office, [_wish(second)], at=_LATER, by=OPERATOR)
    assert isinstance(other, JournalEntry)
    assert replace(other, position=one.position, serial=first) == one
    with office.store.read() as uow:
        logged = [
            uow.audit.of_subject(f"{GOVERNOR}/{serial:x}")[-1]
            for serial in (first, second)
        ]
    assert logged[0].details == logged[1].details
    assert (logged[0].at, logged[0].actor) == (logged[1].at, logged[1].actor)


def test_what_is_refused_hinders_no_other(office: Office) -> None:
    """Each gets its own answer; the journal has just what was entered."""
    good, again = _certified(office, 2)
    with office.store.read() as uow:
        authority = uow.authorities.generation(GOVERNOR, 1).serial
    known = revoke_all(office, [_wish(again)], at=_LATER, by=OPERATOR)[0]
    answers = revoke_all(
        office,
        [
            _wish(1),
            _wish(again, ground="another"),
            _wish(authority),
            _wish(good, ground=""),
            _wish(good, invalidity_date=_LATER + timedelta(days=1)),
            _wish(good),
            _wish(good, ground="twice"),
        ],
        at=_LATER,
        by=OPERATOR,
    )
    kinds = [type(answer) for answer in answers]
    assert kinds[:5] == [
        NotFound, JournalEntry, ConsentRequired, RequestError, RequestError,
    ]  # fmt: skip
    assert answers[1] == known
    assert isinstance(answers[5], JournalEntry) and answers[5] == answers[6]
    with office.store.read() as uow:
        assert [entry.serial for entry in uow.journal.walk()] == [again, good]


def test_a_counter_may_not_revoke_for_every_reason(office: Office) -> None:
    """The rules are those of one revocation."""
    (serial,) = _certified(office, 1)
    wish = _wish(serial, reason=RevocationReason.SUPERSEDED)
    (answer,) = revoke_all(office, [wish], at=_LATER, by=COUNTER)
    assert isinstance(answer, PermissionDenied) and isinstance(answer, JpkiError)
    (answer,) = revoke_all(office, [_wish(serial)], at=_LATER, by=COUNTER)
    assert isinstance(answer, JournalEntry)
