"""What state a database is in, found out without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from jpki.errors import NotFound
from jpki.store.engine import Database
from jpki.store.migrate import configuration

__all__ = ["DatabaseState", "examine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseState:
    """A database that can be reached, and written if no error was raised."""

    file: Path | None
    """SQLite's; None for a server's database."""
    journal_mode: str | None
    """SQLite's; `wal` is what the programs here set."""
    schema: str | None
    """The newest migration that was run; None if none ever was."""
    newest: str
    """The newest that this program has."""
    known: bool
    """Whether this program has the one that was run: else a newer program ran it."""

    @property
    def current(self) -> bool:
        """Whether the schema is the one that this program was written for."""
        return self.schema == self.newest


def examine(
    database: Database, schema: Literal["authority", "registry"]
) -> DatabaseState:
    """Read what it says about itself; where there is a schema, take the writer's turn.

    Raises:
        NotFound: its file is not there.
        StoreError: it cannot be reached, read or written.
    """
    file = None
    if database.is_sqlite:
        file = Path(database.url.database or "")
        # Opening a missing file would create it.
        if not file.is_file():
            raise NotFound("database file", file)
    script = ScriptDirectory.from_config(configuration(schema))
    newest = script.get_current_head()
    assert newest is not None
    mode = None
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if database.is_sqlite:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if found is not None:
        with database.write():
            pass
    return DatabaseState(
        file=file,
        journal_mode=mode,
        schema=found,
        newest=newest,
        known=found is None or _knows(script, found),
    )


def _knows(script: ScriptDirectory, revision: str) -> bool:
    try:
        return script.get_revision(revision) is not None
    except CommandError:
        return False
