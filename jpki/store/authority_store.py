"""The authority database, one unit of work at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

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
from jpki.store.together import Groups

__all__ = ["AuthorityStore", "AuthorityUnitOfWork"]

_SCHEMA: Final = "authority"


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


class AuthorityStore:
    """The authorities' database, by URL."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.together = Groups()
        """Has several threads' requests done at once."""

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

    def remember_nonce(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        """Whether this nonce of a signed request is new; durable when this returns."""
        with self.write() as uow:
            new = uow.nonces.remember(key_id, nonce, expires=expires, at=at)
            uow.commit()
        return new
