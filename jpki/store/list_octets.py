"""The octets of lists, in pieces: whoever handles a large one never holds all of it.

A list is entered when it is recorded, as that which is to be signed. Once it is signed
only its head and its tail are added: nothing of its size is written again, not even
when another list takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from sqlalchemy import ColumnElement, LargeBinary, cast, func, select

from jpki.der.reader import read_one
from jpki.errors import StoreError
from jpki.store import authority_tables as tables
from jpki.store.rows import Rows

__all__ = ["ListOctets"]

_PIECE: Final = 1 << 20
"""Octets: some ten thousand are read and written in a second, and few of them held."""
_COLUMN: Final = tables.crl_piece.c


class ListOctets(Rows):
    """The pieces of all lists; a list is named by authority and number."""

    def enter(self, authority: str, number: int, tbs: bytes | memoryview) -> None:
        """Keep what is to be signed."""
        whole = memoryview(tbs)
        for place, begin in enumerate(range(0, len(whole), _PIECE), start=1):
            self._put(authority, number, place, whole[begin : begin + _PIECE])

    def close(self, authority: str, number: int, crl: bytes | memoryview) -> None:
        """Add what stands around it in the signed list.

        Raises:
            StoreError: something else was kept.
        """
        tbs = read_one(crl, 0x30).enter().next(0x30)
        last, length = self._extent(authority, number)
        if length != tbs.end - tbs.start:
            raise StoreError(
                f"CRL {number} of {authority} is not as it was recorded",
                hint="publish it again, and look at who can write to the database",
            )
        whole = memoryview(crl)
        self._put(authority, number, 0, whole[: tbs.start])
        self._put(authority, number, last + 1, whole[tbs.end :])

    def pieces(self, authority: str, number: int) -> Iterator[bytes]:
        """What is kept of a list, in order, some of it at a time."""
        # What SQLite would refuse to read as octets was written by somebody else.
        statement = (
            select(cast(_COLUMN.octets, LargeBinary))
            .where(*_of(authority, number))
            .order_by(_COLUMN.place)
        )
        options = {"yield_per": 1}
        with self._connection.execute(statement, execution_options=options) as rows:
            for (octets,) in rows:
                yield bytes(octets)

    def whole(self, authority: str, number: int) -> bytes:
        """All that is kept of a list; empty where nothing is."""
        # Gives its own octets away, where joining would hold them twice.
        gathered = BytesIO()
        for piece in self.pieces(authority, number):
            gathered.write(piece)
        return gathered.getvalue()

    def _put(self, authority: str, number: int, place: int, octets: memoryview) -> None:
        self._connection.execute(
            tables.crl_piece.insert(),
            {
                "authority": authority,
                "number": number,
                "place": place,
                "octets": bytes(octets),
            },
        )

    def _extent(self, authority: str, number: int) -> tuple[int, int]:
        """The last place, and how many octets there are."""
        row = self._connection.execute(
            select(
                func.coalesce(func.max(_COLUMN.place), 0),
                func.coalesce(func.sum(func.length(_COLUMN.octets)), 0),
            ).where(*_of(authority, number))
        ).one()
        return int(row[0]), int(row[1])


def _of(authority: str, number: int) -> tuple[ColumnElement[bool], ...]:
    return _COLUMN.authority == authority, _COLUMN.number == number
