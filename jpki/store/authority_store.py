"""The authority database, one unit of work at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection

from jpki.store import authority_tables as tables
from jpki.store.applied_events import AppliedEvents
from jpki.store.audit_log import AuditLog
from jpki.store.authority_books import Applications, Authorities, Operators
from jpki.store.base import Store
from jpki.store.certificate_book import Certificates
from jpki.store.consents import Consents
from jpki.store.list_archive import ListArchive
from jpki.store.news_board import NewsBoard
from jpki.store.nonces import Nonces
from jpki.store.outside_journal import OutsideJournal
from jpki.store.revocation_books import Journal, RevocationLists
from jpki.store.serial_blocks import SerialBlocks
from jpki.store.shards import Shards
from jpki.store.together import Groups
from jpki.store.verifier_books import Verifiers

__all__ = ["AuthorityStore", "AuthorityUnitOfWork"]


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
        self.verifiers = Verifiers(connection)
        self.journal = Journal(connection)
        self.news = NewsBoard(connection)
        self.crls = RevocationLists(connection)
        self.archive = ListArchive(connection)
        self.shards = Shards(connection)
        self.events = AppliedEvents(connection)
        self.audit = AuditLog(connection)
        self.nonces = Nonces(connection, tables.seen_nonce)
        self._committed = False

    def commit(self) -> None:
        """Make it all durable. The unit of work is over."""
        self.audit.flush()
        self._connection.commit()
        self._committed = True

    @property
    def goes_outside(self) -> bool:
        """Whether it made what the journal outside the database tells."""
        return self._committed and bool(self.journal.grown or self.crls.reserved)


class AuthorityStore(Store[AuthorityUnitOfWork]):
    """The authorities' database, by URL."""

    def __init__(self, url: str, *, outside: OutsideJournal | None = None) -> None:
        """Name it.

        Args:
            url: of the database.
            outside: the journal that survives the loss of the database, if one is kept.
        """
        super().__init__(url, schema="authority", work=AuthorityUnitOfWork)
        self.outside = outside
        self.together = Groups()
        """Has several threads' requests done at once."""

    @contextmanager
    def write(self) -> Iterator[AuthorityUnitOfWork]:
        """The only writer; rolled back unless it commits.

        A revocation is in the journal outside the database when this is over.

        Raises:
            JournalAhead, DiskFull: it stands in the database, and not yet outside.
        """
        with self.database_only() as uow:
            yield uow
        if self.outside is not None and uow.goes_outside:
            self.outside.follow(self.read, uow.crls.reserved)

    def database_only(self) -> AbstractContextManager[AuthorityUnitOfWork]:
        """The only writer, of what the journal outside the database tells already."""
        return super().write()

    def follow_outside(self) -> None:
        """Make up what a crash kept from the journal outside the database.

        Raises:
            JournalAhead: the database was restored from a backup.
            DiskFull, StoreError: the journal cannot be written.
        """
        if self.outside is not None:
            self.outside.follow(self.read)
