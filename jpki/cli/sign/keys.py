"""Whose key signs: one on a card, or one in an encrypted file with its certificate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import click

from jpki.cli.card.options import opened, secret_of, word
from jpki.cli.files import read_certificates
from jpki.errors import ConfigurationError
from jpki.keys.card import CardSigner
from jpki.keys.files import open_signer
from jpki.model.ports import Secret, Signer
from jpki.model.purposes import Purpose
from jpki.service.secrets import passphrase_from

__all__ = ["SigningKey", "signing_key"]

_FILE: Final = "file:"


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A signer and its certificate."""

    signer: Signer
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


@contextmanager
def signing_key(
    place: str | None,
    *,
    purpose: Purpose,
    certificate: Path | None,
    pin_file: TextIO | None,
    passphrase_file: Path | None,
) -> Iterator[SigningKey]:
    """The key at this place; a card is held until the end.

    Args:
        place: `file:` URI, or a card's URI or file; None is the card in any reader.
        purpose: which of a card's two keys.
        certificate: of a key in a file.

    Raises:
        JpkiError: there is no such key, or it does not open.
    """
    if place is not None and place.startswith(_FILE):
        if certificate is None:
            raise ConfigurationError(
                "command line",
                "--certificate",
                "is not given",
                hint="a key in a file does not bring its certificate, as a card does",
            )
        own, *others = read_certificates(certificate)
        yield SigningKey(
            signer=open_signer(place, _passphrase(passphrase_file)),
            certificate=own.raw,
            chain=tuple(other.raw for other in others),
        )
        return
    with opened(place) as session:
        rule = session.card_type.slot(purpose).pin
        signer = CardSigner(session, purpose, secret_of(pin_file, rule, word("pin")))
        yield SigningKey(
            signer=signer,
            certificate=signer.certificate,
            chain=(session.read_ca_certificate(purpose),),
        )


def _passphrase(file: Path | None) -> Secret:
    if file is not None:
        return passphrase_from(file)

    def ask() -> str:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "without a terminal the passphrase comes by --passphrase-file"
            )
        typed: str = click.prompt("passphrase", hide_input=True, err=True)
        return typed

    return ask
