"""What the stores of the authorities and of the register have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from jpki.store import migrate
from jpki.store.engine import Database
from jpki.store.nonces import Nonces

__all__ = ["Store", "UnitOfWork"]


class UnitOfWork(Protocol):
    """One transaction; without `commit` nothing has happened."""

    @property
    def nonces(self) -> Nonces:
        """Those of requests to this store's server."""
        ...

    def commit(self) -> None:
        """Make it all durable. The unit of work is over."""
        ...


Work = TypeVar("Work", bound=UnitOfWork)


class Store(Generic[Work]):
    """A database of one schema, by URL."""

    def __init__(
        self, url: str, *, schema: str, work: Callable[[Connection], Work]
    ) -> None:
        """Name it.

        Args:
            url: of the database.
            schema: which migrations are its own.
            work: makes a unit of work over a transaction.
        """
        self.database = Database(url)
        self._schema = schema
        self._work = work

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database!r})"

    def migrate(self) -> None:
        """Create the schema, or bring it to the newest."""
        migrate.migrate(self.database, self._schema)

    def is_current(self) -> bool:
        """Whether the schema is the one this program was written for."""
        return migrate.is_current(self.database, self._schema)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    @contextmanager
    def read(self) -> Iterator[Work]:
        """One snapshot of everything in it."""
        with self.database.read() as connection:
            yield self._work(connection)

    @contextmanager
    def write(self) -> Iterator[Work]:
        """The only writer; rolled back unless it commits."""
        with self.database.write() as connection:
            yield self._work(connection)

    def remember_nonce(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        """Whether this nonce of a signed request is new; durable when this returns."""
        with self.write() as uow:
            new = uow.nonces.remember(key_id, nonce, expires=expires, at=at)
            uow.commit()
        return new
