"""Texts as the octets that are stored.

A file of SQLite that somebody edits can hold a text that is none: reading it as one
would fail, and not say where. Whoever examines the books asks for the octets.
"""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, LargeBinary, cast, func

__all__ = ["octets_of"]


def octets_of(dialect: str, column: Column[str]) -> ColumnElement[bytes]:
    """The column's UTF-8 octets, under its own name, on this kind of database."""
    octets: ColumnElement[bytes]
    if dialect == "sqlite":
        octets = cast(column, LargeBinary)
    else:
        octets = func.convert_to(column, "UTF8", type_=LargeBinary)
    return octets.label(column.name)
