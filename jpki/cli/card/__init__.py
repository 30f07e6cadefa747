"""`jpki card`: what is on a card, its PINs, signing with it; virtual cards as files."""

from __future__ import annotations

import click

from jpki.cli.card.apdus import apdu_command
from jpki.cli.card.facing import face_command
from jpki.cli.card.issuing import new_command, unblock_command
from jpki.cli.card.looking import info_command, list_command, read_command
from jpki.cli.card.pins import change_pin_command, verify_pin_command
from jpki.cli.card.serving import serve_command
from jpki.cli.card.signing import sign_command

__all__ = ["card"]


@click.group()
def card() -> None:
    """Look into a card, change its PINs, sign with it; make and insert virtual ones.

    CARD is the file of a virtual card or a `card:` URI, such as
    card:reader=Virtual%20PCD%2000%2000. Without it, and without the variable JPKI_CARD,
    it is the one card that is in any reader (PC/SC).
    """


for _command in (
    list_command,
    info_command,
    read_command,
    verify_pin_command,
    change_pin_command,
    sign_command,
    new_command,
    serve_command,
    unblock_command,
    apdu_command,
    face_command,
):
    card.add_command(_command)
