"""CRLs: numbers, contents, and the examination before one replaces another."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jpki.authority import (
    Consent,
    Office,
    abandon,
    publish,
    publish_due,
    recover,
    revoke,
    verify_audit,
)
from jpki.authority.agreeing.deeds import revocation
from jpki.errors import Conflict, IssuanceError, NotFound
from jpki.model.revocation import RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CRLRecord, CRLState
from jpki.x509.certificate_lists import CertificateList, parse_crl
from jpki.x509.signatures import verify_signature
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TSUKUBA,
    Crash,
    CrashAt,
    agreed,
    certified,
    new_office,
)

LATER = FOUNDING + timedelta(hours=1)


def _list(office: Office, record: CRLRecord) -> CertificateList:
    with office.store.read() as uow:
        return parse_crl(uow.crls.bytes_of(record))


def _publish(
    office: Office, at: datetime = FOUNDING, scope: str = "crl"
) -> CertificateList:
    return _list(office, publish(office, GOVERNOR, at=at, by="test", scope=scope))


def _revoke(
    office: Office, serial: int, at: datetime = FOUNDING, by: Consent | None = None
) -> None:
    revoke(
        office,
        GOVERNOR,
        serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost card",
        at=at,
        by=OPERATOR if by is None else by,
    )


def test_a_list_says_what_the_journal_says(office: Office) -> None:
    """Signed by the key that issued; the revoked serial with its time and reason."""
    serial = certified(office).serial
    assert len(_publish(office)) == 0
    _revoke(office, serial)
    published = _publish(office, LATER)
    with office.store.read() as uow:
        key = uow.authorities.generation(GOVERNOR, 1)
        entry = uow.journal.find(GOVERNOR, serial)
    assert entry is not None
    assert published.lookup(serial) == entry.revocation
    assert len(published) == 1
    assert verify_signature(
        key.public_key,
        published.signature_algorithm,
        published.signature,
        published.tbs,
    )
    assert published.this_update == LATER
    assert published.next_update is not None
    assert published.next_update > LATER


def test_numbers_rise_within_a_second_and_with_the_clock(office: Office) -> None:
    """Each list has a higher number than any before it, whatever the scope."""
    numbers = [_publish(office).number for _ in range(3)]
    numbers.append(_publish(office, LATER, "arl").number)
    numbers.append(_publish(office, LATER).number)
    assert numbers == sorted(set(numbers), key=lambda number: number or 0)
    assert numbers[-2] == int(LATER.timestamp())


def test_due_lists_are_published_once(office: Office) -> None:
    """All at first, then only what has news or has become old."""
    first = publish_due(office, at=FOUNDING)
    assert {(record.authority, record.scope) for record in first} == {
        (authority, scope)
        for authority in (GOVERNOR, "bridge")
        for scope in ("crl", "arl")
    }
    assert publish_due(office, at=FOUNDING) == ()
    serial = certified(office).serial
    shard = f"crl-{TSUKUBA.five}"
    assert [record.scope for record in publish_due(office, at=LATER)] == [shard]
    assert publish_due(office, at=LATER) == ()
    _revoke(office, serial, LATER)
    news = publish_due(office, at=LATER)
    assert [(record.authority, record.scope) for record in news] == [
        (GOVERNOR, "crl"),
        (GOVERNOR, shard),
    ]
    assert len(publish_due(office, at=FOUNDING + timedelta(days=1))) == 3
    with office.store.read() as uow:
        assert len(uow.crls.in_force()) == 5


def test_the_authority_list_is_about_authorities(office: Office) -> None:
    """A revoked cross certificate is on the ARL; a citizen's is not."""
    serial = certified(office).serial
    _revoke(office, serial)
    with office.store.read() as uow:
        cross = next(
            record
            for record in uow.certificates.walk()
            if record.authority == GOVERNOR and record.kind.value == "cross"
        )
    reason = RevocationReason.KEY_COMPROMISE
    deed = revocation(GOVERNOR, cross.serial, reason, ground="lost card")
    _revoke(office, cross.serial, by=agreed(office, deed))
    arl = _publish(office, scope="arl")
    assert arl.lookup(cross.serial) is not None
    assert arl.lookup(serial) is None
    assert len(_publish(office)) == 2


def test_expired_certificates_leave_after_one_more_list(office: Office) -> None:
    """An entry is on one list made after the certificate's end, then it goes."""
    serial = certified(office).serial
    _revoke(office, serial)
    _publish(office)
    with office.store.read() as uow:
        end = uow.certificates.get(GOVERNOR, serial).not_after
    after = end + timedelta(days=1)
    assert _publish(office, after).lookup(serial) is not None
    assert len(_publish(office, after + timedelta(days=1))) == 0


def test_the_clock_does_not_turn_back(office: Office) -> None:
    """A list older than the one in force is refused, with what to check."""
    _publish(office, LATER)
    with pytest.raises(Conflict, match="the clock says") as caught:
        _publish(office, FOUNDING)
    assert "clock" in str(caught.value.hint)


def test_unknown_scopes_and_authorities_are_refused(office: Office) -> None:
    """There is no list of what is not there."""
    with pytest.raises(IssuanceError, match="nonsense"):
        publish(office, GOVERNOR, at=FOUNDING, by="x", scope="nonsense")
    with pytest.raises(NotFound):
        publish(office, "governor-13", at=FOUNDING, by="x")
    with pytest.raises(NotFound):
        publish(office, GOVERNOR, at=FOUNDING, by="x", generation=2)


@pytest.mark.parametrize("point", ["publication.recorded", "publication.signed"])
def test_a_crash_before_completion_is_finished(office: Office, point: str) -> None:
    """Recovery puts the recorded list in force, under its recorded number."""
    _publish(office)
    with pytest.raises(Crash):
        publish(replace(office, step=CrashAt(point)), GOVERNOR, at=LATER, by="crashing")
    with office.store.read() as uow:
        (waiting,) = uow.crls.prepared()
    (finished,) = recover(office, at=LATER).crls
    assert finished.number == waiting.number
    assert finished.state is CRLState.PUBLISHED
    assert recover(office, at=LATER).crls == ()
    with office.store.read() as uow:
        verify_audit(uow)


def test_an_overtaken_list_is_never_served(office: Office) -> None:
    """A list that was left behind by a higher one is refused when it is finished."""
    with pytest.raises(Crash):
        publish(
            replace(office, step=CrashAt("publication.recorded")),
            GOVERNOR,
            at=FOUNDING,
            by="crashing",
        )
    higher = publish(office, GOVERNOR, at=LATER, by="x")
    assert recover(office, at=LATER).crls == (higher,)
    with office.store.read() as uow:
        assert uow.crls.standing(higher.name) == higher
        assert uow.crls.prepared() == ()


def _tamper(office: Office, statement: str) -> None:
    """What an intruder with the database's password does."""
    with office.store.database.write() as connection:
        if office.store.database.is_sqlite:
            connection.execute(text("DROP TRIGGER revocation_no_update"))
            connection.execute(text("DROP TRIGGER revocation_no_delete"))
        else:
            connection.execute(
                text("DROP TRIGGER revocation_append_only ON revocation")
            )
        connection.execute(text(statement))
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE revocation SET reason = 4", "was altered"),
        ("DELETE FROM revocation", "un-revoked"),
    ],
)
def test_a_list_that_takes_something_back_is_never_served(
    office: Office, statement: str, complaint: str
) -> None:
    """The old list stays in force; the refused one is on record with its reason."""
    _revoke(office, certified(office).serial)
    old = publish(office, GOVERNOR, at=FOUNDING, by="x")
    _tamper(office, statement)
    with pytest.raises(IssuanceError, match=complaint) as caught:
        _publish(office, LATER)
    assert "stays in force" in str(caught.value.hint)
    with office.store.read() as uow:
        assert uow.crls.standing(old.name) == old
        refused = uow.crls.get(GOVERNOR, int(LATER.timestamp()))
        verify_audit(uow)
    assert refused.state is CRLState.REFUSED


def test_numbers_rise_over_a_restored_backup(tmp_path: Path) -> None:
    """What was published after the backup has lower numbers than what comes now."""
    file = tmp_path / "authority.db"
    store = AuthorityStore(f"sqlite:///{file}")
    store.migrate()
    office = new_office(store)
    _publish(office)
    store.close()
    shutil.copy(file, tmp_path / "backup.db")
    lost = [_publish(office, LATER).number for _ in range(5)]
    store.close()
    for side in ("-wal", "-shm"):
        file.with_name(file.name + side).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", file)
    restored = _publish(office, LATER + timedelta(minutes=1)).number
    assert restored is not None
    assert all(number is not None and number < restored for number in lost)
    store.close()


def test_abandoned_certificates_are_listed(office: Office) -> None:
    """A signature may exist of what was abandoned, so the list warns of it."""
    with pytest.raises(Crash):
        certified(replace(office, step=CrashAt("issuance.recorded")))
    with office.store.read() as uow:
        (pending,) = uow.certificates.pending()
    abandon(office, GOVERNOR, pending.serial, ground="lost", at=FOUNDING, by=OPERATOR)
    assert _publish(office).lookup(pending.serial) is not None


def test_times_need_a_zone(office: Office) -> None:
    """An instant without zone is refused before anything happens."""
    with pytest.raises(Exception, match="zone"):
        _publish(office, datetime(2014, 10, 1, tzinfo=UTC).replace(tzinfo=None))
