"""Requests for acts that need two people, and what became of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, select, update

from jpki.errors import Conflict, NotFound
from jpki.store import authority_tables as tables
from jpki.store.authority_records import ConsentRecord
from jpki.store.rows import Rows

__all__ = ["Consents"]


class Consents(Rows):
    """A request goes forward only: to approved, then to used; or to refused."""

    def add(self, record: ConsentRecord) -> None:
        """Enter a new request."""
        self._insert(tables.consent, record)

    def find(self, identifier: str) -> ConsentRecord | None:
        """The request of this identifier."""
        table = tables.consent
        row = self._connection.execute(
            select(table).where(table.c.id == identifier)
        ).first()
        return None if row is None else ConsentRecord(**row._mapping)

    def get(self, identifier: str) -> ConsentRecord:
        """The request of this identifier.

        Raises:
            NotFound: there is none.
        """
        found = self.find(identifier)
        if found is None:
            raise NotFound("request", identifier)
        return found

    def newest(self, digest: bytes) -> ConsentRecord | None:
        """The last request for exactly this deed."""
        table = tables.consent
        row = self._connection.execute(
            select(table)
            .where(table.c.digest == digest)
            .order_by(table.c.requested_at.desc(), table.c.id.desc())
            .limit(1)
        ).first()
        return None if row is None else ConsentRecord(**row._mapping)

    def open(self) -> tuple[ConsentRecord, ...]:
        """What is neither refused nor used, expired or not; oldest first."""
        table = tables.consent
        rows = self._connection.execute(
            select(table)
            .where(tables.OPEN_CONSENT)
            .order_by(table.c.requested_at, table.c.id)
        )
        return tuple(ConsentRecord(**row._mapping) for row in rows)

    def approve(self, identifier: str, *, by: str, key: bytes, at: datetime) -> None:
        """Say who agreed.

        Raises:
            Conflict: it is not waiting for approval.
        """
        table = tables.consent
        self._change(
            identifier,
            table.c.approved_at.is_(None),
            approved_by=by,
            approver_key=key,
            approved_at=at,
        )

    def refuse(self, identifier: str, *, by: str, at: datetime) -> None:
        """Say who did not agree, or withdrew.

        Raises:
            Conflict: it is refused or used.
        """
        self._change(identifier, refused_by=by, refused_at=at)

    def use(self, identifier: str, *, outcome: str, at: datetime) -> None:
        """Say what came of it; it serves no second time.

        Raises:
            Conflict: it is not approved, or it is refused or used.
        """
        table = tables.consent
        self._change(
            identifier, table.c.approved_at.is_not(None), used_at=at, outcome=outcome
        )

    def _change(
        self, identifier: str, *conditions: ColumnElement[bool], **values: object
    ) -> None:
        table = tables.consent
        changed = self._connection.execute(
            update(table)
            .where(table.c.id == identifier, tables.OPEN_CONSENT, *conditions)
            .values(**values)
        )
        if changed.rowcount != 1:
            raise Conflict(f"request {identifier} was changed meanwhile")
