"""The audit log and the account of serial numbers find every change."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jpki.authority import (
    Office,
    account_for_serials,
    apply_event,
    cancel,
    deliver,
    publish_due,
    recover,
    revoke,
    verify_audit,
)
from jpki.errors import AuditError, JpkiError, StoreError
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateState
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Crash,
    CrashAt,
    Register,
    certified,
    certify,
    filed,
    new_office,
)


@pytest.fixture
def office(office: Office) -> Office:
    """The authorities of one prefecture, and one resident with a certificate."""
    certified(office)
    return office


def _tamper(office: Office, *statements: str) -> None:
    """What an intruder with the database's password does."""
    with office.store.database.write() as connection:
        for table in ("revocation", "audit_entry"):
            if office.store.database.is_sqlite:
                for act in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{act}"))
            else:
                connection.execute(
                    text(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}")
                )
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def _complaint(office: Office) -> AuditError:
    with pytest.raises(AuditError) as caught, office.store.read() as uow:
        verify_audit(uow)
    return caught.value


def _problems(office: Office) -> tuple[str, ...]:
    with office.store.read() as uow:
        return account_for_serials(uow).problems


@pytest.mark.parametrize("table", ["revocation", "audit_entry"])
@pytest.mark.parametrize("act", ["UPDATE {} SET actor = 'x'", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_past(
    office: Office, table: str, act: str
) -> None:
    """Journal and log are append only for everybody who uses the tables."""
    with office.store.read() as uow:
        (certificate, *_) = uow.certificates.of_resident(TARO.code)
    revoke(
        office,
        GOVERNOR,
        certificate.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost card",
        at=FOUNDING,
        by=COUNTER,
    )
    with (
        pytest.raises((StoreError, DBAPIError), match="append only"),
        office.store.database.write() as connection,
    ):
        connection.execute(text(act.format(table)))


@pytest.mark.parametrize(
    "change",
    [
        "reason = 4",
        "ground = 'nothing'",
        "actor = 'nobody'",
        "revoked_at = '2014-10-02 00:00:00.000000'",
        "invalidity_date = '2014-10-01 00:00:00.000000'",
        "event_id = 'another'",
    ],
)
def test_a_revocation_is_as_the_log_has_it(office: Office, change: str) -> None:
    """Reason, ground, times, event and actor: a change of any of them is named."""
    with office.store.read() as uow:
        (certificate, *_) = uow.certificates.of_resident(TARO.code)
    revoke(
        office,
        GOVERNOR,
        certificate.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost card",
        at=FOUNDING,
        by=COUNTER,
        invalidity_date=FOUNDING - timedelta(days=1),
    )
    assert _problems(office) == ()
    _tamper(office, f"UPDATE revocation SET {change}")
    assert _problems(office) == (
        f"{GOVERNOR}/{certificate.serial:x} was revoked otherwise, by the log",
    )


@pytest.mark.parametrize(
    ("statement", "sequence", "reason"),
    [
        (
            "UPDATE audit_entry SET details = details || ' ' WHERE sequence = 5",
            5,
            "alt",
        ),
        ("UPDATE audit_entry SET actor = 'nobody' WHERE sequence = 3", 3, "altered"),
        ("UPDATE audit_entry SET at = '2014' WHERE sequence = 1", 1, "altered"),
        ("DELETE FROM audit_entry WHERE sequence = 4", 4, "missing"),
        ("DELETE FROM audit_entry WHERE sequence > 10", 11, "missing"),
        ("DELETE FROM audit_entry", 1, "missing"),
        (
            "UPDATE head SET audit_sequence = audit_sequence - 1",
            None,
            "not what the last writer left",
        ),
    ],
)
def test_every_change_of_the_log_is_found_and_located(
    office: Office, statement: str, sequence: int | None, reason: str
) -> None:
    """One byte, one row, the tail: the answer names the first entry that is wrong."""
    with office.store.read() as uow:
        entries = verify_audit(uow).entries
    _tamper(office, statement)
    error = _complaint(office)
    assert error.sequence == (entries if sequence is None else sequence)
    assert reason in error.reason


def test_a_reordered_log_is_found(office: Office) -> None:
    """Two entries that change places no longer follow from one another."""
    _tamper(
        office,
        "UPDATE audit_entry SET sequence = -1 WHERE sequence = 6",
        "UPDATE audit_entry SET sequence = 6 WHERE sequence = 7",
        "UPDATE audit_entry SET sequence = 7 WHERE sequence = -1",
    )
    assert _complaint(office).sequence == 6


def test_a_cut_tail_with_a_matching_head_changes_the_head(office: Office) -> None:
    """Who rewrites the end leaves another head than the one that was known."""
    with office.store.read() as uow:
        before = verify_audit(uow)
        entry = next(e for e in uow.audit.walk() if e.sequence == before.entries - 1)
    _tamper(
        office,
        f"DELETE FROM audit_entry WHERE sequence = {before.entries}",
        f"UPDATE head SET audit_sequence = {entry.sequence}",
    )
    with office.store.database.write() as connection:
        connection.execute(
            text("UPDATE head SET audit_hash = :hash"), {"hash": entry.hash}
        )
        connection.commit()
    with office.store.read() as uow:
        after = verify_audit(uow)
    assert after.head != before.head


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            "DELETE FROM certificate WHERE kind = 'signature'",
            "is in the log, but in no book",
        ),
        (
            "UPDATE certificate SET certificate = (SELECT certificate FROM certificate"
            " WHERE kind = 'bridge') WHERE kind = 'signature'",
            "has another certificate than the log says",
        ),
        (
            "UPDATE certificate SET state = 'abandoned', certificate = NULL"
            " WHERE kind = 'signature'",
            "was completed by the log",
        ),
        ("UPDATE application SET serial = NULL", "without a certificate"),
        ("DELETE FROM application", "belongs to no application"),
        ("UPDATE application SET serial = '01'", "names a foreign"),
        (
            "INSERT INTO certificate SELECT authority, '01', generation, kind, profile,"
            " state, subject_key, not_before, not_after, prepared_at, prepared_by,"
            " completed_at, tbs, certificate, application, resident, as_of, shard"
            " FROM certificate WHERE kind = 'signature'",
            "the log never says it was prepared",
        ),
        (
            "INSERT INTO revocation SELECT 1, authority, serial, not_before, 1, NULL,"
            " 'x', NULL, 'intruder', shard FROM certificate WHERE kind = 'signature'",
            "the log never says it was revoked",
        ),
    ],
)
def test_books_that_disagree_with_the_log_are_found(
    office: Office, statement: str, problem: str
) -> None:
    """A row that is added, taken out or changed behind the log's back is named."""
    assert _problems(office) == ()
    _tamper(office, statement)
    assert any(problem in found for found in _problems(office)), _problems(office)


def test_every_serial_is_accounted_for(office: Office) -> None:
    """Issued, pending and abandoned numbers are all listed, with who is revoked."""
    with office.store.read() as uow:
        account = account_for_serials(uow)
        verify_audit(uow)
    assert account.problems == ()
    assert account.counts == {CertificateState.ISSUED: 5}
    assert {line.kind for line in account.lines} == {
        "authority",
        "bridge",
        "cross",
        "signature",
    }
    assert not any(line.revoked for line in account.lines)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_books_hold_after_random_work_and_crashes(
    founded_store: AuthorityStore, seed: int
) -> None:
    """Whatever is done in whatever order, and killed anywhere, the books agree."""
    chance = random.Random(seed)
    register = Register()
    people = [
        replace(TARO, code=ResidentCode.from_ten(f"{number:010}"))
        for number in range(6)
    ]
    register.add(*people)
    sound = new_office(founded_store, register, seed=seed)
    at = FOUNDING
    applications: list[str] = []
    points = (
        None,
        None,
        "application.filed",
        "issuance.recorded",
        "issuance.signed",
        "issuance.completed",
        "intake.revoked",
        "intake.applied",
        "publication.recorded",
        "publication.signed",
        "revocation.recorded",
    )

    def apply() -> None:
        application = filed(office, chance.choice(people), key=str(number), at=at)
        applications.append(application.id)
        certify(office, application, at=at)

    def settle() -> None:
        act = chance.choice([deliver, cancel])
        act(office, chance.choice(applications or ["none"]), at=at, by=COUNTER)

    def change() -> None:
        kind = chance.choice([EventKind.MOVE_WITHIN, EventKind.HOUSEHOLD_CHANGE])
        register.change(kind, chance.choice(people), at=at)
        with office.store.read() as uow:
            position = uow.events.position()
        for event in register.events[position:]:
            apply_event(office, event, at=at)

    def publish() -> None:
        publish_due(office, at=at)

    def revoke_any() -> None:
        with office.store.read() as uow:
            serials = [
                c.serial for p in people for c in uow.certificates.of_resident(p.code)
            ]
        reason = RevocationReason.KEY_COMPROMISE
        serial = chance.choice(serials or [1])
        revoke(office, GOVERNOR, serial, reason, ground="x", at=at, by=OPERATOR)

    for number in range(60):  # noqa: B007
        at += timedelta(minutes=chance.randrange(600))
        office = replace(sound, step=CrashAt(chance.choice(points)))
        work = chance.choice(
            [
                apply,
                apply,
                settle,
                change,
                revoke_any,
                publish,
            ]
        )
        try:
            work()
        except Crash:
            if chance.random() < 0.5:
                recover(sound, at=at)
        except JpkiError:
            pass
    assert recover(sound, at=at).failed == ()
    publish_due(sound, at=at)
    with founded_store.read() as uow:
        verify_audit(uow)
        account = account_for_serials(uow)
    assert account.problems == ()
    assert account.counts[CertificateState.PENDING] == 0
    assert account.counts[CertificateState.ISSUED] > 10
