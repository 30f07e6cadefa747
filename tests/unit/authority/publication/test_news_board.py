"""What was read of the journal is kept, and never stands between a line and a list."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from jpki.authority import Issued, Office, publish_due, revoke
from jpki.authority.publication import Board, due
from jpki.model.codes import ResidentCode
from jpki.model.revocation import RevocationReason
from jpki.store import news_board
from jpki.store.news_board import KeptNews
from tests.support.offices import (
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    TARO,
    Register,
    certified,
)

_HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _keep_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "_WORTH_KEEPING", 1)


def _revoke(office: Office, issued: Issued, hour: int) -> None:
    revoke(
        office,
        GOVERNOR,
        issued.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="lost card",
        at=FOUNDING + hour * _HOUR,
        by=OPERATOR,
    )


def _due(office: Office, hour: int, board: Board | None = None) -> set[str]:
    made = publish_due(office, at=FOUNDING + hour * _HOUR, board=board)
    return {record.scope for record in made if record.authority == GOVERNOR}


def _issued(office: Office, register: Register, count: int) -> list[Issued]:
    """Certificates of so many residents."""
    people = [
        replace(TARO, code=ResidentCode.from_ten(f"{1000000000 + number}"))
        for number in range(count)
    ]
    register.add(*people)
    return [certified(office, each, key=each.code.digits) for each in people]


def _position(office: Office) -> int:
    with office.store.read() as uow:
        return uow.journal.position()


def _kept(office: Office) -> KeptNews | None:
    with office.store.read() as uow:
        return uow.news.kept()


def _write(office: Office, *statements: str) -> None:
    with office.store.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


@contextmanager
def _read_after(office: Office) -> Iterator[list[int]]:
    """The positions after which the journal is read for news."""
    found: list[int] = []

    def note(_c: Any, _u: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "max(revocation.position)" in statement:
            values = parameters.values() if isinstance(parameters, dict) else parameters
            found.extend(values)

    engine = office.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_another_process_reads_only_what_is_new(
    office: Office, register: Register
) -> None:
    """Although a list that has had no news for long is in force."""
    people = _issued(office, register, 3)
    _due(office, 0)
    for hour, issued in enumerate(people, start=1):
        _revoke(office, issued, hour)
        before = _position(office) - 1
        with _read_after(office) as read:
            assert "crl" in _due(office, hour)
        assert read == [before]
        kept = _kept(office)
        assert kept is not None
        assert (kept.since, kept.position) == (0, _position(office))
    with _read_after(office) as read:
        assert _due(office, 4) == set()
    assert read == [_position(office)]


def test_what_is_due_is_the_same_with_and_without(
    office: Office, register: Register
) -> None:
    """A board of this process, one that was kept, or none."""
    board = Board()
    people = _issued(office, register, 4)
    for hour in range(12):
        if hour % 3 == 1:
            _revoke(office, people[hour // 3], hour)
        if hour % 2:
            _write(office, "DELETE FROM news_board")
        made = _due(office, hour, board if hour % 4 == 1 else None)
        assert ("crl" in made) is (hour % 3 == 1 or hour == 0)
        for other in (Board(), board):
            assert _due(office, hour, other) == set()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM news_board",
        "UPDATE news_board SET content = '[]'",
        "UPDATE news_board SET content = 'nonsense'",
        "UPDATE news_board SET position = position + 1",
        "UPDATE news_board SET position = position + 1, newest = (SELECT authority"
        " FROM revocation ORDER BY position DESC LIMIT 1) || '/' || (SELECT serial"
        " FROM revocation ORDER BY position DESC LIMIT 1)",
        "UPDATE news_board SET newest = 'governor-13/1'",
        "UPDATE news_board SET since = 0, sha256 = 'x'",
    ],
)
def test_a_damaged_board_skips_nothing(
    office: Office, register: Register, damage: str
) -> None:
    """The journal is read again, as far back as any list has seen it."""
    first, second = _issued(office, register, 2)
    _due(office, 0)
    _revoke(office, first, 1)
    assert "crl" in _due(office, 1)
    assert _kept(office) is not None
    _revoke(office, second, 2)
    _write(office, damage)
    assert _kept(office) is None
    assert "crl" in _due(office, 2)
    kept = _kept(office)
    assert kept is not None
    assert kept.position == _position(office)


@pytest.mark.parametrize(
    "content", ["nonsense", "7", "[[1]]", '[["a", 1, "b", "", 1]]']
)
def test_a_board_that_says_nothing_counts_for_nothing(
    office: Office, content: str
) -> None:
    """Also one whose checksum is right."""
    _due(office, 0)
    _revoke(office, certified(office), 1)
    _due(office, 1)
    kept = _kept(office)
    assert kept is not None
    with office.store.read() as uow:
        (line,) = uow.journal.after(0, limit=1)
    newest = f"{line.authority}/{line.serial:x}"
    checksum = news_board._checksum(kept.since, kept.position, newest, content)
    _write(
        office,
        f"UPDATE news_board SET content = '{content}', sha256 = '{checksum}'",
    )
    assert _kept(office) is None
    assert _due(office, 1) == set()


def test_a_board_that_begins_too_late_is_not_used(office: Office) -> None:
    """Somebody kept what they read; another list has seen less of the journal."""
    issued = certified(office)
    _due(office, 0)
    _revoke(office, issued, 1)
    with office.store.write() as uow:
        uow.news.keep(KeptNews(since=1, position=1, lines=()))
        uow.commit()
    assert _kept(office) == KeptNews(1, 1, ())
    assert "crl" in _due(office, 1)
    kept = _kept(office)
    assert kept is not None
    assert kept.since == 0


def test_of_two_who_publish_the_one_who_read_further_is_kept(
    office: Office, register: Register
) -> None:
    """The other comes later and changes nothing."""
    people = _issued(office, register, 2)
    _due(office, 0)
    slow = Board()
    _revoke(office, people[0], 1)
    with office.store.read() as uow:
        slow.read_on(uow, since=0)
    _revoke(office, people[1], 2)
    _due(office, 2)
    before = _kept(office)
    assert before is not None
    assert before.position == 2
    slow.keep(office)
    assert _kept(office) == before


def test_an_older_copy_of_the_books_is_read_from_its_begin(office: Office) -> None:
    """A board that has read further than the journal goes knows another one."""
    issued = certified(office)
    _due(office, 0)
    board = Board()
    with office.store.read() as uow:
        board.read_on(uow, since=0)
    board._seen = 7  # as in a database whose journal was longer
    _revoke(office, issued, 1)
    assert "crl" in _due(office, 1, board)


_NO_ROOM = {
    True: (
        "CREATE TRIGGER no_room BEFORE INSERT ON news_board"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
        "DROP TRIGGER no_room",
    ),
    False: (
        "ALTER TABLE news_board ADD CONSTRAINT no_room CHECK (since < 0)",
        "ALTER TABLE news_board DROP CONSTRAINT no_room",
    ),
}


def test_lists_are_published_where_the_board_cannot_be_kept(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and tried again the next time."""
    issued = certified(office)
    _due(office, 0)
    no_room, room = _NO_ROOM[office.store.database.is_sqlite]
    _write(office, no_room)
    _revoke(office, issued, 1)
    with caplog.at_level(logging.WARNING):
        assert "crl" in _due(office, 1)
    assert "is not kept" in caplog.text
    assert _kept(office) is None
    _write(office, room)
    _due(office, 2)
    assert _kept(office) is not None
