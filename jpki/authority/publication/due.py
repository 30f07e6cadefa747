"""Which lists are due now, and publishing them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from jpki.authority.office import Office, whole_second
from jpki.authority.publication.publishing import finish_crl, publish
from jpki.authority.publication.scopes import (
    kinds_of,
    profile_of,
    scopes_of,
    shard_in,
    shards_of,
)
from jpki.errors import IssuanceError, JpkiError
from jpki.store.authority_records import CRLRecord, ListName
from jpki.store.revocation_books import News

__all__ = ["publish_due"]


def publish_due(
    office: Office, *, at: datetime, by: str = "publication"
) -> tuple[CRLRecord, ...]:
    """Publish every list that is due: never published, outdated, or with news.

    Every key that still may sign has lists of its own: what it signed is revoked under
    its signature. A list that waits for its signature, because the key was out of reach
    or the process ended, goes first: while a token is away, one list waits and not one
    for each try. The records come without their bytes.

    Raises:
        JpkiError: what kept the first of those that failed. All others are published
            all the same.
    """
    moment = whole_second(at)
    published, failed = [], []
    for name in _due(office, moment):
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


def _due(office: Office, at: datetime) -> list[ListName]:
    with office.store.read() as uow:
        keys = uow.authorities.every_generation()
        standing = {record.name: record for record in uow.crls.in_force()}
        seen = min((record.journal_position for record in standing.values()), default=0)
        news = uow.journal.news(after=seen)
        names = [
            ListName(key.authority, key.number, scope)
            for key in keys
            if key.signs_from <= at <= key.signs_until
            for scope in (
                *scopes_of(office),
                *shards_of(office, uow, key.authority, key.number),
            )
        ]
    told: dict[tuple[str, int], list[News]] = {}
    for line in news:
        told.setdefault((line.authority, line.generation), []).append(line)
    return [
        name
        for name in names
        if _is_due(
            office,
            name,
            standing.get(name),
            told.get((name.authority, name.generation), []),
            at,
        )
    ]


def _is_due(
    office: Office,
    name: ListName,
    current: CRLRecord | None,
    news: Sequence[News],
    at: datetime,
) -> bool:
    profile, shard = profile_of(office, name.scope), shard_in(name.scope)
    return (
        current is None
        or at >= current.this_update + profile.period
        or any(
            line.kind in kinds_of(profile)
            and shard in (None, line.shard)
            and line.position > current.journal_position
            for line in news
        )
    )
