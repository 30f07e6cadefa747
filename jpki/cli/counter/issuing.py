"""`jpki counter enrol`, `renew`, `reissue` and `cancel`: one application from the form
to the card in its holder's hand."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Final, Protocol, TextIO

import click

from jpki.authority.workstation import (
    Enrolment,
    Progress,
    Workstation,
    enrol,
    reissue,
    renew,
)
from jpki.cards.session import CardSession
from jpki.cli.card.options import as_json, card_option, secret_of
from jpki.cli.counter.options import (
    Counter,
    config_option,
    password_file,
    purpose_option,
    resident_argument,
    teller,
    word,
)
from jpki.errors import JpkiError
from jpki.model.codes import ResidentCode
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = ["cancel_command", "enrol_command", "reissue_command", "renew_command"]

_OPENED: Final = {"filed", "taken-up"}


class _Procedure(Protocol):
    def __call__(
        self,
        station: Workstation,
        session: CardSession,
        *,
        resident: ResidentCode,
        idempotency_key: str,
        password: Secret,
        purpose: Purpose,
        progress: Progress,
    ) -> Enrolment: ...


def _command(name: str, procedure: _Procedure, about: str) -> click.Command:
    @click.command(name, help=about)
    @resident_argument
    @card_option
    @purpose_option
    @password_file
    @config_option
    @as_json
    def run(
        resident: ResidentCode,
        card: str | None,
        purpose: str,
        new_pin_file: TextIO | None,
        config: Path,
        as_json: bool,
    ) -> None:
        counter, points = Counter(config, card), list[str]()
        wanted = Purpose(purpose)
        with counter.session() as session:
            rule = session.card_type.slot(wanted).pin
            try:
                done = procedure(
                    counter.station,
                    session,
                    resident=resident,
                    idempotency_key=str(uuid.uuid4()),
                    password=secret_of(new_pin_file, rule, word("new"), twice=True),
                    purpose=wanted,
                    progress=teller(points, quiet=as_json),
                )
            except (JpkiError, click.Abort):
                if _OPENED & set(points):
                    click.echo(f"! {word('open')}", err=True)
                raise
            document = {
                "application": done.application.id,
                "state": done.application.state,
                "purpose": purpose,
                "authority": done.issued.authority,
                "serial": f"{done.issued.serial:x}",
                "card": session.serial,
                "steps": points,
            }
        if as_json:
            click.echo(json.dumps(document, indent=2))
        else:
            number = f"{done.issued.authority}/{done.issued.serial:x}"
            click.echo(f"  {number}  {word('card')} {document['card']}")

    return run


enrol_command = _command(
    "enrol",
    enrol,
    "Give a resident who has none a certificate, and put it on the card.\n\n"
    "File the application, have the card make a key pair and the resident choose the "
    "password, get the certificate, write it, read it back, record the delivery.",
)
renew_command = _command(
    "renew",
    renew,
    "Replace a certificate in its last three months (更新).\n\n"
    "Before that it is refused with the first day on which it can be renewed. The old "
    "one is in force until the new one is issued.",
)
reissue_command = _command(
    "reissue",
    reissue,
    "Issue again after a revocation, such as by a move (再発行).\n\n"
    "Name and address are those of the register now.",
)


@click.command("cancel")
@click.argument("application")
@config_option
@as_json
def cancel_command(application: str, config: Path, as_json: bool) -> None:
    """Give an open application up; what was issued for it is revoked."""
    found = Counter(config).station.client.cancel(application)
    if as_json:
        click.echo(json.dumps({"application": found.id, "state": found.state}))
    else:
        click.echo(f"{click.style('✓', fg='green')} {word('cancelled')}  {found.id}")
