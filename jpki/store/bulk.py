"""One statement over many rows, without what the toolkit does for each of them.

The statement is compiled once for each kind of database. Values go through the same
column types as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.dml import UpdateBase

__all__ = ["Bulk"]

_Row = Sequence[Any]
_Compiled = tuple[str, Callable[[_Row], tuple[Any, ...] | Mapping[str, Any]]]


class Bulk:
    """An INSERT, or an UPDATE, for rows of values in the order of `names`."""

    def __init__(self, statement: UpdateBase, *names: str) -> None:
        """Make it.

        Args:
            statement: every value in it is a named parameter.
            names: of the parameters, in the order in which rows give them.
        """
        self._statement = statement
        self._names: Final = names
        self._compiled: dict[str, _Compiled] = {}

    def __call__(self, connection: Connection, rows: Iterable[_Row]) -> None:
        """Execute it for each row."""
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = self._compile(dialect)
        sql, parameters = known
        connection.exec_driver_sql(sql, [parameters(row) for row in rows])

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        converters = [
            compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
            or _as_it_is
            for name in self._names
        ]
        names, order = self._names, compiled.positiontup
        if order is None:

            def named(row: _Row) -> Mapping[str, Any]:
                values = zip(names, converters, row, strict=True)
                return {name: convert(value) for name, convert, value in values}

            return compiled.string, named
        places = [names.index(name) for name in order]
        arranged = [(converters[place], place) for place in places]

        def placed(row: _Row) -> tuple[Any, ...]:
            return tuple([convert(row[place]) for convert, place in arranged])

        return compiled.string, placed


def _as_it_is(value: Any) -> Any:
    return value
