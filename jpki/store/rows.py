"""What every book over a connection needs: records as columns, and entering them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Table, insert

__all__ = ["Rows"]


class Rows:
    """What every book here needs of its connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _insert(self, table: Table, record: Any, **others: Any) -> None:
        """Enter a record, whose fields are the columns of the table, but for others."""
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        values |= others
        self._connection.execute(insert(table).values(values))
