"""`jpki card new` and `unblock`: what the issuer of cards does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, TextIO

import click

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type, card_types
from jpki.cards.holder import load_holder
from jpki.cli.card.options import (
    as_json,
    asked,
    card_option,
    pin_argument,
    secret_of,
    word,
)
from jpki.cli.card.which_pin import opened_pin
from jpki.errors import CardError

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
@click.option(
    "--holder",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML: what is printed on the card, for `jpki card face`.",
)
@as_json
def new_command(
    file: Path,
    type_id: str,
    serial: str,
    issuer_secret: Path,
    holder: Path | None,
    as_json: bool,
) -> None:
    """Make a blank virtual card: no keys and certificates, no PINs of theirs.

    The municipal counter fills it. FILE stands for the chip: whoever may read it holds
    the card opened.

    \b
    The holder's file:
      name = "電子　花子"
      address = "茨城県つくば市研究学園一丁目１番地１"
      date_of_birth = 1980-02-17
      gender = "female"              # or male, unknown
      municipality = "082201"
      my_number = "123456789018"
      expires = 2036-02-17
      security_code = "1234"
      pin = "1234"                   # or the counter sets it: unblock face
      photo = "photo.jp2"            # optional, as name_image and address_image are
    """
    VirtualCard.create(
        file,
        card_type(type_id),
        serial=serial,
        issuer_secret=_secret_in(issuer_secret),
        holder=None if holder is None else load_holder(holder),
    ).close()
    if as_json:
        told = {"file": str(file), "type": type_id, "serial": serial}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        title = card_type(type_id).title
        click.echo(click.style("✓", fg="green") + f" {file}  {title}  {serial}")


@click.command("unblock")
@pin_argument
@card_option
@_issuer_secret
@click.option(
    "--new-pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the new PIN; otherwise it is asked for, twice.",
)
@as_json
def unblock_command(
    which: str,
    card: str | None,
    issuer_secret: Path,
    new_pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Lift a block, as the counter does: the holder chooses a new PIN."""
    secret = _secret_in(issuer_secret)
    with opened_pin(card, which) as pin:
        pin.set(
            secret, secret_of(new_pin_file, pin.rule, asked(which, "new"), twice=True)
        )
        tries = pin.tries_left()
    if as_json:
        click.echo(json.dumps({"purpose": which, "tries_left": tries}))
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
