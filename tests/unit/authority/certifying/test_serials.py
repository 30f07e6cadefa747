"""Counted serial numbers: one counter an authority, no number twice, every gap told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from jpki.authority import (
    BRIDGE,
    Office,
    UnusedSerials,
    account_for_serials,
    certify_responder,
    cross_certify,
    recover,
    roll_over,
    serials_for,
    verify_audit,
)
from jpki.authority.agreeing.deeds import cross_certification, rollover
from jpki.errors import Conflict, IssuanceError, KeyNotFound, StoreError
from jpki.model.ports import Signer
from jpki.model.serials import LAST_COUNTED, SerialScheme
from jpki.model.suites import SignatureSuite
from jpki.store import AuthorityStore
from jpki.store.authority_records import SerialBlockRecord
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    Crash,
    CrashAt,
    agreed,
    found,
    new_office,
    small_era,
)

LATER = FOUNDING + timedelta(days=30)


def _counting(store: AuthorityStore, *, step: CrashAt | None = None) -> Office:
    era = replace(small_era(), serials=SerialScheme.JPKI_COMPAT)
    return new_office(store, era=era, step=step or CrashAt())


def _numbers(store: AuthorityStore, authority: str) -> list[int]:
    with store.read() as uow:
        return sorted(
            entry.serial
            for entry in uow.certificates.walk()
            if entry.authority == authority
        )


def _reserve(
    office: Office, authority: str, count: int, *, commit: bool = True
) -> list[int]:
    """Numbers for certificates that are never recorded."""
    with office.store.write() as uow:
        numbers = serials_for(office, uow, authority, count, at=FOUNDING, by="test")
        if commit:
            uow.commit()
    return list(numbers)


def _agrees(store: AuthorityStore) -> tuple[UnusedSerials, ...]:
    """The gaps; the books must agree with the log."""
    with store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
    assert account.problems == ()
    return account.unused


def test_an_authority_counts_over_all_its_keys(authority_store: AuthorityStore) -> None:
    """Own certificates, cross certificates, responders and links: 1, 2, 3, … ."""
    office = _counting(authority_store)
    assert _numbers(authority_store, GOVERNOR) == [1, 2]
    assert _numbers(authority_store, BRIDGE) == [1, 2]
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    deed = rollover(GOVERNOR, office.era.id, issues_from=LATER, cross_certify=True)
    rolled = roll_over(
        office,
        GOVERNOR,
        issues_from=LATER,
        cross_certify=True,
        at=LATER,
        by=agreed(office, deed, at=LATER),
    )
    assert rolled.own.serial == 4
    # Two links and the new cross certificate to the bridge.
    assert _numbers(authority_store, GOVERNOR) == [1, 2, 3, 4, 5, 6, 7]
    assert _numbers(authority_store, BRIDGE) == [1, 2, 3]
    assert _agrees(authority_store) == ()


def test_the_scheme_may_change(authority_store: AuthorityStore) -> None:
    """Random and counted numbers are of different lengths and never meet."""
    office = _counting(authority_store)
    modern = replace(office, era=small_era())
    certify_responder(modern, GOVERNOR, at=FOUNDING, by=OPERATOR)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    first, second, third, drawn = _numbers(authority_store, GOVERNOR)
    assert [first, second, third] == [1, 2, 3]
    assert drawn > LAST_COUNTED
    assert _agrees(authority_store) == ()


class _NoKeys:
    """A keyring that cannot make another key."""

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        raise KeyNotFound(label)

    def open(self, uri: str) -> Signer:
        raise KeyNotFound(uri)

    def opened(self, uri: str) -> None:
        return None


def test_what_is_refused_takes_no_number(authority_store: AuthorityStore) -> None:
    """Numbers are reserved in the transaction that uses them."""
    office = _counting(authority_store)
    with pytest.raises(KeyNotFound):
        certify_responder(
            replace(office, keyring=_NoKeys()), GOVERNOR, at=FOUNDING, by=OPERATOR
        )
    with pytest.raises(Conflict), office.store.write() as uow:
        serials_for(office, uow, GOVERNOR, 3, at=FOUNDING, by="test")
        raise Conflict("something else is wrong")
    with authority_store.read() as uow:
        assert uow.serials.last(GOVERNOR) == 2
    assert _agrees(authority_store) == ()


def test_a_gap_is_accounted_for(authority_store: AuthorityStore) -> None:
    """What was reserved without a certificate is named, run by run."""
    office = _counting(authority_store)
    assert _reserve(office, GOVERNOR, 5) == [3, 4, 5, 6, 7]
    responder, _ = certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    assert responder.serial == 8
    assert _reserve(office, GOVERNOR, 2, commit=False) == [9, 10]
    assert _reserve(office, BRIDGE, 1) == [3]
    assert _agrees(authority_store) == (
        UnusedSerials(authority=BRIDGE, first=3, last=3),
        UnusedSerials(authority=GOVERNOR, first=3, last=7),
    )
    with authority_store.read() as uow:
        summary = account_for_serials(uow).summary
    assert summary == {"reserved": 11, "issued": 5, "unused": 6}


def test_a_crash_before_the_signature_loses_no_number(
    authority_store: AuthorityStore,
) -> None:
    """What is recorded is finished by recovery, under the number it has."""
    crash = CrashAt()
    office = _counting(authority_store, step=crash)
    crash.point = "establish.recorded"
    with pytest.raises(Crash):
        certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    (finished,) = recover(office, at=FOUNDING).certificates
    assert finished.serial == 3
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    assert _numbers(authority_store, GOVERNOR) == [1, 2, 3, 4]
    assert _agrees(authority_store) == ()


def test_random_numbers_leave_no_trace(authority_store: AuthorityStore) -> None:
    """They are not in the log before their certificates are."""
    office = new_office(authority_store)
    with authority_store.read() as uow:
        before, _ = uow.audit.head()
    assert len(set(_reserve(office, GOVERNOR, 100))) == 100
    with authority_store.read() as uow:
        assert uow.audit.head()[0] == before


def test_two_processes_share_one_counter(database_url: str) -> None:
    """Each with connections of its own, eight threads in all: no number twice."""
    stores = [AuthorityStore(database_url) for _ in range(2)]
    stores[0].migrate()
    first = _counting(stores[0])
    second = replace(first, store=stores[1])
    jobs = [(office, count) for office in (first, second) * 10 for count in (1, 3)]
    with ThreadPoolExecutor(8) as pool:
        drawn = pool.map(lambda job: _reserve(job[0], GOVERNOR, job[1]), jobs)
        numbers = [number for block in drawn for number in block]
    assert sorted(numbers) == list(range(3, 83))
    assert _agrees(stores[0]) == (UnusedSerials(authority=GOVERNOR, first=3, last=82),)
    for store in stores:
        store.close()


def test_the_counter_ends(authority_store: AuthorityStore) -> None:
    """After the last number of four octets nothing is reserved; others go on."""
    office = _counting(authority_store)
    _insert(authority_store, "governor-13", 1, LAST_COUNTED - 1, FOUNDING)
    assert _reserve(office, "governor-13", 1) == [LAST_COUNTED]
    with pytest.raises(IssuanceError, match="used up"):
        _reserve(office, "governor-13", 1)
    assert _reserve(office, GOVERNOR, 1) == [3]


def _insert(
    store: AuthorityStore, authority: str, first: int, last: int, at: datetime
) -> None:
    """A block behind the log's back."""
    with store.write() as uow:
        uow.serials.add(
            SerialBlockRecord(
                authority=authority,
                first=first,
                last=last,
                reserved_at=at,
                reserved_by="test",
            )
        )
        uow.commit()


def test_counters_cannot_be_altered_quietly(authority_store: AuthorityStore) -> None:
    """The database refuses changes; what got in or out all the same is found."""
    office = _counting(authority_store)
    _reserve(office, GOVERNOR, 1)
    for act in ("DELETE FROM serial_block", 'UPDATE serial_block SET "last" = 9'):
        with (
            pytest.raises((StoreError, Conflict), match="append only"),
            authority_store.database.write() as connection,
        ):
            connection.execute(text(act))
    _insert(authority_store, GOVERNOR, 5, 6, FOUNDING)
    with authority_store.read() as uow:
        problems = account_for_serials(uow).problems
    assert problems == (
        f"{GOVERNOR}/5-6 is reserved, but 4 should have been the next",
        f"{GOVERNOR}/5-6 is reserved, but the log does not have it",
    )


def test_a_number_nobody_reserved_is_found(authority_store: AuthorityStore) -> None:
    """A small serial number without its block, and a block without its row."""
    office = _counting(authority_store)
    found(office, "governor-13")
    with authority_store.database.write() as connection:
        if authority_store.database.is_sqlite:
            connection.execute(text("DROP TRIGGER serial_block_no_delete"))
        else:
            connection.execute(text("ALTER TABLE serial_block DISABLE TRIGGER ALL"))
        connection.execute(
            text("DELETE FROM serial_block WHERE authority = 'governor-13'")
        )
        connection.commit()
    with authority_store.read() as uow:
        problems = account_for_serials(uow).problems
    assert problems == (
        "governor-13/1-1 was reserved by the log, but the books do not have it",
        "governor-13/1 was never reserved",
    )
    deed = cross_certification("governor-13", BRIDGE)
    with pytest.raises(Conflict):
        cross_certify(
            office, "governor-13", BRIDGE, at=FOUNDING, by=agreed(office, deed)
        )
