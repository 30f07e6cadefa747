"""`jpki card new` and `unblock`: what the issuer of cards does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TextIO

import click

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type, card_types
from jpki.cli.card.options import (
    as_json,
    card_option,
    opened,
    purpose_argument,
    secret_of,
    word,
)
from jpki.errors import CardError
from jpki.model.purposes import Purpose

__all__ = ["new_command", "unblock_command"]

_LEAST_OCTETS: Final = 16

_issuer_secret = click.option(
    "--issuer-secret",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="A file of 16 octets or more that only the issuer of the card has.",
)


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type",
    "type_id",
    type=click.Choice(sorted(card_types())),
    default="my-number",
    show_default=True,
    help="Which generation.",
)
@click.option("--serial", required=True, help="1 to 16 letters and digits.")
@_issuer_secret
@as_json
def new_command(
    file: Path, type_id: str, serial: str, issuer_secret: Path, as_json: bool
) -> None:
    """Make a blank virtual card: no keys, no PINs, no certificates.

    The municipal counter fills it. FILE stands for the chip: whoever may read it holds
    the card opened.
    """
    VirtualCard.create(
        file,
        card_type(type_id),
        serial=serial,
        issuer_secret=_secret_in(issuer_secret),
    ).close()
    if as_json:
        told = {"file": str(file), "type": type_id, "serial": serial}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        title = card_type(type_id).title
        click.echo(click.style("✓", fg="green") + f" {file}  {title}  {serial}")


@click.command("unblock")
@purpose_argument
@card_option
@_issuer_secret
@click.option(
    "--new-pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the new PIN; otherwise it is asked for, twice.",
)
@as_json
def unblock_command(
    purpose: Purpose,
    card: str | None,
    issuer_secret: Path,
    new_pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Lift a block, as the counter does: the holder chooses a new PIN."""
    with opened(card) as session:
        rule = session.card_type.slot(purpose).pin
        session.authenticate_counter(_secret_in(issuer_secret))
        session.set_pin(purpose, secret_of(new_pin_file, rule, word("new"), twice=True))
        tries = session.pin_tries_left(purpose)
    if as_json:
        click.echo(json.dumps({"purpose": purpose.value, "tries_left": tries}))
    else:
        click.echo(click.style(f"✓ {word('unblocked')}", fg="green"))


def _secret_in(file: Path) -> bytes:
    try:
        octets = file.read_bytes()
    except OSError as error:
        raise CardError(f"{file}: {error.strerror}") from None
    if len(octets) < _LEAST_OCTETS:
        raise CardError(
            f"{file} is no secret: it has {len(octets)} octets",
            hint=f"such as head -c 32 /dev/urandom > {file}",
        )
    return octets
