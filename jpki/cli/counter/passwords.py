"""`jpki counter reset-password`: a blocked or forgotten password, chosen again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import click

from jpki.authority.workstation import reset_password
from jpki.cli.card.options import as_json, card_option, secret_of
from jpki.cli.counter.options import (
    Counter,
    config_option,
    password_file,
    purpose_option,
    word,
)
from jpki.model.purposes import Purpose

__all__ = ["reset_password_command"]


@click.command("reset-password")
@card_option
@purpose_option
@password_file
@config_option
@as_json
def reset_password_command(
    card: str | None,
    purpose: str,
    new_pin_file: TextIO | None,
    config: Path,
    as_json: bool,
) -> None:
    """Have the resident choose a new password (暗証番号の再設定).

    The old one is not needed and a block is lifted. The authority is not asked.
    """
    counter, wanted = Counter(config, card), Purpose(purpose)
    with counter.session() as session:
        rule = session.card_type.slot(wanted).pin
        tries = reset_password(
            counter.station,
            session,
            password=secret_of(new_pin_file, rule, word("new"), twice=True),
            purpose=wanted,
        )
        serial = session.serial
    if as_json:
        told = {"card": serial, "purpose": purpose, "tries_left": tries}
        click.echo(json.dumps(told))
    else:
        told_so = word("reset", tries=tries)
        click.echo(f"{click.style('✓', fg='green')} {told_so}  {serial}")
