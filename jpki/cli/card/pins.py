"""`jpki card verify-pin` and `change-pin`: what the holder does with PINs."""

from __future__ import annotations

import json
from typing import TextIO

import click

from jpki.cards.session import CardSession
from jpki.cli.card.options import (
    as_json,
    card_option,
    opened,
    pin_file,
    purpose_argument,
    secret_of,
    word,
)
from jpki.errors import PINBlocked, PINError
from jpki.model.purposes import Purpose

__all__ = ["change_pin_command", "verify_pin_command"]


@click.command("verify-pin")
@purpose_argument
@card_option
@pin_file
@as_json
def verify_pin_command(
    purpose: Purpose,
    card: str | None,
    pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Try a PIN. A wrong one costs a try; one of another form is not sent.

    Exits with 1 if it is wrong.
    """
    with opened(card) as session:
        secret = secret_of(pin_file, session.card_type.slot(purpose).pin, word("pin"))
        try:
            session.verify_pin(purpose, secret)
        except (PINError, PINBlocked) as error:
            if not as_json:
                raise
            _document(session, purpose, verified=False)
            raise SystemExit(1) from error
        if as_json:
            _document(session, purpose, verified=True)
        else:
            _told("good-pin")


@click.command("change-pin")
@purpose_argument
@card_option
@pin_file
@click.option(
    "--new-pin-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the new PIN; may be the file of the current one.",
)
@as_json
def change_pin_command(
    purpose: Purpose,
    card: str | None,
    pin_file: TextIO | None,
    new_pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Choose another PIN; the current one is asked for first."""
    with opened(card) as session:
        rule = session.card_type.slot(purpose).pin
        current = secret_of(pin_file, rule, word("current"))()
        new = secret_of(new_pin_file, rule, word("new"), twice=True)()
        session.change_pin(purpose, lambda: current, lambda: new)
        if as_json:
            _document(session, purpose, verified=True)
        else:
            _told("changed")


def _document(session: CardSession, purpose: Purpose, *, verified: bool) -> None:
    document = {
        "purpose": purpose.value,
        "verified": verified,
        "tries_left": session.pin_tries_left(purpose),
    }
    click.echo(json.dumps(document))


def _told(key: str) -> None:
    click.echo(click.style(f"✓ {word(key)}", fg="green"))
