"""Nonces of signed requests: each is accepted once (RFC 9421 section 7.2.2)."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, delete, insert, select
from sqlalchemy.sql import Executable

__all__ = ["Nonces"]


class Nonces:
    """The nonces that a replay could still bring back."""

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table

    def remember(
        self, key_id: str, nonce: str, *, expires: datetime, at: datetime
    ) -> bool:
        """Whether this nonce is new for this key; it is not new again until it expires.

        Expired ones are forgotten on the way: the signature's own expiry refuses them.
        """
        statements, execute = _statements(self._table), self._connection.execute
        this: dict[str, Any] = {"key_id": key_id, "nonce": nonce}
        execute(statements.forget, {"now": at})
        if execute(statements.known, this).first() is not None:
            return False
        execute(statements.enter, this | {"expires": expires})
        return True


class _Statements(NamedTuple):
    forget: Executable
    known: Executable
    enter: Executable


@lru_cache
def _statements(table: Table) -> _Statements:
    """Made once: every signed request needs them."""
    mine = table.c
    return _Statements(
        forget=delete(table).where(mine.expires < bindparam("now")),
        known=select(mine.nonce).where(
            mine.key_id == bindparam("key_id"), mine.nonce == bindparam("nonce")
        ),
        enter=insert(table),
    )
