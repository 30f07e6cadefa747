"""Which lists are due now, and publishing them."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from jpki.authority.office import Office, whole_second
from jpki.authority.publication.publishing import finish_crl, publish
from jpki.authority.publication.scopes import kinds_of, profile_of, scopes_of
from jpki.errors import IssuanceError, JpkiError
from jpki.store.authority_records import CRLRecord, ListName

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
    profiles = {scope: profile_of(office, scope) for scope in scopes_of(office)}
    due = []
    for key in keys:
        if not key.signs_from <= at <= key.signs_until:
            continue
        for scope, profile in profiles.items():
            name = ListName(key.authority, key.number, scope)
            current = standing.get(name)
            if (
                current is None
                or at >= current.this_update + profile.period
                or any(
                    (authority, generation) == (key.authority, key.number)
                    and kind in kinds_of(profile)
                    and position > current.journal_position
                    for authority, generation, kind, position in news
                )
            ):
                due.append(name)
    return due
