"""`jpki card list`, `info` and `read`: what anybody may see, and what the PIN opens."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from jpki.cards.card_types import KeySlot
from jpki.cards.face import FaceSession
from jpki.cards.pcsc import PCSCTransport, Reader, readers, wait_for_card
from jpki.cards.rules import PINRule
from jpki.cards.session import CardSession
from jpki.cli.card.options import (
    as_json,
    asked,
    card_option,
    opened,
    pin_file,
    purpose_argument,
    secret_of,
    word,
)
from jpki.errors import JpkiError, WrongCard
from jpki.model.purposes import Purpose
from jpki.x509.names import rfc4514
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.pem import pem

__all__ = ["info_command", "list_command", "read_command"]


# -- list -----------------------------------------------------------------------------


@click.command("list")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait so long at most until a card is in one of them; exit 2 if none comes.",
)
@as_json
def list_command(wait: float | None, as_json: bool) -> None:
    """List the readers, and which cards are in them."""
    if wait is not None:
        wait_for_card(wait)
    known = [(reader, *_seen(reader)) for reader in readers()]
    if as_json:
        document = [
            {
                "reader": reader.name,
                "atr": None if reader.atr is None else reader.atr.hex().upper(),
                "in_use": reader.in_use,
                "type": kind,
                "serial": serial,
            }
            for reader, kind, serial, _ in known
        ]
        click.echo(json.dumps({"readers": document}, ensure_ascii=False, indent=2))
        return
    if not known:
        click.echo(word("no-reader"))
    for reader, _, _, says in known:
        mark = "●" if reader.atr is not None else "○"
        click.echo(f"{mark} {reader.name}  {says}")


def _seen(reader: Reader) -> tuple[str | None, str | None, str]:
    """Type and serial number of the card in it, and what to say of it."""
    if reader.atr is None:
        return None, None, word("no-card")
    if reader.in_use:
        return None, None, word("in-use")
    try:
        with CardSession(PCSCTransport(reader.name)) as session:
            kind = session.card_type
            return kind.id, session.serial, f"{kind.title}  {session.serial}"
    except WrongCard:
        return None, None, word("no-jpki")
    except JpkiError as error:
        return None, None, error.message


# -- info -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Slot:
    """What can be seen of one key pair without a PIN."""

    slot: KeySlot
    tries: int
    certificate: Certificate | None
    present: bool | None
    """None where only the PIN tells."""


@click.command("info")
@card_option
@as_json
def info_command(card: str | None, as_json: bool) -> None:
    """Say which card it is, what is on it, and how many PIN tries are left."""
    with opened(card) as session:
        slots = [_look(session, purpose) for purpose in session.card_type.slots]
        face = _face_pin(session)
        if as_json:
            document = _document(session, slots, face)
            click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            _tell(session, slots, face)


def _face_pin(session: CardSession) -> tuple[PINRule, int] | None:
    """The PIN that opens the card's face, and its tries; the session is over then."""
    try:
        face = FaceSession.of(session)
        return face.pin_rule, face.pin_tries_left()
    except WrongCard:
        return None


def _look(session: CardSession, purpose: Purpose) -> _Slot:
    slot = session.card_type.slot(purpose)
    present = session.certificates_present().get(purpose)
    certificate = None
    if not slot.certificate_after_pin and present is not False:
        try:
            certificate = parse_certificate(session.read_certificate(purpose))
        except WrongCard:
            present = False
        else:
            present = True
    elif present is None:
        try:
            session.read_ca_certificate(purpose)
        except WrongCard:  # both are written together
            present = False
    return _Slot(slot, session.pin_tries_left(purpose), certificate, present)


def _document(
    session: CardSession, slots: list[_Slot], face: tuple[PINRule, int] | None
) -> dict[str, object]:
    kind = session.card_type
    return {
        "type": kind.id,
        "title": kind.title,
        "label": session.token.label,
        "serial": session.serial,
        "keys": [
            {
                "purpose": seen.slot.purpose.value,
                "pin": {
                    "tries_left": seen.tries,
                    "tries": seen.slot.pin.tries,
                    "shortest": seen.slot.pin.shortest,
                    "longest": seen.slot.pin.longest,
                },
                "certificate_present": seen.present,
                "certificate_after_pin": seen.slot.certificate_after_pin,
                "certificate": None
                if seen.certificate is None
                else {
                    "subject": rfc4514(seen.certificate.subject),
                    "issuer": rfc4514(seen.certificate.issuer),
                    "serial": f"{seen.certificate.serial:x}",
                    "not_before": _instant(seen.certificate.not_before),
                    "not_after": _instant(seen.certificate.not_after),
                },
            }
            for seen in slots
        ],
        "face": None
        if face is None
        else {"pin": {"tries_left": face[1], "tries": face[0].tries}},
    }


def _tell(
    session: CardSession, slots: list[_Slot], face: tuple[PINRule, int] | None
) -> None:
    kind = session.card_type
    click.echo(click.style(kind.title, bold=True) + f"  {session.serial}")
    for seen in slots:
        name = click.style(word(seen.slot.purpose.value), bold=True)
        click.echo(f"\n  {name}")
        absent = "unset" if seen.present is False else "blocked"
        click.echo(f"    {word('pin')}  {_tries(seen.slot.pin, seen.tries, absent)}")
        if seen.certificate is not None:
            _tell_certificate(seen.certificate)
        elif seen.present is False:
            click.echo(f"    {word('none')}")
        else:
            click.echo(f"    {word('hidden')}")
    if face is not None:
        rule, left = face
        click.echo(f"\n  {click.style(word('face'), bold=True)}")
        click.echo(f"    {word('pin')}  {_tries(rule, left, 'blocked-or-unset')}")


def _tries(rule: PINRule, left: int, absent: str) -> str:
    full = rule.tries
    dots = "●" * left + "○" * (full - left)
    if not left:
        return click.style(f"{dots}  {word(absent)}", fg="red")
    colour = "green" if left == full else "yellow"
    return click.style(f"{dots}  {word('tries', left=left, all=full)}", fg=colour)


def _tell_certificate(certificate: Certificate) -> None:
    end = f"{certificate.not_after.astimezone():%Y-%m-%d %H:%M}"
    over = certificate.not_after < datetime.now(UTC)
    state = click.style(f" {word('ended')}", fg="red") if over else ""
    click.echo(f"    {rfc4514(certificate.subject)}")
    click.echo(f"    {word('until')} {end}{state}")
    click.echo(f"    {word('issuer')} {rfc4514(certificate.issuer)}")


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


# -- read -----------------------------------------------------------------------------


@click.command("read")
@purpose_argument
@card_option
@click.option("--ca", is_flag=True, help="The certificate of the authority instead.")
@click.option("--der", is_flag=True, help="DER instead of PEM.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file."
)
@pin_file
@as_json
def read_command(
    purpose: Purpose,
    card: str | None,
    ca: bool,
    der: bool,
    output: Path | None,
    pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Read a certificate from the card; that for signatures needs its PIN."""
    with opened(card) as session:
        slot = session.card_type.slot(purpose)
        if ca:
            octets = session.read_ca_certificate(purpose)
        else:
            if slot.certificate_after_pin:
                session.verify_pin(
                    purpose, secret_of(pin_file, slot.pin, asked(purpose.value))
                )
            octets = session.read_certificate(purpose)
    text = pem(octets, "CERTIFICATE")
    if as_json:
        found = parse_certificate(octets)
        document = {
            "purpose": purpose.value,
            "subject": rfc4514(found.subject),
            "issuer": rfc4514(found.issuer),
            "serial": f"{found.serial:x}",
            "not_before": _instant(found.not_before),
            "not_after": _instant(found.not_after),
            "certificate": text.decode("ascii"),
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    written = octets if der else text
    if output is None:
        sys.stdout.buffer.write(written)
        return
    write_file(output, written)


def write_file(path: Path, octets: bytes) -> None:
    """Write what a command made.

    Raises:
        ClickException: it cannot be written.
    """
    try:
        path.write_bytes(octets)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
