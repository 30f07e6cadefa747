"""The books after 10,000 random operations, and what an intruder does to them.

Whoever has the database file can change anything in it. Each change is made in a
copy, and `jpki audit verify` must find it, exit with 1 and name the first entry that is
wrong.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from jpki.authority import Checkpoint, checkpoint, verify_audit
from jpki.authority.auditing.checkpoints import stored_checkpoints
from jpki.cli import main
from jpki.errors import AuditError
from jpki.store import AuthorityStore
from jpki.store.audit_log import AuditLog
from tests.support.operations import RandomWork

pytestmark = pytest.mark.slow

_OPERATIONS: Final = 10_000
_COLUMNS: Final = (
    "sequence",
    "at",
    "actor",
    "act",
    "subject",
    "details",
    "previous",
    "hash",
)


@dataclass(frozen=True, kw_only=True)
class _Books:
    """A database that a day's work has filled, and what an auditor kept of it."""

    file: Path
    entries: int
    kept: Checkpoint
    """Over all entries; also in the database."""
    before: tuple[int, ...]
    """How many entries each older checkpoint covers."""
    certificate: str
    """As the log names it."""
    mentions: tuple[int, ...]
    """The entries about it."""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> _Books:
    """What 10,000 operations left."""
    file = tmp_path_factory.mktemp("books") / "authority.db"
    store = AuthorityStore(f"sqlite:///{file}")
    store.migrate()
    work = RandomWork(store, seed=20)
    work.do(_OPERATIONS)
    kept = checkpoint(work.office, at=work.at)
    with store.read() as uow:
        completed = [
            entry.subject
            for entry in uow.audit.walk()
            if entry.act == "certificate.completed" and entry.sequence > 5000
        ]
        mentions = uow.audit.of_subject(completed[0])
        covered = [head.entries for head in stored_checkpoints(uow)]
    store.close()
    assert work.done == _OPERATIONS
    assert work.refused < _OPERATIONS / 10
    return _Books(
        file=file,
        entries=kept.entries,
        kept=kept,
        before=tuple(covered[:-1]),
        certificate=completed[0],
        mentions=tuple(entry.sequence for entry in mentions),
    )


@dataclass(frozen=True, kw_only=True)
class _Site:
    """A copy of the books with the settings that `jpki audit` reads."""

    books: _Books
    file: Path
    config: Path
    checkpoint: Path

    def audit(self, *arguments: str) -> Result:
        """Run the command."""
        command = ["audit", *arguments]
        if arguments[0] != "check":
            command += ["--config", str(self.config)]
        return CliRunner().invoke(main, command)

    def verify(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit status and document of `jpki audit verify --json`."""
        result = self.audit("verify", "--json", *arguments)
        assert result.stdout, result.output
        return result.exit_code, json.loads(result.stdout)

    @contextmanager
    def intruder(self) -> Iterator[sqlite3.Connection]:
        """The file as a database without any of its guards."""
        with closing(sqlite3.connect(self.file, isolation_level=None)) as database:
            triggers = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            )
            for (name,) in triggers.fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.execute("BEGIN")
            yield database
            database.execute("COMMIT")

    def forge(self, change: Callable[[list[dict[str, Any]]], None]) -> None:
        """Change the log, and make chain, tree and head fit what it says now."""
        store = AuthorityStore(f"sqlite:///{self.file}")
        with store.read() as uow:
            columns = ("at", "actor", "act", "subject", "details")
            entries = [
                {name: getattr(entry, name) for name in columns}
                for entry in uow.audit.walk()
            ]
        change(entries)
        with self.intruder() as database:
            database.execute("DELETE FROM audit_entry")
            database.execute("DELETE FROM audit_node")
            database.execute(
                "UPDATE head SET audit_sequence = 0, audit_hash = zeroblob(32)"
            )
        with store.database.write() as connection:
            log = AuditLog(connection)
            for entry in entries:
                log.append(
                    at=datetime.fromisoformat(entry["at"]),
                    by=entry["actor"],
                    act=entry["act"],
                    subject=entry["subject"],
                    details=json.loads(entry["details"]),
                )
            log.flush()
            connection.commit()
        store.close()


@pytest.fixture
def site(books: _Books, tmp_path: Path) -> _Site:
    """A copy to spoil."""
    file = tmp_path / "authority.db"
    shutil.copy(books.file, file)
    config = tmp_path / "jpki.toml"
    config.write_text(f'[authority]\ndatabase = "sqlite:///{file}"\n')
    kept = tmp_path / "kept.txt"
    kept.write_text(books.kept.text)
    return _Site(books=books, file=file, config=config, checkpoint=kept)


def test_untouched_books_agree(site: _Site) -> None:
    """Everything is accounted for, with and without the checkpoint that was kept."""
    status, document = site.verify("--checkpoint", str(site.checkpoint))
    assert status == 0, document["problems"]
    assert document["log"]["entries"] == site.books.entries + 1  # about the last one
    assert document["log"]["unsigned_entries"] == 0
    assert document["log"]["checkpoints"] > 10
    shown = site.audit("verify")
    assert shown.exit_code == 0
    assert "✓" in shown.output


@pytest.mark.parametrize("column", _COLUMNS)
def test_one_bit_of_any_column_is_located(site: _Site, column: str) -> None:
    """Of entries anywhere in the log, the last one among them; exactly."""
    chance = random.Random(column)
    last = site.books.entries
    store = AuthorityStore(f"sqlite:///{site.file}")
    for sequence in (1, chance.randrange(2, last), last):
        with site.intruder() as database:
            restore = _flip(database, column, sequence, chance)
        with pytest.raises(AuditError) as caught, store.read() as uow:
            verify_audit(uow)
        assert caught.value.sequence == sequence
        if sequence != last:
            with site.intruder() as database:
                database.execute(*restore)
    store.close()
    if column == "details":
        status, document = site.verify()
        assert status == 1
        assert document["log"]["broken_at"] == last
        shown = site.audit("verify")
        assert shown.exit_code == 1
        assert f"audit entry {last}" in shown.output


def _flip(
    database: sqlite3.Connection, column: str, sequence: int, chance: random.Random
) -> tuple[str, tuple[object, ...]]:
    """Flip one bit; what undoes it."""
    (row,) = database.execute(
        "SELECT rowid FROM audit_entry WHERE sequence = ?", (sequence,)
    ).fetchone()
    if column == "sequence":
        update = "UPDATE audit_entry SET sequence = ? WHERE rowid = ?"
        database.execute(update, (sequence + (1 << 40), row))
        return update, (sequence, row)
    kind, octets = database.execute(
        f"SELECT typeof({column}), CAST({column} AS BLOB) FROM audit_entry"
        " WHERE rowid = ?",
        (row,),
    ).fetchone()
    spoiled = bytearray(octets)
    spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    value = "CAST(? AS TEXT)" if kind == "text" else "?"
    update = f"UPDATE audit_entry SET {column} = {value} WHERE rowid = ?"
    database.execute(update, (bytes(spoiled), row))
    return update, (octets, row)


@pytest.mark.parametrize("column", _COLUMNS)
def test_something_else_in_place_of_a_value_is_located(
    site: _Site, column: str
) -> None:
    """A database file takes any type anywhere; nothing of it ends in a traceback."""
    store = AuthorityStore(f"sqlite:///{site.file}")
    for sequence, value in enumerate(("text", 1 << 60, 43.5, b"octets"), start=41):
        with site.intruder() as database:
            (row, before) = database.execute(
                f"SELECT rowid, {column} FROM audit_entry WHERE sequence = ?",
                (sequence,),
            ).fetchone()
            update = f"UPDATE audit_entry SET {column} = ? WHERE rowid = ?"
            database.execute(update, (value, row))
        with pytest.raises(AuditError) as caught, store.read() as uow:
            verify_audit(uow)
        assert caught.value.sequence == sequence, (column, value)
        with site.intruder() as database:
            database.execute(update, (before, row))
    store.close()


@pytest.mark.parametrize(
    ("statements", "broken_at", "reason"),
    [
        (["DELETE FROM audit_entry WHERE sequence = 777"], 777, "is missing"),
        (
            [
                "UPDATE audit_entry SET sequence = -1 WHERE sequence = 5000",
                "UPDATE audit_entry SET sequence = 5000 WHERE sequence = 5001",
                "UPDATE audit_entry SET sequence = 5001 WHERE sequence = -1",
            ],
            5000,
            "does not follow",
        ),
        (
            ["UPDATE audit_entry SET details = '{}' WHERE sequence BETWEEN 60 AND 90"],
            60,
            "was altered",
        ),
        (["DELETE FROM audit_entry WHERE sequence > 7000"], 7001, "with all up to"),
        (["UPDATE head SET audit_hash = zeroblob(32)"], None, "last writer"),
        (["DELETE FROM head"], None, "head cannot be read"),
        (
            ["UPDATE audit_node SET hash = zeroblob(32) WHERE position = 3"],
            769,
            "or one up to 1024",
        ),
        (["DELETE FROM audit_node WHERE position = 3"], 769, "or one up to 1024"),
        (["UPDATE audit_checkpoint SET root = zeroblob(32)"], None, "not verify"),
        (["UPDATE audit_checkpoint SET at = '2014'"], None, "not verify"),
        (["DELETE FROM audit_key"], None, "cannot be read"),
    ],
)
def test_rows_are_missed_and_found_changed(
    site: _Site, statements: list[str], broken_at: int | None, reason: str
) -> None:
    """A row, two that change places, a tail; and what stands beside the log."""
    with site.intruder() as database:
        for statement in statements:
            assert database.execute(statement).rowcount
    status, document = site.verify()
    assert status == 1
    assert reason in document["log"]["reason"], document
    if broken_at is not None:
        assert document["log"]["broken_at"] == broken_at


def test_a_consistent_forgery_is_located_between_two_checkpoints(site: _Site) -> None:
    """Chain, tree and head fit the new words; the signature over them is missing."""
    chosen = site.books.before[len(site.books.before) // 2] + 2

    def change(entries: list[dict[str, Any]]) -> None:
        entries[chosen - 1]["actor"] = "somebody-else"

    site.forge(change)
    status, document = site.verify()
    assert status == 1
    first = max(end for end in site.books.before if end < chosen) + 1
    after = min(
        end for end in (*site.books.before, site.books.entries) if end >= chosen
    )
    assert document["log"]["broken_at"] == first
    assert f"up to {after} was rewritten" in document["log"]["reason"]


def test_a_cut_with_everything_inside_is_shown_by_the_checkpoint_that_was_kept(
    site: _Site,
) -> None:
    """Head, tree and checkpoints cut off as well: only the one from elsewhere tells."""
    end = site.books.entries - 1500

    def cut(entries: list[dict[str, Any]]) -> None:
        del entries[end:]

    site.forge(cut)
    with site.intruder() as database:
        database.execute("DELETE FROM audit_checkpoint WHERE entries > ?", (end,))
    _, alone = site.verify()
    assert alone["log"]["entries"] == end
    # Even so the certificates of that time are in no log.
    assert any("the log never says" in problem for problem in alone["problems"])
    status, document = site.verify("--checkpoint", str(site.checkpoint))
    assert status == 1
    assert document["log"]["broken_at"] == end + 1
    assert f"all up to {site.books.entries}" in document["log"]["reason"]


def test_a_proof_outlives_what_is_deleted(site: _Site, tmp_path: Path) -> None:
    """Proven while it is there; once its entries are gone, their absence is not."""
    name = site.books.certificate
    proof = tmp_path / "proof.json"
    made = site.audit("prove", name, "--json")
    assert made.exit_code == 0, made.output
    proof.write_text(made.stdout)
    checked = site.audit("check", str(proof), "--checkpoint", str(site.checkpoint))
    assert checked.exit_code == 0, checked.output
    authority, serial = name.split("/")
    with site.intruder() as database:
        gone = database.execute(
            "DELETE FROM certificate WHERE authority = ? AND serial = ?",
            (authority, serial),
        )
        assert gone.rowcount == 1
    # The certificate is out of the books: the log still proves that it was made.
    assert site.audit("prove", name, "--json").stdout == made.stdout
    status, document = site.verify()
    assert status == 1
    assert f"{name} is in the log, but in no book" in document["problems"]
    with site.intruder() as database:
        database.execute("DELETE FROM audit_entry WHERE subject = ?", (name,))
    # Out of the log as well: that it was never there is not said of such a log.
    refused = site.audit("prove", name)
    assert refused.exit_code == 2
    assert f"audit entry {site.books.mentions[0]}: is missing" in refused.output
    assert "[audit]" in refused.output
    status, document = site.verify()
    assert document["log"]["broken_at"] == site.books.mentions[0]
    # And whoever has the proof still shows it.
    checked = site.audit("check", str(proof), "--checkpoint", str(site.checkpoint))
    assert checked.exit_code == 0, checked.output
