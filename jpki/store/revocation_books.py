"""The revocation journal, and the CRLs made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    bindparam,
    exists,
    func,
    select,
    update,
)

from jpki.errors import Conflict, NotFound
from jpki.model.revocation import Revocation
from jpki.store import authority_tables as tables
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CRLRecord,
    CRLState,
    JournalEntry,
    ListName,
)
from jpki.store.bulk import Bulk, Lookup
from jpki.store.engine import stream
from jpki.store.list_octets import ListOctets
from jpki.store.rows import Rows

if TYPE_CHECKING:
    from jpki.x509.revocation_columns import RevocationColumns

__all__ = ["Journal", "News", "RevocationLists"]


_AMONG: Final = Lookup(
    tables.revocation.c.serial,
    among=tables.revocation.c.serial,
    of=tables.revocation.c.authority,
)
_REVOCATIONS: Final = Lookup(
    tables.revocation.c.serial,
    tables.revocation.c.revoked_at,
    tables.revocation.c.reason,
    tables.revocation.c.invalidity_date,
    among=tables.revocation.c.serial,
    of=tables.revocation.c.authority,
)

_LINE: Final = tuple(column.name for column in tables.revocation.c)
_SIGNED: Final = (CRLState.PUBLISHED, CRLState.SUPERSEDED)
_ENTER: Final = Bulk(
    tables.revocation.insert().values({name: bindparam(name) for name in _LINE}), *_LINE
)


class News(NamedTuple):
    """Lines of the journal that have come, by what lists are told apart by."""

    authority: str
    generation: int
    kind: CertificateKind
    shard: str | None
    position: int
    """Of the newest."""


class Journal(Rows):
    """Revocations in the order in which they were made; nothing is ever taken back."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.grown = False
        """Whether lines were put in here."""

    def position(self) -> int:
        """The position of the newest line; 0 when there is none."""
        return int(
            self._connection.execute(
                select(tables.head.c.journal_position)
            ).scalar_one()
        )

    def append(
        self,
        revocation: Revocation,
        *,
        authority: str,
        ground: str,
        actor: str,
        event_id: str | None = None,
        shard: str | None = None,
    ) -> JournalEntry:
        """Put a revocation at the end; with the shard of the certificate.

        Raises:
            Conflict: the serial number is in the journal.
        """
        if self.find(authority, revocation.serial) is not None:
            raise Conflict(f"{authority}/{revocation.serial:x} is revoked already")
        entry = JournalEntry(
            position=self.position() + 1,
            authority=authority,
            serial=revocation.serial,
            revoked_at=revocation.at,
            reason=revocation.reason,
            invalidity_date=revocation.invalidity_date,
            ground=ground,
            event_id=event_id,
            actor=actor,
            shard=shard,
        )
        self._insert(tables.revocation, entry)
        self._connection.execute(
            update(tables.head).values(journal_position=entry.position)
        )
        self.grown = True
        return entry

    def append_all(self, entries: Sequence[JournalEntry]) -> None:
        """Put several lines at the end; their positions follow the newest.

        The caller has seen that none of the serial numbers is in the journal.
        """
        if not entries:
            return
        _ENTER(self._connection, map(attrgetter(*_LINE), entries))
        self._connection.execute(
            update(tables.head).values(journal_position=entries[-1].position)
        )
        self.grown = True

    def find(self, authority: str, serial: int) -> JournalEntry | None:
        """The line of this serial number."""
        table = tables.revocation
        row = self._connection.execute(
            select(table).where(
                table.c.authority == authority, table.c.serial == serial
            )
        ).first()
        return None if row is None else JournalEntry(**row._mapping)

    def among(self, names: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        """Those of these serial numbers of these authorities that are revoked."""
        return frozenset(
            (authority, serial)
            for authority, serial in _AMONG.of_pairs(self._connection, names)
        )

    def revocations(
        self, authority: str, serials: Sequence[int]
    ) -> Mapping[int, Revocation]:
        """What is told of those of these serial numbers that are revoked."""
        return {
            serial: Revocation(
                serial=serial, at=at, reason=reason, invalidity_date=invalidity_date
            )
            for serial, at, reason, invalidity_date in _REVOCATIONS(
                self._connection, serials, authority
            )
        }

    def after(self, position: int, *, limit: int) -> tuple[JournalEntry, ...]:
        """At most `limit` lines that follow this position, in order."""
        table = tables.revocation
        rows = self._connection.execute(
            select(table)
            .where(table.c.position > position)
            .order_by(table.c.position)
            .limit(limit)
        )
        return tuple(JournalEntry(**row._mapping) for row in rows)

    def with_certificates(
        self, *, after: int, limit: int
    ) -> tuple[tuple[JournalEntry, CertificateRecord], ...]:
        """At most `limit` lines that follow this position, and what they revoke."""
        table, certificate = tables.revocation, tables.certificate
        rows = self._connection.execute(
            select(
                table, *(column.label(f"of_{column.name}") for column in certificate.c)
            )
            .join(
                certificate,
                (certificate.c.authority == table.c.authority)
                & (certificate.c.serial == table.c.serial),
            )
            .where(table.c.position > after)
            .order_by(table.c.position)
            .limit(limit)
        )
        return tuple(
            (
                JournalEntry(**{c.name: row._mapping[c.name] for c in table.c}),
                CertificateRecord(
                    **{c.name: row._mapping[f"of_{c.name}"] for c in certificate.c}
                ),
            )
            for row in rows
        )

    def walk(self) -> Iterator[JournalEntry]:
        """Every line, in order."""
        table = tables.revocation
        for row in stream(self._connection, select(table).order_by(table.c.position)):
            yield JournalEntry(**row._mapping)

    def news(self, *, after: int) -> tuple[News, ...]:
        """What the journal holds after a position, by what lists are told apart by."""
        table, certificate = tables.revocation, tables.certificate
        about = (
            table.c.authority,
            certificate.c.generation,
            certificate.c.kind,
            table.c.shard,
        )
        rows = self._connection.execute(
            select(*about, func.max(table.c.position))
            .join(
                certificate,
                (certificate.c.authority == table.c.authority)
                & (certificate.c.serial == table.c.serial),
            )
            .where(table.c.position > after)
            .group_by(*about)
        )
        return tuple(News(*row) for row in rows)

    def listed(
        self,
        authority: str,
        generation: int | None,
        kinds: Sequence[CertificateKind],
        *,
        shard: str | None = None,
        alive_at: datetime | None,
        after: int = 0,
    ) -> RevocationColumns:
        """What a CRL of one key lists, by serial number: revoked ones of these kinds.

        Without a generation, what all keys of the authority have signed.

        Those that had expired before `alive_at` are left out (RFC 5280 3.3: an entry
        stays until it has been on one list issued after the certificate's end). With a
        shard, only certificates that name it; with a position, only lines after it.
        """
        # Only who makes lists needs numpy.
        from jpki.store.revocation_listing import columns_of_rows, listing

        table, certificate = tables.revocation, tables.certificate
        conditions: list[Any] = [
            table.c.authority == authority,
            certificate.c.kind.in_(kinds),
        ]
        if generation is not None:
            conditions.append(certificate.c.generation == generation)
        if shard is not None:
            conditions.append(table.c.shard == shard)
        if after:
            conditions.append(table.c.position > after)
        if alive_at is not None:
            conditions.append(certificate.c.not_after >= alive_at)
        statement = (
            listing(self._connection.dialect.name)
            .join(
                certificate,
                (certificate.c.authority == table.c.authority)
                & (certificate.c.serial == table.c.serial),
            )
            .where(*conditions)
        )
        return columns_of_rows(self._connection, statement)


class RevocationLists(Rows):
    """CRL numbers and what became of them.

    Records come without the octets of their lists: those of a nation are tens of
    megabytes.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._octets = ListOctets(connection)
        self.reserved: list[CRLRecord] = []
        """Numbers that were entered here."""

    def reserve(self, record: CRLRecord, *, tbs: bytes | memoryview) -> None:
        """Enter a number with the bytes that are about to be signed.

        Raises:
            Conflict: the number does not rise.
        """
        if record.number <= self.last_number(record.authority):
            raise Conflict(f"CRL number {record.number} does not rise")
        self._insert(tables.crl, record)
        self._octets.enter(record.authority, record.number, tbs)
        self.reserved.append(record)

    def publish(
        self, record: CRLRecord, *, crl: bytes | memoryview, at: datetime
    ) -> None:
        """Put a signed list in force in the place of the one before it.

        Raises:
            Conflict: the number is not waiting.
            StoreError: what was recorded for it is something else.
        """
        table = tables.crl
        self._connection.execute(
            update(table)
            .where(tables.IN_FORCE, *_is(record.name))
            .values(state=CRLState.SUPERSEDED)
        )
        self._leave(
            record.authority,
            record.number,
            state=CRLState.PUBLISHED,
            completed_at=at,
        )
        self._octets.close(record.authority, record.number, crl)

    def refuse(self, authority: str, number: int, *, at: datetime) -> None:
        """Say that this list is never served.

        Raises:
            Conflict: the number is not waiting.
        """
        self._leave(authority, number, state=CRLState.REFUSED, completed_at=at)

    def _leave(self, authority: str, number: int, **values: object) -> None:
        table = tables.crl
        changed = self._connection.execute(
            update(table)
            .where(
                table.c.authority == authority,
                table.c.number == number,
                table.c.state == CRLState.PREPARED,
            )
            .values(**values)
        )
        if changed.rowcount != 1:
            raise Conflict(f"CRL {number} of {authority} is not waiting")

    def last_number(self, authority: str) -> int:
        """The highest number this authority ever used; 0 when there is none."""
        table = tables.crl
        row = self._connection.execute(
            select(table.c.number)
            .where(table.c.authority == authority)
            .order_by(table.c.number.desc())
            .limit(1)
        ).first()
        return 0 if row is None else int(row.number)

    def find(self, authority: str, number: int) -> CRLRecord | None:
        """The list of this number."""
        return self._one(*_numbered(authority, number))

    def get(self, authority: str, number: int) -> CRLRecord:
        """The list of this number.

        Raises:
            NotFound: it was never recorded.
        """
        return _found(self.find(authority, number), authority, number)

    def standing(self, name: ListName) -> CRLRecord | None:
        """The list that is in force."""
        return self._one(tables.IN_FORCE, *_is(name))

    def bytes_of(self, record: CRLRecord) -> bytes:
        """A signed list.

        Raises:
            NotFound: it was never signed.
        """
        where = record.authority, record.number
        signed = self._one(*_numbered(*where), tables.crl.c.state.in_(_SIGNED))
        octets = b"" if signed is None else self._octets.whole(*where)
        if not octets:
            raise NotFound("CRL", f"{record.authority}/{record.number}")
        return octets

    def pieces_of(self, record: CRLRecord) -> Iterator[bytes]:
        """A signed list, some of it at a time; nothing where it is gone."""
        return self._octets.pieces(record.authority, record.number)

    def tbs_of(self, record: CRLRecord) -> bytes:
        """What is to be signed, of a list that is not signed yet."""
        return self._octets.whole(record.authority, record.number)

    def is_made(self, name: ListName, this_update: datetime) -> bool:
        """Whether a list of this name and time waits, or was ever in force."""
        column = tables.crl.c
        made = exists().where(
            *_is(name),
            column.this_update == this_update,
            column.state != CRLState.REFUSED,
        )
        return bool(self._connection.execute(select(made)).scalar_one())

    def in_force(self) -> tuple[CRLRecord, ...]:
        """Every list that is in force."""
        rows = self._connection.execute(select(tables.crl).where(tables.IN_FORCE))
        return tuple(CRLRecord(**row._mapping) for row in rows)

    def sizes(self) -> Mapping[ListName, tuple[int, int]]:
        """Number and octets of every list that is in force."""
        column, piece = tables.crl.c, tables.crl_piece.c
        name = column.authority, column.generation, column.scope, column.number
        rows = self._connection.execute(
            select(*name, func.sum(func.length(piece.octets)))
            .join(
                tables.crl_piece,
                (piece.authority == column.authority) & (piece.number == column.number),
            )
            .where(tables.IN_FORCE)
            .group_by(*name)
        )
        return {
            ListName(authority, generation, scope): (number, int(octets))
            for authority, generation, scope, number, octets in rows
        }

    def prepared(self) -> tuple[CRLRecord, ...]:
        """Lists that were recorded and neither published nor refused, oldest first."""
        table = tables.crl
        rows = self._connection.execute(
            select(table)
            .where(tables.PREPARED)
            .order_by(table.c.authority, table.c.number)
        )
        return tuple(CRLRecord(**row._mapping) for row in rows)

    def _one(self, *where: ColumnElement[bool] | TextClause) -> CRLRecord | None:
        row = self._connection.execute(select(tables.crl).where(*where)).first()
        return None if row is None else CRLRecord(**row._mapping)


def _is(name: ListName) -> tuple[ColumnElement[bool], ...]:
    column = tables.crl.c
    return (
        column.authority == name.authority,
        column.scope == name.scope,
        column.generation == name.generation,
    )


def _numbered(authority: str, number: int) -> tuple[ColumnElement[bool], ...]:
    column = tables.crl.c
    return column.authority == authority, column.number == number


def _found(record: CRLRecord | None, authority: str, number: int) -> CRLRecord:
    if record is None:
        raise NotFound("CRL", f"{authority}/{number}")
    return record
