"""What the journal holds news of, kept so that nobody reads all of it again.

One row says, up to a position of the journal, which line is the newest of each kind
that lists are told apart by. It is only ever made from the journal, and counts for
nothing where it is not as it was written, or the journal is not as it was then: whoever
finds nothing reads the journal again. So it saves time and decides nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import delete, insert, select

from jpki.store import authority_tables as tables
from jpki.store.authority_records import CertificateKind
from jpki.store.revocation_books import News
from jpki.store.rows import Rows

__all__ = ["KeptNews", "NewsBoard"]

_BOARD: Final = tables.news_board
_LINE: Final = tables.revocation.c


class KeptNews(NamedTuple):
    """What was read of the journal."""

    since: int
    """The position after which it was read."""
    position: int
    """Of the last line that was read."""
    lines: tuple[News, ...]
    """The newest of each kind."""


class NewsBoard(Rows):
    """The one row."""

    def kept(self) -> KeptNews | None:
        """What was kept, if it is whole and of this journal."""
        row = self._connection.execute(select(_BOARD)).first()
        if row is None or self._newest(row.position) != row.newest:
            return None
        content = str(row.content)
        if row.sha256 != _checksum(row.since, row.position, row.newest, content):
            return None
        try:
            lines = tuple(
                News(authority, generation, CertificateKind(kind), shard, newest)
                for authority, generation, kind, shard, newest in json.loads(content)
            )
        except (ValueError, TypeError):
            return None
        return KeptNews(row.since, row.position, lines)

    def keep(self, news: KeptNews) -> None:
        """Keep what was read, unless somebody has read further from as far back."""
        there = self.kept()
        if (
            there is not None
            and there.position >= news.position
            and there.since <= news.since
        ):
            return
        newest, content = self._newest(news.position), _written(news.lines)
        self._connection.execute(delete(_BOARD))
        self._connection.execute(
            insert(_BOARD).values(
                id=1,
                since=news.since,
                position=news.position,
                newest=newest,
                content=content,
                sha256=_checksum(news.since, news.position, newest, content),
            )
        )

    def _newest(self, position: int) -> str:
        """What the line at this position is about; empty where there is none."""
        row = self._connection.execute(
            select(_LINE.authority, _LINE.serial).where(_LINE.position == position)
        ).first()
        return "" if row is None else f"{row.authority}/{row.serial:x}"


def _written(lines: Sequence[News]) -> str:
    return json.dumps(
        [
            (
                line.authority,
                line.generation,
                line.kind.value,
                line.shard,
                line.position,
            )
            for line in lines
        ]
    )


def _checksum(since: int, position: int, newest: str, content: str) -> str:
    whole = json.dumps([since, position, newest, content])
    return hashlib.sha256(whole.encode()).hexdigest()
