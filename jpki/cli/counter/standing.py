"""`jpki counter status`: the card, what is under way, and what a resident has."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from jpki.authority.remote.answers import (
    HeldCertificate,
    OpenApplication,
    ResidentHoldings,
)
from jpki.cards.session import CardSession
from jpki.cli.card.options import as_json, card_option
from jpki.cli.counter.options import (
    Counter,
    ResidentType,
    config_option,
    state_word,
    word,
)
from jpki.errors import CardError
from jpki.model.calendar import day_in_japan
from jpki.model.codes import ResidentCode

__all__ = ["status_command"]


@click.command("status")
@click.option(
    "--resident",
    type=ResidentType(),
    metavar="CODE",
    help="Also what this resident has; - asks for the code.",
)
@card_option
@config_option
@as_json
def status_command(
    resident: ResidentCode | None, card: str | None, config: Path, as_json: bool
) -> None:
    """Say which card is in the reader, what is under way here, what a resident has."""
    counter = Counter(config, card)
    client = counter.station.client
    under_way = client.open_applications()
    held = None if resident is None else client.holdings(resident)
    try:
        with counter.session() as session:
            seen = _card_document(session)
            problem = None
    except CardError as error:
        seen, problem = None, error.message
    if as_json:
        document = {
            "card": seen,
            "problem": problem,
            "applications": [_application_document(entry) for entry in under_way],
            "certificates": None
            if held is None
            else [_certificate_document(entry) for entry in held.certificates],
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    _tell_card(seen, problem)
    _heading("applications")
    for entry in under_way:
        _tell_application(entry)
    if not under_way:
        click.echo(f"  {word('none')}")
    if held is not None:
        _tell_holdings(held)


def _card_document(session: CardSession) -> dict[str, object]:
    kind = session.card_type
    return {
        "title": kind.title,
        "type": kind.id,
        "serial": session.serial,
        "tries_left": {
            purpose.value: session.pin_tries_left(purpose) for purpose in kind.slots
        },
    }


def _application_document(entry: OpenApplication) -> dict[str, object]:
    return {
        "application": entry.application.id,
        "state": entry.application.state,
        "purpose": entry.application.purpose.value,
        "resident": str(entry.resident),
        "renewal": entry.renews,
        "filed_at": _instant(entry.filed_at),
        "filed_by": entry.filed_by,
    }


def _certificate_document(held: HeldCertificate) -> dict[str, object]:
    return {
        "authority": held.authority,
        "serial": f"{held.serial:x}",
        "purpose": held.purpose.value,
        "live": held.live,
        "not_after": _instant(held.not_after),
        "renewable_from": _instant(held.renewable_from),
        "reason": held.reason,
    }


def _heading(key: str) -> None:
    click.echo("\n" + click.style(word(key), bold=True))


def _tell_card(seen: dict[str, object] | None, problem: str | None) -> None:
    click.echo(click.style(word("card"), bold=True))
    if seen is None:
        click.echo(f"  {word('no-card')}  ({problem})")
        return
    click.echo(f"  {seen['title']}  {seen['serial']}")
    tries = seen["tries_left"]
    assert isinstance(tries, dict)
    for purpose, left in tries.items():
        told = word("tries", left=left) if left else word("blocked")
        click.echo(f"  {word(purpose)}  {told}")


def _tell_application(entry: OpenApplication) -> None:
    found = entry.application
    kind = word("renews" if entry.renews else "first")
    code = f"…{entry.resident.digits[-4:]}"
    click.echo(
        f"  {found.id}  {word(found.purpose.value)}  {kind}  {code}  "
        f"{state_word(found.state)}  {entry.filed_at.astimezone():%Y-%m-%d %H:%M}"
    )


def _tell_holdings(held: ResidentHoldings) -> None:
    _heading("certificates")
    for entry in held.certificates:
        end = word("until", day=day_in_japan(entry.not_after))
        if entry.live:
            colour, state = "green", word("live")
        else:
            colour, state = "yellow", word(entry.reason or "expired")
        click.echo(
            f"  {entry.authority}/{entry.serial:x}  {word(entry.purpose.value)}  "
            f"{click.style(state, fg=colour)}  {end}"
        )
        if entry.live:
            first = day_in_japan(entry.renewable_from)
            click.echo(f"    {word('renewable', day=first)}")
    if not held.certificates:
        click.echo(f"  {word('none')}")


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
