"""Verifiers, their credentials and how often they asked, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row

from jpki.errors import Conflict, NotFound
from jpki.model.verifiers import VerifierAccount
from jpki.store import authority_tables as tables
from jpki.store.rows import Rows
from jpki.store.verifier_records import (
    CredentialKind,
    UsageRecord,
    VerifierCredential,
    VerifierRecord,
)

__all__ = ["Verifiers"]

_ACCOUNT: Final = tuple(field.name for field in fields(VerifierAccount))


class Verifiers(Rows):
    """Who is registered; what was registered once is never taken out."""

    def add(self, record: VerifierRecord) -> None:
        """Enter a new verifier."""
        self._connection.execute(
            insert(tables.verifier).values(
                **{name: getattr(record.account, name) for name in _ACCOUNT},
                registered_at=record.registered_at,
                registered_by=record.registered_by,
                suspended_at=record.suspended_at,
            )
        )

    def find(self, verifier: str) -> VerifierRecord | None:
        """The verifier of this identifier, if it is registered."""
        table = tables.verifier
        row = self._connection.execute(
            select(table).where(table.c.id == verifier)
        ).first()
        return None if row is None else _record(row)

    def get(self, verifier: str) -> VerifierRecord:
        """The verifier of this identifier.

        Raises:
            NotFound: it is not registered.
        """
        found = self.find(verifier)
        if found is None:
            raise NotFound("verifier", verifier)
        return found

    def all(self) -> tuple[VerifierRecord, ...]:
        """Every verifier, by identifier."""
        table = tables.verifier
        rows = self._connection.execute(select(table).order_by(table.c.id))
        return tuple(_record(row) for row in rows)

    def suspend(self, verifier: str, at: datetime | None) -> None:
        """Say since when the verifier is told nothing; None when it is again."""
        table = tables.verifier
        self._connection.execute(
            update(table).where(table.c.id == verifier).values(suspended_at=at)
        )

    # -- credentials ------------------------------------------------------------------

    def add_credential(self, record: VerifierCredential) -> None:
        """Enter a credential.

        Raises:
            Conflict: it is known already, as this verifier's or another's.
        """
        table = tables.verifier_credential
        known = self._connection.execute(
            select(table.c.verifier).where(table.c.digest == record.digest)
        ).first()
        if known is not None:
            raise Conflict(f"{known[0]} has this {record.kind.value} already")
        self._insert(table, record)

    def credentials(self, *, after: datetime) -> tuple[VerifierCredential, ...]:
        """Every credential that has not ended by then, the oldest first."""
        table = tables.verifier_credential
        rows = self._connection.execute(
            select(table)
            .where(table.c.ends > after)
            .order_by(table.c.begins, table.c.digest)
        )
        return tuple(VerifierCredential(**row._mapping) for row in rows)

    def end_credentials(
        self, verifier: str, kind: CredentialKind, *, by: datetime
    ) -> int:
        """Have those that would hold longer end then; how many there were."""
        table = tables.verifier_credential
        changed = self._connection.execute(
            update(table)
            .where(
                table.c.verifier == verifier, table.c.kind == kind, table.c.ends > by
            )
            .values(ends=by)
        )
        return changed.rowcount

    # -- usage ------------------------------------------------------------------------

    def count(self, usage: Iterable[UsageRecord]) -> None:
        """Add to what was counted for these days."""
        table = tables.verifier_usage
        for each in usage:
            mine = (
                (table.c.verifier == each.verifier)
                & (table.c.day == each.day)
                & (table.c.service == each.service)
            )
            added = self._connection.execute(
                update(table)
                .where(mine)
                .values(
                    answered=table.c.answered + each.answered,
                    refused=table.c.refused + each.refused,
                )
            )
            if added.rowcount == 0:
                self._insert(table, each)

    def answered_on(self, day: date) -> dict[str, int]:
        """How many answers each verifier had on this day, of all services."""
        table = tables.verifier_usage
        rows = self._connection.execute(
            select(table.c.verifier, func.sum(table.c.answered))
            .where(table.c.day == day)
            .group_by(table.c.verifier)
        )
        return {row[0]: int(row[1]) for row in rows}

    def usage(self, first: date, last: date) -> tuple[UsageRecord, ...]:
        """What was counted between two days, both included; in order."""
        table = tables.verifier_usage
        rows = self._connection.execute(
            select(table)
            .where(table.c.day.between(first, last))
            .order_by(table.c.verifier, table.c.day, table.c.service)
        )
        return tuple(UsageRecord(**row._mapping) for row in rows)


def _record(row: Row[Any]) -> VerifierRecord:
    values = dict(row._mapping)
    account = VerifierAccount(**{name: values.pop(name) for name in _ACCOUNT})
    return VerifierRecord(account=account, **values)
