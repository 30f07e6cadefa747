"""One statement over many rows, without what the toolkit does for each of them.

Statements are compiled once for each kind of database. Values go through the same
column types as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Column, Connection, Dialect, bindparam, select
from sqlalchemy.sql.dml import UpdateBase

__all__ = ["Bulk", "Lookup"]

_SIZES: Final = (1, 8, 64, 256)
"""How many values a compiled SELECT asks for; a shorter list repeats its last one."""

_Row = Sequence[Any]
_Compiled = tuple[str, Callable[[_Row], _Row | Mapping[str, Any]]]
_Translate = Callable[[Any], Any]


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
        names, order = self._names, compiled.positiontup
        translated = _translating(
            compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
            for name in names
        )
        if order is None:

            def named(row: _Row) -> Mapping[str, Any]:
                return dict(zip(names, translated(row), strict=True))

            return compiled.string, named
        if order == list(names):
            return compiled.string, translated
        arranged = itemgetter(*map(names.index, order))

        def placed(row: _Row) -> Sequence[Any]:
            values: tuple[Any, ...] = arranged(translated(row))
            return values

        return compiled.string, placed


class Lookup:
    """Columns of the rows that have one of many values in one column."""

    def __init__(
        self, *columns: Column[Any], among: Column[Any], of: Column[Any] | None = None
    ) -> None:
        """Make it.

        Args:
            columns: what a row gives.
            among: the column with the many values; an index leads to them.
            of: a column that has the same value in all rows wanted.
        """
        self._columns = columns
        self._among = among
        self._of = of
        self._compiled: dict[tuple[str, int], _Prepared] = {}

    def __call__(
        self, connection: Connection, among: Collection[Any], of: Any = None
    ) -> Iterator[_Row]:
        """The rows, in no order."""
        values = list(among)
        for start in range(0, len(values), _SIZES[-1]):
            some = values[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if size >= len(some))
            some += some[-1:] * (size - len(some))
            yield from self._rows(connection, some, of)

    def of_pairs(
        self, connection: Connection, pairs: Iterable[tuple[Any, Any]]
    ) -> Iterator[tuple[Any, ...]]:
        """The rows with one of these pairs in `of` and `among`; `of` comes first."""
        groups: dict[Any, list[Any]] = {}
        for of, value in pairs:
            groups.setdefault(of, []).append(value)
        for of, values in groups.items():
            for row in self(connection, values, of):
                yield of, *row

    def _rows(
        self, connection: Connection, values: Sequence[Any], of: Any
    ) -> Iterator[_Row]:
        dialect = connection.dialect
        known = self._compiled.get((dialect.name, len(values)))
        if known is None:
            known = self._prepare(dialect, len(values))
            self._compiled[dialect.name, len(values)] = known
        sql, parameters, translated = known
        rows = connection.exec_driver_sql(sql, parameters(values, of))
        return map(translated, rows)

    def _prepare(self, dialect: Dialect, size: int) -> _Prepared:
        names = [f"value{n}" for n in range(size)]
        statement = select(*self._columns).where(
            self._among.in_([bindparam(n, type_=self._among.type) for n in names])
        )
        if self._of is not None:
            statement = statement.where(self._of == bindparam("of"))
        compiled = statement.compile(dialect=dialect)
        impl = self._among.type.dialect_impl(dialect)
        among = _translating([impl.bind_processor(dialect)] * size)
        only = _translating(
            column.type.dialect_impl(dialect).bind_processor(dialect)
            for column in (self._of,)
            if column is not None
        )
        order = compiled.positiontup

        def parameters(values: Sequence[Any], of: Any) -> _Row | Mapping[str, Any]:
            named = dict(zip(names, among(values), strict=True))
            if self._of is not None:
                (named["of"],) = only((of,))
            return named if order is None else tuple([named[name] for name in order])

        translated = _translating(
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in self._columns
        )
        return compiled.string, parameters, translated


_Parameters = Callable[[Sequence[Any], Any], _Row | Mapping[str, Any]]
_Prepared = tuple[str, _Parameters, Callable[[_Row], _Row]]


def _translating(
    processors: Iterable[_Translate | None],
) -> Callable[[_Row], tuple[Any, ...]]:
    """Does to each value of a row what its column asks for; most ask for nothing."""
    asked = [
        (place, process)
        for place, process in enumerate(processors)
        if process is not None
    ]

    def translated(row: _Row) -> tuple[Any, ...]:
        values = list(row)
        for place, process in asked:
            values[place] = process(values[place])
        return tuple(values)

    return translated
