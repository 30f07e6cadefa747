"""Databases and their transactions: one discipline on SQLite and on PostgreSQL.

A write transaction excludes every other writer from its first statement on: BEGIN
IMMEDIATE on SQLite, a lock on the single row of table `head` on PostgreSQL. What is
read in it is therefore still true when it commits. A read transaction sees one
snapshot. Nothing is committed unless the caller says so.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from jpki.errors import Conflict, DiskFull, StoreError

__all__ = ["LOCK_WAIT_SECONDS", "Database", "stream"]

LOCK_WAIT_SECONDS: Final = 8
"""How long a writer waits for the one before it: less than clients wait for an answer,
so that they hear why."""

_POOL_SIZE: Final = 16
_WRITE: Final = "jpki_write"
_DISK: Final = ("disk is full", "disk I/O error", "No space left on device")
"""As SQLite and PostgreSQL put it; a limit of a file's size is an I/O error."""


class Database:
    """One database behind a URL: `sqlite:///file` or `postgresql://…`."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.engine = _open(self.url)
        self._turn = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file, not a server."""
        return self.url.get_backend_name() == "sqlite"

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot; nothing can be changed in it."""
        with _our_errors(), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only writer there is; rolled back unless the caller commits."""
        # Threads of this process queue here, where the next is woken at once. Other
        # processes are kept out by the database: SQLite makes them ask again and again.
        with self._in_turn(), _our_errors(), self.engine.connect() as connection:
            writer = connection.execution_options(**{_WRITE: True})
            if not self.is_sqlite:
                writer.execute(text("SELECT 1 FROM head WHERE id = 1 FOR UPDATE"))
            yield writer

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=LOCK_WAIT_SECONDS):
            raise StoreError(
                "the database cannot be used: another thread is writing",
                hint="try again when it is done",
            )
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """The only migration there is, before any table exists."""
        with _our_errors():
            if self.is_sqlite:
                _create_private(Path(self.url.database or ""))
                with self.engine.connect() as connection:
                    _use_write_ahead_log(connection)
            with self.engine.connect() as connection:
                writer = connection.execution_options(**{_WRITE: True})
                if not self.is_sqlite:
                    writer.execute(text("SELECT pg_advisory_xact_lock(1246776137)"))
                yield writer
                writer.commit()


def stream(connection: Connection, statement: Select[Any]) -> Iterator[Row[Any]]:
    """The rows of a large answer, held a thousand at a time."""
    with connection.execute(statement, execution_options={"yield_per": 1000}) as rows:
        yield from rows


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        parsed, backend = None, ""
    if parsed is not None and backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is not None and backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise StoreError(
                "an SQLite database needs a file: every connection would see its own",
                hint="write sqlite:////absolute/path/authority.db",
            )
        return parsed
    raise StoreError(
        "the database URL is neither SQLite nor PostgreSQL",
        hint="write sqlite:////absolute/path/file.db or postgresql://user@host/name",
    )


def _open(url: URL) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    wait = LOCK_WAIT_SECONDS
    connect_args: dict[str, Any] = (
        {"timeout": wait}
        if sqlite
        else {"options": f"-c lock_timeout={wait}s -c timezone=UTC"}
    )
    try:
        engine = create_engine(
            url,
            connect_args=connect_args,
            pool_size=_POOL_SIZE,
            pool_timeout=wait,
            pool_pre_ping=not sqlite,
        )
    except ModuleNotFoundError as error:
        raise StoreError(
            f"this database needs the Python package {error.name}",
            hint="install the package with its extra: pip install 'jpki[postgresql]'",
        ) from None
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes late and never for DDL; `_begin_sqlite` sends ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _use_write_ahead_log(connection: Connection) -> None:
    # Outside a transaction, hence on the driver's connection.
    driver = connection.connection.driver_connection
    assert driver is not None
    (mode,) = driver.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        driver.execute("PRAGMA journal_mode = WAL")


def _create_private(path: Path) -> None:
    # Resident records: only the owner may read the file (and SQLite gives its side
    # files the same mode). A file that is there must not be opened here: closing it
    # would end the locks that this process's other connections hold on it (fcntl(2)),
    # and another process could take the write-ahead log away from under them.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(
            f"cannot create the database file {path}: {error.strerror}",
            hint="create its folder and let this user write there",
        ) from None


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"the database refused a duplicate: {_first_line(error)}") from (
            error
        )
    except (OperationalError, ProgrammingError) as error:
        reason = _first_line(error)
        if any(sign in reason for sign in _DISK):
            raise DiskFull(reason) from error
        raise StoreError(
            f"the database cannot be used: {reason}", hint=_next_step(reason)
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the database failed: {_first_line(error)}") from error


def _first_line(error: SQLAlchemyError) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip().partition("\n")[0]


def _next_step(reason: str) -> str | None:
    for sign, step in (
        ("no such table", "migrate the database first"),
        ("does not exist", "create the database, then migrate it"),
        ("lock", "another process holds the database; try again when it is done"),
        ("readonly", "let this user write to the database file and its folder"),
        ("unable to open", "create its folder and migrate the database first"),
        ("connection", "check that the database server is running and reachable"),
    ):
        if sign in reason:
            return step
    return None
