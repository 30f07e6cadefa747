"""Which lists are due now, and publishing them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from jpki.authority.office import Office, whole_second
from jpki.authority.publication.deltas import COMPLETE, DELTA, beside
from jpki.authority.publication.indirect import INDIRECT
from jpki.authority.publication.publishing import finish_crl, publish
from jpki.authority.publication.scopes import (
    kinds_of,
    more_of,
    profile_of,
    scopes_of,
    shard_in,
)
from jpki.errors import IssuanceError, JpkiError
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord, ListName
from jpki.store.news_board import KeptNews
from jpki.store.revocation_books import News

__all__ = ["Board", "publish_due", "publish_each_due"]

_WORTH_KEEPING: Final = 1000
"""Lines of the journal that nobody should have to read again."""

_log = logging.getLogger(__name__)


def publish_due(
    office: Office,
    *,
    at: datetime,
    by: str = "publication",
    board: Board | None = None,
) -> tuple[CRLRecord, ...]:
    """Publish every list that is due; as `publish_each_due`, all of it or an error.

    Raises:
        JpkiError: what kept the first of those that failed. All others are published
            all the same.
    """
    told = list(publish_each_due(office, at=at, by=by, board=board))
    for each in told:
        if isinstance(each, JpkiError):
            raise each
    return tuple(each for each in told if isinstance(each, CRLRecord))


def publish_each_due(
    office: Office,
    *,
    at: datetime,
    by: str = "publication",
    board: Board | None = None,
) -> Iterator[CRLRecord | JpkiError]:
    """Publish every list that is due: never published, outdated, or with news.

    Where there are deltas, news go into these, and complete lists follow their period;
    so does the indirect list of all authorities.

    Every key that still may sign has lists of its own: what it signed is revoked under
    its signature. A list that waits for its signature, because the key was out of reach
    or the process ended, goes first: while a token is away, one list waits and not one
    for each try. The records come without their bytes.

    Args:
        office: whose lists they are.
        at: the time.
        by: who publishes, for the audit log.
        board: of whoever publishes again and again.

    Yields:
        Each list that was published, and what kept each that was not.
    """
    moment = whole_second(at)
    board = Board() if board is None else board
    for name in _due(office, moment, board):
        try:
            _finish_waiting(office, name, at=moment, by=by)
            yield publish(
                office,
                name.authority,
                scope=name.scope,
                generation=name.generation,
                at=moment,
                by=by,
            )
        except JpkiError as error:
            yield error
    board.keep(office)


def _finish_waiting(office: Office, name: ListName, *, at: datetime, by: str) -> None:
    with office.store.read() as uow:
        waiting = uow.crls.prepared()
    for record in waiting:
        if record.name == name:
            # What fails its examination is refused for good, and told in the log.
            with suppress(IssuanceError):
                finish_crl(office, name.authority, record.number, at=at, by=by)


class Board:
    """The newest line of each kind in the journal, remembered from turn to turn.

    What was read is kept in the books, too, for the next process: so publishing costs
    what is new, however long the journal is.
    """

    def __init__(self) -> None:
        self._since = self._seen = self._kept = -1
        self._newest: dict[tuple[str, int], dict[Hashable, News]] = {}

    def read_on(self, uow: AuthorityUnitOfWork, *, since: int) -> None:
        """Learn what has come, at least since this position."""
        if self._seen < 0 or since < self._since or uow.journal.position() < self._seen:
            self._start(uow, since)
        for line in uow.journal.news(after=self._seen):
            self._note(line)
            self._seen = max(self._seen, line.position)

    def keep(self, office: Office) -> None:
        """Keep what was read, if that is much; without it all is as well."""
        if self._seen < self._kept + _WORTH_KEEPING:
            return
        lines = [line for about in self._newest.values() for line in about.values()]
        try:
            with office.store.write() as uow:
                uow.news.keep(KeptNews(self._since, self._seen, tuple(lines)))
                uow.commit()
        except JpkiError as error:
            _log.warning("what was read of the journal is not kept: %s", error)
        else:
            self._kept = self._seen

    def _start(self, uow: AuthorityUnitOfWork, since: int) -> None:
        self._newest = {}
        kept = uow.news.kept()
        if kept is None or kept.since > since:
            self._since = self._seen = self._kept = since
            return
        self._since = kept.since
        self._seen = self._kept = kept.position
        for line in kept.lines:
            self._note(line)

    def _note(self, line: News) -> None:
        about = self._newest.setdefault((line.authority, line.generation), {})
        about[line.kind, line.shard] = line

    def of_key(self, authority: str, generation: int) -> Collection[News]:
        """What is known about certificates that one key signed."""
        return self._newest.get((authority, generation), {}).values()


def _due(office: Office, at: datetime, board: Board) -> list[ListName]:
    with office.store.read() as uow:
        keys = uow.authorities.every_generation()
        standing = {record.name: record for record in uow.crls.in_force()}
        names = [
            ListName(key.authority, key.number, scope)
            for key in keys
            if key.signs_from <= at <= key.signs_until
            for scope in (
                *scopes_of(office),
                *more_of(office, uow, key.authority, key.number),
            )
        ]
        # A list that waits for its signature may come into force as it is.
        positions = [
            record.journal_position
            for record in (*standing.values(), *uow.crls.prepared())
        ]
        board.read_on(uow, since=min(positions, default=0))
    due = [
        name
        for name in names
        if not _is_taken(standing, name, at)
        and _is_due(office, name, standing, board, at)
    ]
    # A complete list goes before its delta, which takes its turn a second later.
    return [name for name in due if name.scope != DELTA or beside(name) not in due]


def _is_taken(
    standing: Mapping[ListName, CRLRecord], name: ListName, at: datetime
) -> bool:
    """Whether this second belongs to the delta of a complete list, or to that list."""
    other = beside(name)
    there = None if other is None else standing.get(other)
    if there is None:
        # A delta goes on from something.
        return name.scope == DELTA
    return at <= there.this_update


def _is_due(
    office: Office,
    name: ListName,
    standing: Mapping[ListName, CRLRecord],
    board: Board,
    at: datetime,
) -> bool:
    profile, current = profile_of(office, name.scope), standing.get(name)
    if current is None or at >= current.this_update + profile.period:
        return True
    if name.scope == INDIRECT:
        return False
    if name.scope == COMPLETE:
        if office.crl_deltas is not None:
            return False
        delta = standing.get(name._replace(scope=DELTA))
        if delta is not None and delta.number > current.number:
            # It says that there are deltas, and there are none any more.
            return True
    kinds, shard = kinds_of(profile), shard_in(name.scope)
    return any(
        line.kind in kinds
        and shard in (None, line.shard)
        and line.position > current.journal_position
        for line in board.of_key(name.authority, name.generation)
    )
