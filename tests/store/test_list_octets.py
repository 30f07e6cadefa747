"""Lists in pieces: what was recorded, what was signed, and lists from before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import text

from jpki.authority import Office, certify_responder, publish, recover, verify_audit
from jpki.errors import NotFound, StoreError
from jpki.store import AuthorityStore, list_octets, migrate
from jpki.store.authority_records import CRLRecord, CRLState
from jpki.x509.certificate_lists import parse_crl
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    Crash,
    CrashAt,
    new_office,
)

LATER = FOUNDING + timedelta(hours=1)


@pytest.fixture
def store(database_url: str) -> Iterator[AuthorityStore]:
    """An empty database of either kind."""
    made = AuthorityStore(database_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture(params=[1 << 20, 100])
def office(
    store: AuthorityStore,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """Whose lists are of one piece, or of many."""
    monkeypatch.setattr(list_octets, "_PIECE", request.param)
    return new_office(store)


def _waiting(office: Office) -> CRLRecord:
    with pytest.raises(Crash):
        publish(
            replace(office, step=CrashAt("publication.recorded")),
            GOVERNOR,
            at=FOUNDING,
            by="crashing",
        )
    with office.store.read() as uow:
        (waiting,) = uow.crls.prepared()
    return waiting


def test_a_list_is_what_was_recorded_with_its_head_and_tail(office: Office) -> None:
    """In pieces as a whole; before it is signed there is only what is to be signed."""
    waiting = _waiting(office)
    with office.store.read() as uow:
        tbs = uow.crls.tbs_of(waiting)
        with pytest.raises(NotFound):
            uow.crls.bytes_of(waiting)
    (record,) = recover(office, at=LATER).crls
    with office.store.read() as uow:
        octets = uow.crls.bytes_of(record)
        assert b"".join(uow.crls.pieces_of(record)) == octets
        assert uow.archive.octets(record) == octets
        assert uow.crls.sizes()[record.name] == (record.number, len(octets))
        verify_audit(uow)
    assert parse_crl(octets).tbs == tbs


def test_what_was_altered_after_it_was_recorded_is_not_published(
    office: Office,
) -> None:
    """Pieces that are gone or longer: the list stays out of force."""
    waiting, other = _waiting(office), _some_list(office)
    with office.store.database.write() as connection:
        connection.execute(text("DELETE FROM crl_piece WHERE place = 1"))
        connection.commit()
    with office.store.write() as uow, pytest.raises(StoreError, match="recorded"):
        uow.crls.publish(waiting, crl=other, at=LATER)
    with office.store.read() as uow:
        assert uow.crls.get(GOVERNOR, waiting.number).state is CRLState.PREPARED


def _some_list(office: Office) -> bytes:
    record = publish(office, GOVERNOR, at=LATER, by="x", scope="arl")
    with office.store.read() as uow:
        return uow.crls.bytes_of(record)


def test_lists_from_before_are_cut_and_put_together_again(
    store: AuthorityStore,
) -> None:
    """Published, superseded and waiting ones; what waits can still be finished."""
    office = new_office(store)
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    made = [
        publish(office, GOVERNOR, at=FOUNDING + timedelta(minutes=n), by="x", scope=s)
        for n, s in enumerate(["arl", "arl", "arl"])
    ]
    waiting = _waiting(office)
    with store.read() as uow:
        before = [uow.crls.bytes_of(record) for record in made]
        tbs = uow.crls.tbs_of(waiting)
    with store.database.alone() as connection:
        config = migrate.configuration("authority")
        config.attributes["connection"] = connection
        command.downgrade(config, "r0007")
        rows = connection.execute(
            text("SELECT number, crl, tbs FROM crl ORDER BY number")
        ).all()
    kept = {row.number: (row.crl and bytes(row.crl), row.tbs) for row in rows}
    assert [kept[record.number] for record in made] == [(o, None) for o in before]
    assert bytes(kept[waiting.number][1]) == tbs
    store.migrate()
    with store.read() as uow:
        assert [uow.crls.bytes_of(record) for record in made] == before
        assert uow.crls.tbs_of(waiting) == tbs
    (record,) = recover(office, at=LATER).crls
    assert (record.number, record.state) == (waiting.number, CRLState.PUBLISHED)
