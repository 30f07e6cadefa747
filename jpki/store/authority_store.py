"""The authority database, one unit of work at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from jpki.errors import JpkiError
from jpki.store import authority_tables as tables
from jpki.store import migrate
from jpki.store.audit_log import AuditLog
from jpki.store.authority_books import Applications, Authorities, Operators
from jpki.store.certificate_book import Certificates
from jpki.store.consents import Consents
from jpki.store.engine import Database
from jpki.store.nonces import Nonces
from jpki.store.revocation_books import AppliedEvents, Journal, RevocationLists
from jpki.store.serial_blocks import SerialBlocks
from jpki.store.together import Together

__all__ = ["Act", "AuthorityStore", "AuthorityUnitOfWork"]

_SCHEMA: Final = "authority"

T = TypeVar("T")
R = TypeVar("R")


class AuthorityUnitOfWork:
    """One transaction over all books; without `commit` nothing has happened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.authorities = Authorities(connection)
        self.certificates = Certificates(connection)
        self.serials = SerialBlocks(connection)
        self.applications = Applications(connection)
        self.operators = Operators(connection)
        self.consents = Consents(connection)
        self.journal = Journal(connection)
        self.crls = RevocationLists(connection)
        self.events = AppliedEvents(connection)
        self.audit = AuditLog(connection)
        self.nonces = Nonces(connection, tables.seen_nonce)

    def commit(self) -> None:
        """Make it all durable. The unit of work is over."""
        self.audit.flush()
        self._connection.commit()


Act = Callable[[AuthorityUnitOfWork, Sequence[T]], Sequence[R | JpkiError]]
"""Does for several callers what each of them asks for; an answer or error for each."""


class AuthorityStore:
    """The authorities' database, by URL."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self._groups: dict[object, Together[Any, Any]] = {}

    def __repr__(self) -> str:
        return f"AuthorityStore({self.database!r})"

    def migrate(self) -> None:
        """Create the schema, or bring it to the newest."""
        migrate.migrate(self.database, _SCHEMA)

    def is_current(self) -> bool:
        """Whether the schema is the one this program was written for."""
        return migrate.is_current(self.database, _SCHEMA)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    @contextmanager
    def read(self) -> Iterator[AuthorityUnitOfWork]:
        """One snapshot of all books."""
        with self.database.read() as connection:
            yield AuthorityUnitOfWork(connection)

    @contextmanager
    def write(self) -> Iterator[AuthorityUnitOfWork]:
        """The only writer; rolled back unless it commits."""
        with self.database.write() as connection:
            yield AuthorityUnitOfWork(connection)

    def read_together(self, act: Act[T, R], item: T) -> R:
        """Read in one snapshot with what other threads ask at the same time.

        Args:
            act: a function of a module: one group of callers each.
            item: what this caller asks for.
        """

        def read(items: Sequence[T]) -> Sequence[R | JpkiError]:
            with self.read() as uow:
                return act(uow, items)

        return self._group(act, read, item)

    def write_together(self, act: Act[T, R], item: T) -> R:
        """Write in one transaction with what other threads ask at the same time.

        The answer is given after the commit. The act checks before it writes: an item
        for which it answers with an error must have left nothing.
        """

        def write(items: Sequence[T]) -> Sequence[R | JpkiError]:
            with self.write() as uow:
                answers = act(uow, items)
                uow.commit()
            return answers

        return self._group(act, write, item)

    def _group(
        self,
        act: Act[T, R],
        whole: Callable[[Sequence[T]], Sequence[R | JpkiError]],
        item: T,
    ) -> R:
        group = self._groups.get(act)
        if group is None:
            group = self._groups.setdefault(act, Together(whole))
        answer: R = group(item)
        return answer

    def remember_nonce(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        """Whether this nonce of a signed request is new; durable when this returns."""
        with self.write() as uow:
            new = uow.nonces.remember(key_id, nonce, expires=expires, at=at)
            uow.commit()
        return new
