"""The revocation journal outside the database, and what a backup does not know."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jpki.authority import Office, revoke
from jpki.authority.answering.status import status_of
from jpki.authority.auditing.examining import account_for_serials, verify_audit
from jpki.authority.publication import publish_due
from jpki.authority.recovering.replay import replay
from jpki.errors import JournalAhead, PermissionDenied, StoreError
from jpki.model.codes import ResidentCode
from jpki.model.revocation import Revocation, RevocationReason
from jpki.store import AuthorityStore
from jpki.store.outside_journal import Damage, OutsideJournal, read_lines
from jpki.store.outside_lines import LineKind, OutsideLine
from jpki.x509.parse import parse_crl
from tests.support.databases import copy_founded
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    TSUKUBA,
    Register,
    certified,
    new_office,
)

_LATER = FOUNDING + timedelta(hours=1)
_DAY = timedelta(days=1)


class _Site:
    """An office on a file, with a journal beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = OutsideJournal(folder / "revocations.journal")
        copy_founded(folder).close()
        self.file = folder / "authority.db"
        self.people = 0
        self.opened = 0
        self.open()

    def open(self) -> None:
        """Open the database that is there now."""
        url = f"sqlite:///{self.file}"
        self.store = AuthorityStore(url, outside=self.journal)
        self.register = Register()
        self.opened += 1
        self.office: Office = new_office(
            self.store, self.register, founded=False, seed=self.opened
        )

    def backup(self) -> None:
        """Keep the database as it is."""
        self.store.close()
        shutil.copy(self.file, self.folder / "backup")
        self.open()

    def restore(self) -> None:
        """Lose the database, and put the backup in its place."""
        self.store.close()
        for leftover in self.folder.glob("authority.db*"):
            leftover.unlink()
        shutil.copy(self.folder / "backup", self.file)
        self.open()

    def issue(self) -> int:
        """A certificate for one more resident."""
        self.people += 1
        person = replace(TARO, code=ResidentCode.from_ten(f"{self.people:010}"))
        self.register.add(person)
        return certified(self.office, person, key=f"key-{self.people}").serial

    def revoke(self, serial: int) -> None:
        """Revoke it at the counter's request."""
        revoke(
            self.office,
            GOVERNOR,
            serial,
            RevocationReason.KEY_COMPROMISE,
            ground="lost card",
            at=_LATER,
            by=OPERATOR,
        )

    def status(self, serial: int) -> object:
        """What OCSP says."""
        with self.store.read() as uow:
            return status_of(uow, GOVERNOR, serial, generation=1)

    def lines(self) -> list[OutsideLine | Damage]:
        """Of the journal."""
        return list(read_lines(self.journal.path))

    def bring_back(self) -> object:
        """Bring the revocations back."""
        return replay(self.office, self.journal, at=_LATER + _DAY, by=OPERATOR)


@pytest.fixture
def site(tmp_path: Path) -> _Site:
    """One office, founded."""
    return _Site(tmp_path)


def _revoked(site: _Site, serial: int) -> bool:
    return isinstance(site.status(serial), Revocation)


def test_every_revocation_is_outside_before_its_answer(site: _Site) -> None:
    """What `revoke` has answered stands in the file, in the database's order."""
    serials = [site.issue() for _ in range(3)]
    for serial in serials:
        site.revoke(serial)
    lines = [line for line in site.lines() if isinstance(line, OutsideLine)]
    told = [x.content["serial"] for x in lines if x.kind is LineKind.REVOCATION]
    assert told == [f"{serial:x}" for serial in serials]


def test_a_restored_database_may_not_go_on(site: _Site) -> None:
    """A database that lacks revocations is refused, until they are brought back."""
    serial = site.issue()
    site.backup()
    site.revoke(serial)
    site.restore()
    assert not _revoked(site, serial)
    with pytest.raises(JournalAhead):
        site.journal.require_level(site.store.read)
    site.bring_back()
    site.journal.require_level(site.store.read)
    assert _revoked(site, serial)


def test_replay_brings_every_revocation_back_once(site: _Site) -> None:
    """Also those of certificates the backup never saw; doing it again is nothing."""
    before = site.issue()
    early = site.issue()
    site.revoke(early)
    site.backup()
    after = site.issue()
    for serial in (before, after):
        site.revoke(serial)
    publish_due(site.office, at=_LATER + timedelta(minutes=1))
    with site.store.read() as uow:
        highest = uow.crls.last_number(GOVERNOR)
        entries = [
            (e.authority, e.serial, e.revoked_at, e.reason, e.actor)
            for e in uow.journal.walk()
        ]
    site.restore()
    done = replay(site.office, site.journal, at=_LATER + _DAY, by=OPERATOR)
    assert len(done.revoked) == 2 and len(done.recovered) == 1 and not done.problems
    again = replay(site.office, site.journal, at=_LATER + _DAY, by=OPERATOR)
    assert again.revoked == [] and again.numbers == {} and again.problems == []
    with site.store.read() as uow:
        assert entries == [
            (e.authority, e.serial, e.revoked_at, e.reason, e.actor)
            for e in uow.journal.walk()
        ]
        assert uow.crls.last_number(GOVERNOR) >= highest
        assert account_for_serials(uow).problems == ()
        verify_audit(uow)
    assert all(_revoked(site, serial) for serial in (before, early, after))
    lists = publish_due(site.office, at=_LATER + _DAY)
    numbers = [one.number for one in lists if one.authority == GOVERNOR]
    assert numbers and min(numbers) > highest


@pytest.mark.parametrize("known", [True, False])
def test_what_came_back_is_in_the_list_that_it_names(site: _Site, known: bool) -> None:
    """Also where the backup has heard neither of the certificate nor of its shard."""
    if known:
        site.issue()
    site.backup()
    serials = {site.issue(), site.issue()}
    for serial in serials:
        site.revoke(serial)
    site.restore()
    site.bring_back()
    lists = publish_due(site.office, at=_LATER + _DAY)
    (shard,) = [one for one in lists if one.scope.startswith("crl-")]
    assert (shard.scope == f"crl-{TSUKUBA.five}") is known
    with site.store.read() as uow:
        crl = parse_crl(uow.crls.bytes_of(shard))
    assert {entry.serial for entry in crl.entries()} == serials


def test_revocations_after_the_restore_are_kept_too(site: _Site) -> None:
    """Someone revoked before the replay: both are outside, and in the database."""
    first, second = site.issue(), site.issue()
    site.backup()
    site.revoke(first)
    site.restore()
    with pytest.raises(JournalAhead):
        site.revoke(second)
    site.bring_back()
    assert _revoked(site, first) and _revoked(site, second)
    third = site.issue()
    site.revoke(third)
    lines = [x for x in site.lines() if isinstance(x, OutsideLine)]
    told = [x.content["serial"] for x in lines if x.kind is LineKind.REVOCATION]
    assert told == [f"{serial:x}" for serial in (first, second, third)]


def test_a_dry_run_changes_nothing(site: _Site) -> None:
    """It says what would be done; the database and the file stay as they are."""
    serial = site.issue()
    site.backup()
    site.revoke(serial)
    site.restore()
    content = site.journal.path.read_bytes()
    done = replay(
        site.office, site.journal, at=_LATER + _DAY, by=OPERATOR, dry_run=True
    )
    assert len(done.revoked) == 1
    assert not _revoked(site, serial) and site.journal.path.read_bytes() == content


def test_a_torn_line_is_written_again(site: _Site) -> None:
    """A writer that was killed in the middle leaves nothing that hinders the next."""
    first, second = site.issue(), site.issue()
    site.revoke(first)
    content = site.journal.path.read_bytes()
    site.journal.path.write_bytes(content[:-40])
    site.revoke(second)
    lines = site.lines()
    assert not any(isinstance(line, Damage) for line in lines)
    told = [x.content.get("serial") for x in lines if isinstance(x, OutsideLine)]
    assert told == [f"{serial:x}" for serial in (first, second)]


def test_an_altered_line_is_named_and_hinders_no_other(site: _Site) -> None:
    """The others are brought back; the altered one is a problem with its number."""
    serials = [site.issue() for _ in range(3)]
    site.backup()
    for serial in serials:
        site.revoke(serial)
    content = site.journal.path.read_bytes().replace(
        f'"serial":"{serials[1]:x}"'.encode(), b'"serial":"ff"'
    )
    site.journal.path.write_bytes(content)
    site.restore()
    done = replay(site.office, site.journal, at=_LATER + _DAY, by=OPERATOR)
    assert [_revoked(site, serial) for serial in serials] == [True, False, True]
    assert len(done.problems) == 1 and done.problems[0].startswith("line 2: ")


def test_a_journal_that_was_lost_is_written_from_the_database(site: _Site) -> None:
    """The next revocation writes all that the database knows."""
    first, second = site.issue(), site.issue()
    site.revoke(first)
    site.journal.path.unlink()
    site.revoke(second)
    assert len(site.lines()) == 2


def test_an_altered_end_stops_the_journal_with_a_way_out(site: _Site) -> None:
    """Nothing is appended to a file whose end cannot be trusted."""
    first, second = site.issue(), site.issue()
    site.revoke(first)
    content = site.journal.path.read_bytes()
    site.journal.path.write_bytes(content.replace(b"lost card", b"lost cord"))
    with pytest.raises(StoreError, match="cannot go on"):
        site.revoke(second)
    assert _revoked(site, second)


def test_only_a_ca_operator_replays(site: _Site) -> None:
    """A counter may not."""
    site.revoke(site.issue())
    with pytest.raises(PermissionDenied):
        replay(site.office, site.journal, at=_LATER, by=COUNTER)
