"""Lines of the journal as columns, from the database's own cells.

What a list of a million certificates is made from never becomes a million objects: the
database gives serial numbers in hexadecimal and times in seconds, and a few thousand
rows at a time go into the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    cast,
    func,
    select,
    type_coerce,
)

from jpki.errors import StoreError
from jpki.store import authority_tables as tables
from jpki.x509.revocation_columns import (
    NO_DATE,
    SERIAL_OCTETS,
    RevocationColumns,
    gathered,
)

__all__ = ["columns_of_rows", "listing"]

_TOGETHER: Final = 5_000
_DIGITS: Final = 2 * SERIAL_OCTETS


def listing(dialect: str) -> Select[str, int, int, int]:
    """A SELECT of what stands in a list, whose rows `columns_of_rows` takes."""
    line = tables.revocation.c
    return select(
        type_coerce(line.serial, String).label("serial"),
        _seconds(dialect, line.revoked_at).label("at"),
        type_coerce(line.reason, Integer).label("reason"),
        _seconds(dialect, line.invalidity_date).label("since"),
    )


def _seconds(dialect: str, moment: Column[Any]) -> ColumnElement[int]:
    """Since 1970."""
    if dialect == "sqlite":
        return cast(func.strftime("%s", type_coerce(moment, String)), Integer)
    return cast(func.extract("epoch", moment), BigInteger)


def columns_of_rows(
    connection: Connection, statement: Select[*tuple[Any, ...]]
) -> RevocationColumns:
    """The rows of a `listing`, by serial number.

    Raises:
        StoreError: somebody has written what is no revocation.
    """
    return gathered(_parts(connection, statement)).in_order()


def _parts(
    connection: Connection, statement: Select[*tuple[Any, ...]]
) -> Iterator[RevocationColumns]:
    options = {"yield_per": _TOGETHER}
    with connection.execute(statement, execution_options=options) as rows:
        for part in rows.partitions():
            yield _part(part)


def _part(rows: Sequence[Any]) -> RevocationColumns:
    serials, at, reasons, since = zip(*rows, strict=True)
    try:
        octets = bytes.fromhex("".join([text.rjust(_DIGITS, "0") for text in serials]))
        return RevocationColumns(
            serials=np.frombuffer(octets, np.uint8).reshape(len(rows), SERIAL_OCTETS),
            revoked_at=np.array(at, np.int64),
            reasons=np.array(reasons, np.uint8),
            invalid_since=np.array(
                [NO_DATE if date is None else date for date in since], np.int64
            )
            if any(date is not None for date in since)
            else None,
        )
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise StoreError(
            "the journal holds what is no revocation",
            hint="find out with `jpki audit verify` what was altered",
        ) from None
