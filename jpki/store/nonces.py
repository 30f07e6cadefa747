"""Nonces of signed requests: each is accepted once (RFC 9421 section 7.2.2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select

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
        table = self._table
        self._connection.execute(delete(table).where(table.c.expires < at))
        known = select(table.c.nonce).where(
            table.c.key_id == key_id, table.c.nonce == nonce
        )
        if self._connection.execute(known).first() is not None:
            return False
        self._connection.execute(
            insert(table).values(key_id=key_id, nonce=nonce, expires=expires)
        )
        return True
