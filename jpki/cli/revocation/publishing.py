"""`jpki revocation publish`: lists now, and not when they are due."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import sleep
from typing import Final

import click

from jpki.access import require_role
from jpki.authority.office import Office
from jpki.authority.publication import publish, publish_each_due
from jpki.cli.language import language_of
from jpki.cli.revocation.books import as_json, caller_of, config, written
from jpki.errors import ClockBehind, Conflict, JpkiError
from jpki.model.operators import Caller, Role
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load
from jpki.store.authority_records import CRLRecord, ListName

__all__ = ["publish_command"]

_NEXT_SECOND: Final = 1.0


@click.command("publish")
@click.argument("lists", nargs=-1, metavar="[LIST]...")
@click.option(
    "--as",
    "credential",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Your credential, such as data/credentials/ca-operator-1.pem.",
)
@config
@as_json
def publish_command(
    lists: tuple[str, ...], credential: Path, config: Path, as_json: bool
) -> None:
    """Publish lists now: those named, or else those that are due.

    A list is named as in its address: AUTHORITY/GENERATION/SCOPE. `ca_server` may be
    running; it publishes by itself what is due. Exits with 1 if a list could not be
    made: the one before it stays in force.

    \b
    jpki revocation publish governor-08/1/crl --as data/credentials/ca-operator-1.pem
    """
    names = [_name(text) for text in lists]
    settings = load(config, os.environ)
    clock = ProcessClock(settings.common.clock_offset)
    office = open_office(settings, open_register(settings, clock))
    failed: list[JpkiError] = []
    made: list[CRLRecord] = []
    try:
        by = _publisher(office, credential).id
        due = publish_each_due(office, at=clock(), by=by) if not names else ()
        for told in due:
            if isinstance(told, JpkiError):
                failed.append(told)
            else:
                made.append(told)
        for name in names:
            try:
                made.append(_published(office, name, clock, by))
            except JpkiError as error:
                failed.append(error)
    finally:
        office.store.close()
    _tell(made, failed, as_json=as_json)
    sys.exit(1 if failed else 0)


def _name(text: str) -> ListName:
    authority, _, rest = text.partition("/")
    generation, _, scope = rest.partition("/")
    if not (authority and scope and generation.isdecimal() and len(generation) < 6):
        raise click.BadParameter(
            f"{text!r} is not AUTHORITY/GENERATION/SCOPE, such as governor-08/1/crl"
        )
    return ListName(authority, int(generation), scope)


def _publisher(office: Office, credential: Path) -> Caller:
    """Counters act from afar; the lists of a nation are no business of theirs."""
    by = caller_of(office, credential)
    require_role(by, "publish lists", Role.CA_OPERATOR)
    return by


def _published(office: Office, name: ListName, clock: Clock, by: str) -> CRLRecord:
    """Publish; where this second belongs to the list beside it, in the next one."""
    try:
        return _published_now(office, name, clock, by)
    except ClockBehind:
        raise
    except Conflict:
        sleep(_NEXT_SECOND)
        return _published_now(office, name, clock, by)


def _published_now(office: Office, name: ListName, clock: Clock, by: str) -> CRLRecord:
    return publish(
        office,
        name.authority,
        scope=name.scope,
        generation=name.generation,
        at=clock(),
        by=by,
    )


def _tell(made: list[CRLRecord], failed: list[JpkiError], *, as_json: bool) -> None:
    if as_json:
        document = {
            "published": [
                {
                    "list": "/".join(map(str, record.name)),
                    "number": record.number,
                    "this_update": written(record.this_update),
                    "next_update": written(record.next_update),
                }
                for record in made
            ],
            "failed": [str(error) for error in failed],
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    japanese = language_of() == "ja"
    until = "次回" if japanese else "next by"
    for record in made:
        name = "/".join(map(str, record.name))
        mark = click.style("✓", fg="green")
        end = written(record.next_update)
        click.echo(f"{mark} {name}  {record.number}  {until} {end}")
    for error in failed:
        click.echo(click.style(f"✗ {error}", fg="red"))
        if error.hint:
            click.echo(f"  → {error.hint}")
    if not made and not failed:
        click.echo("発行すべき失効リストはありません" if japanese else "no list is due")
