"""What was known when: on both kinds of database, and from the lists themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jpki.authority import Office, revoke
from jpki.authority.answering.history import PastStatus, Standing, past_status
from jpki.authority.publication import publish, publish_due
from jpki.authority.publication.kept_lists import read_published
from jpki.errors import NotFound, RequestError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.store import AuthorityStore
from jpki.store.authority_records import CRLRecord
from jpki.x509.certificate_lists import parse_crl
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
    new_office,
)

_HOUR = timedelta(hours=1)
_ISSUED = FOUNDING + timedelta(days=1)
_STOLEN = _ISSUED + 10 * _HOUR
_REVOKED = _ISSUED + 20 * _HOUR
_NOW = _ISSUED + timedelta(days=30)


@pytest.fixture
def office(founded_store: AuthorityStore) -> Office:
    """One certificate: issued, its key stolen, revoked ten hours later."""
    register = Register()
    register.add(TARO)
    return new_office(founded_store, register, founded=False, seed=1)


@pytest.fixture
def serial(office: Office) -> int:
    """Of that certificate; lists came before, between and after."""
    publish_due(office, at=_ISSUED - _HOUR)
    serial = certified(office, TARO, at=_ISSUED).serial
    publish(office, GOVERNOR, at=_ISSUED + timedelta(hours=12), by="tests")
    revoke(
        office,
        GOVERNOR,
        serial,
        RevocationReason.KEY_COMPROMISE,
        ground="stolen",
        at=_REVOKED,
        by=OPERATOR,
        invalidity_date=_STOLEN,
    )
    publish_due(office, at=_REVOKED + timedelta(minutes=5))
    publish_due(office, at=_NOW)
    return serial


def _asked(office: Office, serial: int, at: int, known: int | None) -> PastStatus:
    """Hours after issuing; None is now."""
    with office.store.read() as uow:
        return past_status(
            office,
            uow,
            GOVERNOR,
            serial,
            at=_ISSUED + at * _HOUR,
            known_at=_NOW if known is None else _ISSUED + known * _HOUR,
            now=_NOW,
        )


def _word_of(office: Office, record: CRLRecord | None, serial: int) -> object:
    """What the signed bytes of a list say."""
    assert record is not None
    with office.store.read() as uow:
        return parse_crl(read_published(uow, record).der.octets).lookup(serial)


@pytest.mark.parametrize(
    ("at", "known", "standing", "suspect"),
    [
        (-1, 2, Standing.UNKNOWN, False),
        (0, 0, Standing.GOOD, False),
        (5, 15, Standing.GOOD, False),
        (15, 15, Standing.GOOD, False),
        (5, None, Standing.GOOD, False),
        (15, None, Standing.GOOD, True),
        (20, 20, Standing.REVOKED, False),
        (25, None, Standing.REVOKED, False),
    ],
)
def test_two_instants_decide(
    office: Office,
    serial: int,
    at: int,
    known: int | None,
    standing: Standing,
    suspect: bool,
) -> None:
    """When it was used, and what had been told when it was judged."""
    found = _asked(office, serial, at, known)
    assert (found.standing, found.suspect) == (standing, suspect)


def test_the_proving_list_of_a_revocation_carries_it(
    office: Office, serial: int
) -> None:
    """It is the first that does; the one in force before it did not know."""
    found = _asked(office, serial, 22, 22)
    word = _word_of(office, found.proof, serial)
    assert isinstance(word, Revocation)
    assert (word.at, word.invalidity_date) == (_REVOKED, _STOLEN)
    before = _asked(office, serial, 19, 19)
    assert _word_of(office, before.in_force, serial) is None
    assert found.proof is not None and before.in_force is not None
    assert found.proof.number > before.in_force.number


def test_the_proving_list_of_a_good_status_is_not_older_than_it(
    office: Office, serial: int
) -> None:
    """What it carries of the certificate, if anything, came afterwards."""
    found = _asked(office, serial, 15, 15)
    assert found.proof is not None and found.proof.this_update >= found.at
    word = _word_of(office, found.proof, serial)
    assert isinstance(word, Revocation) and word.at > found.at
    early = _asked(office, serial, 5, 15)
    assert _word_of(office, early.proof, serial) is None


def test_nothing_proves_what_no_list_has_seen_yet(office: Office, serial: int) -> None:
    """A status of this moment has a list in force, and no proof."""
    found = _asked(office, serial, 30 * 24 - 1, None)
    assert found.standing is Standing.REVOKED and found.proof is not None
    with office.store.read() as uow:
        later = _NOW + _HOUR
        found = past_status(
            office,
            uow,
            GOVERNOR,
            uow.authorities.generation(GOVERNOR, 1).serial,
            at=later,
            known_at=later,
            now=later,
        )
    assert found.standing is Standing.GOOD
    assert found.in_force is not None and found.proof is None


def test_what_cannot_be_asked(office: Office, serial: int) -> None:
    """The future, knowledge from before the fact, and what was never issued."""
    with pytest.raises(RequestError):
        _asked(office, serial, 10, 9)
    with pytest.raises(RequestError):
        _asked(office, serial, 10, 31 * 24)
    with pytest.raises(RequestError, match="nobody knows yet"):
        _asked(office, serial, 31 * 24, None)
    with pytest.raises(NotFound):
        _asked(office, serial + 1, 10, 15)
