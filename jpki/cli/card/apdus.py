"""`jpki card apdu`: octets to the card, octets back, for whoever writes a driver."""

from __future__ import annotations

import json

import click

from jpki.cards.places import open_place
from jpki.cards.status import meaning_of_status
from jpki.cli.card.options import as_json, card_option, place_of

__all__ = ["apdu_command"]


@click.command("apdu")
@click.argument("commands", nargs=-1, required=True, metavar="HEX...")
@card_option
@as_json
def apdu_command(commands: tuple[str, ...], card: str | None, as_json: bool) -> None:
    """Send command APDUs, one after the other, and print what comes back.

    Nothing is checked or selected before. A wrong VERIFY costs a try.

    \b
    jpki card apdu 00A4040C0AD392F000260100000001 00A4020C020006 00B00000A0
    """
    octets = [_octets(text) for text in commands]
    transport = open_place(place_of(card))
    try:
        exchanged = [(command, transport.transmit(command)) for command in octets]
    finally:
        transport.close()
    if as_json:
        document = [
            {
                "command": command.hex().upper(),
                "data": answer[:-2].hex().upper(),
                "status": answer[-2:].hex().upper(),
                "meaning": _meaning(answer),
            }
            for command, answer in exchanged
        ]
        click.echo(json.dumps(document, indent=2))
        return
    for command, answer in exchanged:
        status = answer[-2:]
        good = status == b"\x90\x00"
        click.echo(f"> {command.hex(' ').upper()}")
        if answer[:-2]:
            click.echo(f"< {answer[:-2].hex(' ').upper()}")
        shown = click.style(status.hex().upper(), fg="green" if good else "yellow")
        click.echo(f"< {shown}  {_meaning(answer)}".rstrip())


def _meaning(answer: bytes) -> str:
    return meaning_of_status(int.from_bytes(answer[-2:]))


def _octets(text: str) -> bytes:
    try:
        return bytes.fromhex(text.replace(":", " "))
    except ValueError:
        raise click.BadParameter(f"{text[:40]!r} is not hexadecimal") from None
