"""`jpki revocation list`: the journal, one line a revocation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import click

from jpki.authority.auditing.journaling import subject_of
from jpki.cli.revocation.books import as_json, config, instant_of, opened, written
from jpki.model.revocation import RevocationReason
from jpki.store.authority_records import JournalEntry

__all__ = ["list_command"]

_REASONS: Final = {reason.label: reason for reason in RevocationReason}
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


@click.command("list")
@click.option("--since", help="Revoked then or later, such as 2014-10-01.")
@click.option("--until", help="Revoked before this instant.")
@click.option("--reason", type=click.Choice(sorted(_REASONS)), help="Only for this.")
@click.option("--authority", help="Only certificates of this authority.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many, oldest.")
@config
@as_json
def list_command(
    since: str | None,
    until: str | None,
    reason: str | None,
    authority: str | None,
    limit: int | None,
    config: Path,
    as_json: bool,
) -> None:
    """List revocations in the order in which they were made.

    With --json each line is one JSON document, so that a nation's journal can be piped.
    """
    first, last = instant_of(since, _FIRST), instant_of(until, _LAST)
    wanted = None if reason is None else _REASONS[reason]
    with opened(config) as (office, _), office.store.read() as uow:
        if authority is not None:
            # Of one that does not exist nothing was revoked: a slip would look good.
            uow.authorities.get(authority)
        chosen = (
            entry
            for entry in uow.journal.walk()
            if first <= entry.revoked_at < last
            and wanted in (None, entry.reason)
            and authority in (None, entry.authority)
        )
        for entry in islice(chosen, limit):
            click.echo(_json(entry) if as_json else _text(entry))


def _text(entry: JournalEntry) -> str:
    name = subject_of(entry.authority, entry.serial)
    return (
        f"{written(entry.revoked_at)}  {name}  {entry.reason.label}  "
        f"{entry.actor}  {entry.ground}"
    )


def _json(entry: JournalEntry) -> str:
    since = entry.invalidity_date
    return json.dumps(
        {
            "position": entry.position,
            "authority": entry.authority,
            "serial": f"{entry.serial:x}",
            "revoked_at": written(entry.revoked_at),
            "reason": entry.reason.label,
            "invalidity_date": None if since is None else written(since),
            "ground": entry.ground,
            "actor": entry.actor,
        },
        ensure_ascii=False,
    )
