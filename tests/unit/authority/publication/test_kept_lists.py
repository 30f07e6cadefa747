"""CRLs at hand: seen anew in time, never silently wrong, bounded in memory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, text

from jpki.authority import Office, publish
from jpki.authority.publication.kept_lists import KeptList, KeptLists
from jpki.errors import Damaged, NotFound, StoreError
from jpki.store import AuthorityStore
from jpki.store.authority_records import CRLRecord, ListName
from tests.support.offices import FOUNDING, GOVERNOR, Register, new_office

HOUR = timedelta(hours=1)
NAME = ListName(GOVERNOR, 1, "crl")
LONG_AGO = float("-inf")


@dataclass(kw_only=True)
class Desk:
    """An office and its lists, as a server keeps them."""

    office: Office
    lists: KeptLists

    def publish(self, at: datetime = FOUNDING) -> CRLRecord:
        """Publish a list as another process does."""
        return publish(self.office, GOVERNOR, at=at, by="test")

    def current(self, at: datetime = FOUNDING) -> KeptList:
        """The list in force, by a new look."""
        with suppress(StoreError):
            self.lists.current(NAME, at=at).trusted_until = LONG_AGO
        return self.lists.current(NAME, at=at)

    def write(self, statement: str, **values: object) -> None:
        """Somebody else's hand in the database."""
        with self.office.store.database.write() as connection:
            connection.execute(text(statement), values)
            connection.commit()


@pytest.fixture
def desk(founded_store: AuthorityStore) -> Desk:
    """The authorities of one prefecture, with one published list."""
    office = new_office(founded_store, Register())
    made = Desk(office=office, lists=KeptLists(office.store))
    made.publish()
    return made


def test_the_newest_list_is_seen_at_the_next_look(desk: Desk) -> None:
    """By every process that shares the database; half a second is the longest wait."""
    first = desk.current()
    again = KeptLists(desk.office.store).current(NAME, at=FOUNDING)
    assert again.der.octets == first.der.octets
    assert again.der.tag == first.der.tag
    published = desk.publish(FOUNDING + HOUR)
    assert desk.lists.current(NAME, at=FOUNDING).record == first.record
    assert desk.current().record.number == published.number


def test_an_unchanged_list_is_not_read_again(desk: Desk) -> None:
    """A look costs a row without its bytes, and requests between two looks nothing."""
    desk.current()
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    engine = desk.office.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    desk.lists.current(NAME, at=FOUNDING)
    assert statements == []
    desk.current()
    event.remove(engine, "before_cursor_execute", note)
    assert len([one for one in statements if "SELECT" in one]) == 1
    assert not any("crl.crl" in one or "crl.tbs" in one for one in statements)


def test_without_the_database_a_list_is_given_until_its_end(
    founded_store: AuthorityStore, desk: Desk
) -> None:
    """And not a moment longer."""
    kept = desk.current()
    end = kept.record.next_update
    desk.write("ALTER TABLE crl RENAME TO crl_away")
    try:
        assert desk.current(end - timedelta(seconds=1)) is kept
        with pytest.raises(StoreError):
            desk.current(end)
        with pytest.raises(StoreError):
            desk.lists.current(ListName("bridge", 1, "crl"), at=FOUNDING)
    finally:
        desk.write("ALTER TABLE crl_away RENAME TO crl")
    assert desk.current(end) is kept


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE crl_piece SET octets = octets || octets WHERE number = :number",
        "DELETE FROM crl_piece WHERE number = :number",
        "DELETE FROM crl_piece WHERE number = :number AND place = 1",
        "UPDATE crl_piece SET octets = (SELECT other.octets FROM crl_piece AS other"
        " WHERE other.number <> :number AND other.place = 1)"
        " WHERE number = :number AND place = 1",
    ],
)
def test_a_damaged_list_is_never_given(desk: Desk, damage: str) -> None:
    """Other bytes, none, or those of another list: all differ from the log's."""
    second = desk.publish(FOUNDING + HOUR)
    desk.write(damage, number=second.number)
    with pytest.raises(Damaged, match=f"CRL {second.number}"):
        desk.current()
    with pytest.raises(Damaged):
        desk.lists.numbered(GOVERNOR, second.number)
    with pytest.raises(Damaged):
        desk.lists.at(NAME, FOUNDING + 2 * HOUR)
    assert desk.lists.at(NAME, FOUNDING).record.number < second.number


def test_every_list_is_there_by_number_and_by_instant(desk: Desk) -> None:
    """From its publication until the next one; before the first there is none."""
    first = desk.current()
    second = desk.publish(FOUNDING + HOUR)
    third = desk.publish(FOUNDING + 2 * HOUR)
    for at, number in (
        (FOUNDING, first.record.number),
        (FOUNDING + HOUR - timedelta(seconds=1), first.record.number),
        (FOUNDING + HOUR, second.number),
        (FOUNDING + 2 * HOUR, third.number),
        (FOUNDING + 1000 * HOUR, third.number),
    ):
        assert desk.lists.at(NAME, at).record.number == number
    kept = desk.lists.numbered(GOVERNOR, first.record.number)
    assert kept.der == first.der
    for authority, number in ((GOVERNOR, 1), ("bridge", first.record.number)):
        with pytest.raises(NotFound):
            desk.lists.numbered(authority, number)
    with pytest.raises(NotFound):
        desk.lists.at(NAME, FOUNDING - HOUR)


def test_lists_of_one_second_are_told_apart(desk: Desk) -> None:
    """The time of the second says nothing; that of a later one does."""
    assert desk.current().alone_in_its_second
    desk.publish(FOUNDING)
    assert not desk.current().alone_in_its_second
    desk.publish(FOUNDING + HOUR)
    assert desk.current().alone_in_its_second


def test_memory_is_bounded(desk: Desk) -> None:
    """What is asked for least recently goes first, and is read again when wanted."""
    numbers = [desk.current().record.number]
    numbers += [desk.publish(FOUNDING + HOUR * n).number for n in range(1, 5)]
    size = desk.current().size
    lists = KeptLists(desk.office.store, room=10 * size)
    for number in numbers:
        assert lists.numbered(GOVERNOR, number).record.number == number
    held = list(lists._archive._lists)
    assert held == [(GOVERNOR, number) for number in numbers[-2:]]
    tight = KeptLists(desk.office.store, room=1)
    assert tight.current(NAME, at=FOUNDING).size == size
    assert len(tight._in_force._lists) == 1


def test_a_list_is_written_once_in_each_form(desk: Desk) -> None:
    """PEM and gzip are kept with it, and count as its size."""
    kept = desk.current()
    before = kept.size
    assert kept.plain(text=True) is kept.plain(text=True)
    assert kept.size == before + len(kept.plain(text=True).octets)
    assert desk.lists.packed(kept, text=False) is desk.lists.packed(kept, text=False)
