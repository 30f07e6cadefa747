"""`jpki card sign`: a document signed by the key on the card."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from jpki.cli.card.looking import write_file
from jpki.cli.card.options import (
    as_json,
    asked,
    card_option,
    opened,
    pin_file,
    purpose_argument,
    secret_of,
)
from jpki.cli.files import require_another
from jpki.documents.cms import sign_detached
from jpki.keys.card import CardSigner
from jpki.model.purposes import Purpose

__all__ = ["sign_command"]


@click.command("sign")
@purpose_argument
@click.argument("document", type=click.File("rb"))
@card_option
@click.option("--raw", is_flag=True, help="The bare signature, not CMS.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file."
)
@pin_file
@as_json
def sign_command(
    purpose: Purpose,
    document: BinaryIO,
    card: str | None,
    raw: bool,
    output: Path | None,
    pin_file: TextIO | None,
    as_json: bool,
) -> None:
    """Sign DOCUMENT (- is standard input): `jpki verify` takes the result.

    The document never leaves this machine: the card sees its hash only.
    """
    if output is None and not as_json and sys.stdout.isatty():
        raise click.UsageError("a signature is no text: name a file for it with -o")
    require_another(output, Path(document.name))
    content = document.read()
    with opened(card) as session:
        rule = session.card_type.slot(purpose).pin
        signer = CardSigner(
            session, purpose, secret_of(pin_file, rule, asked(purpose.value))
        )
        if raw:
            made = signer.sign(content)
        else:
            chain = [session.read_ca_certificate(purpose)]
            at = datetime.now(UTC).replace(microsecond=0)
            made = sign_detached(content, signer.certificate, signer, at, chain)
        suite = signer.suite.id
    if output is not None:
        write_file(output, made)
    if as_json:
        told = {
            "purpose": purpose.value,
            "suite": suite,
            "form": "raw" if raw else "cms",
            "output": None if output is None else str(output),
            "signature": base64.b64encode(made).decode("ascii"),
        }
        click.echo(json.dumps(told))
    elif output is None:
        sys.stdout.buffer.write(made)
