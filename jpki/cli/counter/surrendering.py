"""`jpki counter surrender`: a card that is given back."""

from __future__ import annotations

import json
from pathlib import Path

import click

from jpki.authority.workstation import surrender_card
from jpki.cli.card.options import as_json, card_option
from jpki.cli.counter.options import (
    Counter,
    config_option,
    resident_argument,
    teller,
    word,
)
from jpki.model.codes import ResidentCode

__all__ = ["surrender_command"]


@click.command("surrender")
@resident_argument
@card_option
@click.option("--yes", is_flag=True, help="Do not ask whether you are sure.")
@config_option
@as_json
def surrender_command(
    resident: ResidentCode, card: str | None, yes: bool, config: Path, as_json: bool
) -> None:
    """Take a card back (返納): revoke all its holder has, and erase it.

    First the authority revokes, then the card is erased. Nothing brings it back.
    """
    counter, points = Counter(config, card), list[str]()
    with counter.session() as session:
        if not yes:
            question = word("sure", card=session.serial)
            click.confirm(question, abort=True, err=True)
        done = surrender_card(
            counter.station,
            session,
            resident=resident,
            progress=teller(points, quiet=as_json),
        )
    if as_json:
        document = {
            "card": done.card,
            "revoked": [
                {"authority": authority, "serial": f"{serial:x}"}
                for authority, serial in done.ended.revoked
            ],
            "cancelled": list(done.ended.cancelled),
            "steps": points,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        told = word("surrendered", count=len(done.ended.revoked))
        click.echo(f"  {told}  {done.card}")
