"""`jpki card verify-pin` and `change-pin`: what the holder does with PINs."""

from __future__ import annotations

import json
from typing import TextIO

import click

from jpki.cli.card.options import (
    as_json,
    asked,
    card_option,
    pin_argument,
    pin_file,
    secret_of,
    word,
)
from jpki.cli.card.which_pin import OnePIN, opened_pin
from jpki.cli.complaints import complain
from jpki.errors import PINBlocked, PINError

__all__ = ["change_pin_command", "verify_pin_command"]


@click.command("verify-pin")
@pin_argument
@card_option
@pin_file
@as_json
def verify_pin_command(
    which: str,
    card: str | None,
    pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Try a PIN. A wrong one costs a try; one of another form is not sent.

    Exits with 1 if it is wrong.
    """
    with opened_pin(card, which) as pin:
        try:
            pin.verify(secret_of(pin_file, pin.rule, asked(which)))
        except (PINError, PINBlocked) as error:
            if as_json:
                _document(pin, verified=False)
            else:
                complain(error)
            raise SystemExit(1) from None
        _told(pin, "good-pin", as_json=as_json)


@click.command("change-pin")
@pin_argument
@card_option
@pin_file
@click.option(
    "--new-pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the new PIN; may be the file of the current one.",
)
@as_json
def change_pin_command(
    which: str,
    card: str | None,
    pin_file: TextIO | None,
    new_pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Choose another PIN; the current one is asked for first."""
    with opened_pin(card, which) as pin:
        current = secret_of(pin_file, pin.rule, asked(which, "current"))()
        new = secret_of(new_pin_file, pin.rule, asked(which, "new"), twice=True)()
        pin.change(lambda: current, lambda: new)
        _told(pin, "changed", as_json=as_json)


def _told(pin: OnePIN, key: str, *, as_json: bool) -> None:
    if as_json:
        _document(pin, verified=True)
    else:
        click.echo(click.style(f"✓ {word(key)}", fg="green"))


def _document(pin: OnePIN, *, verified: bool) -> None:
    document = {
        "purpose": pin.which,
        "verified": verified,
        "tries_left": pin.tries_left(),
    }
    click.echo(json.dumps(document))
