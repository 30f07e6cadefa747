"""`kill -9` of the certification authority at any moment, and what the books say then.

The clerks, the killing and the reckoning are those of `python -m benchmarks crash`.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from benchmarks.crash_rig import POINTS, Findings, Rig, open_rig

_KILLS: Final = 100
"""In each of two runs."""
_MOVERS: Final = 1
"""A seed with which the first residents of both clerks move house."""


@pytest.mark.slow
@pytest.mark.parametrize("run", range(2))
def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path, run: int) -> None:
    """At every named point, and at random moments of start, recovery and work."""
    with open_rig(tmp_path / "rig") as rig:
        rig.start_work()
        for point in POINTS:
            rig.kill_at_point(point)
        for _ in range(_KILLS - len(POINTS)):
            rig.kill_at_random()
        found = rig.settle()
    assert found.clean, found
    assert found.kills == _KILLS
    assert found.certificates > 10
    assert found.events > 0


@dataclass(kw_only=True)
class Ran:
    """A short run that is over, and its books in a file."""

    rig: Rig
    findings: Findings
    books: Path
    kept: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """Two kills where they hurt most, then everybody finishes."""
    folder = tmp_path_factory.mktemp("crash")
    with open_rig(folder / "rig", seed=_MOVERS) as rig:
        rig.start_work()
        for point in ("issuance.signed", "intake.revoked"):
            rig.kill_at_point(point)
        findings = rig.settle()
        books, kept = folder / "rig" / "data" / "authority.sqlite", folder / "kept"
        with closing(sqlite3.connect(books)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(books, kept)
        yield Ran(rig=rig, findings=findings, books=books, kept=kept)


def test_a_few_kills_lose_and_double_nothing(ran: Ran) -> None:
    """Between signature and book, between revocation and cursor."""
    assert ran.findings.clean, ran.findings
    assert ran.findings.kills == 2
    assert ran.findings.certificates >= 2
    assert ran.findings.events >= 1
    assert ran.rig.examine() == ran.findings


# -- the reckoning can fail -----------------------------------------------------------


def _lose_a_certificate(books: sqlite3.Connection) -> None:
    books.execute(
        "DELETE FROM certificate WHERE serial ="
        " (SELECT serial FROM certificate WHERE application IS NOT NULL LIMIT 1)"
    )


def _double_a_certificate(books: sqlite3.Connection) -> None:
    columns = [row[1] for row in books.execute("PRAGMA table_info(certificate)")]
    others = ", ".join(name for name in columns if name != "serial")
    books.execute(
        f"INSERT INTO certificate (serial, {others}) SELECT '00' || serial, {others}"
        " FROM certificate WHERE application IS NOT NULL LIMIT 1"
    )


def _forget_an_event(books: sqlite3.Connection) -> None:
    books.execute("DELETE FROM audit_entry WHERE act = 'event.applied'")


def _apply_an_event_again(books: sqlite3.Connection) -> None:
    columns = [row[1] for row in books.execute("PRAGMA table_info(audit_entry)")]
    others = ", ".join(name for name in columns if name != "sequence")
    books.execute(
        f"INSERT INTO audit_entry (sequence, {others}) SELECT"
        f" (SELECT max(sequence) + 1 FROM audit_entry), {others}"
        " FROM audit_entry WHERE act = 'event.applied' LIMIT 1"
    )


def _unrevoke(books: sqlite3.Connection) -> None:
    books.execute("DELETE FROM revocation")


def _alter_the_log(books: sqlite3.Connection) -> None:
    books.execute("UPDATE audit_entry SET actor = 'nobody' WHERE sequence = 3")


def _leave_pending(books: sqlite3.Connection) -> None:
    books.execute(
        "UPDATE certificate SET state = 'pending', certificate = NULL"
        " WHERE application IS NOT NULL"
    )


def _lose_the_lists(books: sqlite3.Connection) -> None:
    books.execute("DELETE FROM crl_piece")
    books.execute("DELETE FROM crl")


@pytest.mark.parametrize(
    ("tamper", "shown"),
    [
        (_lose_a_certificate, "certificates_lost"),
        (_double_a_certificate, "certificates_doubled"),
        (_forget_an_event, "events_lost"),
        (_apply_an_event_again, "events_doubled"),
        (_unrevoke, "events_lost"),
        (_alter_the_log, "disagreements"),
        (_leave_pending, "disagreements"),
        (_lose_the_lists, "disagreements"),
    ],
)
def test_the_reckoning_finds_what_is_wrong(
    ran: Ran, tamper: Callable[[sqlite3.Connection], None], shown: str
) -> None:
    """Books that somebody tampered with are not clean, and the right count says so."""
    with closing(sqlite3.connect(ran.books)) as connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        tamper(connection)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        found = ran.rig.examine()
    finally:
        with (
            closing(sqlite3.connect(ran.kept)) as good,
            closing(sqlite3.connect(ran.books)) as books,
        ):
            good.backup(books)
    assert not found.clean
    assert getattr(found, shown)
    assert ran.rig.examine().clean
