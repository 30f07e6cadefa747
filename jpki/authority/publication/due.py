"""Which lists are due now, and publishing them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from contextlib import suppress
from datetime import datetime

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
from jpki.store.authority_records import CRLRecord, ListName
from jpki.store.revocation_books import Journal, News

__all__ = ["Board", "publish_due"]


def publish_due(
    office: Office,
    *,
    at: datetime,
    by: str = "publication",
    board: Board | None = None,
) -> tuple[CRLRecord, ...]:
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
        board: of whoever publishes again and again: the journal is then read once.

    Raises:
        JpkiError: what kept the first of those that failed. All others are published
            all the same.
    """
    moment = whole_second(at)
    published, failed = [], []
    for name in _due(office, moment, Board() if board is None else board):
        try:
            _finish_waiting(office, name, at=moment, by=by)
            record = publish(
                office,
                name.authority,
                scope=name.scope,
                generation=name.generation,
                at=moment,
                by=by,
            )
        except JpkiError as error:
            failed.append(error)
        else:
            published.append(record)
    if failed:
        raise failed[0]
    return tuple(published)


def _finish_waiting(office: Office, name: ListName, *, at: datetime, by: str) -> None:
    with office.store.read() as uow:
        waiting = uow.crls.prepared()
    for record in waiting:
        if record.name == name:
            # What fails its examination is refused for good, and told in the log.
            with suppress(IssuanceError):
                finish_crl(office, name.authority, record.number, at=at, by=by)


class Board:
    """The newest line of each kind in the journal, remembered from turn to turn."""

    def __init__(self) -> None:
        self._seen: int | None = None
        self._newest: dict[tuple[str, int], dict[Hashable, News]] = {}

    def read_on(self, journal: Journal, *, since: int) -> None:
        """Learn what has come; the first time, what has come since this position."""
        seen = since if self._seen is None else self._seen
        for line in journal.news(after=seen):
            about = self._newest.setdefault((line.authority, line.generation), {})
            about[line.kind, line.shard] = line
            seen = max(seen, line.position)
        self._seen = seen

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
        board.read_on(
            uow.journal,
            since=min(
                (record.journal_position for record in standing.values()), default=0
            ),
        )
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
