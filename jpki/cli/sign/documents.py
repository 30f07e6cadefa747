"""`jpki sign DOCUMENT`: one document signed, in any form, to any level."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from jpki.cli.card.looking import write_file
from jpki.cli.desk import json_option
from jpki.cli.files import read_file, require_another
from jpki.cli.sign.formats import FORMATS, SUFFIXES, format_of
from jpki.cli.sign.options import PATH, prepared, signing_options, word

__all__ = ["document"]


@click.command()
@click.argument("document", type=PATH)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    default="cms",
    show_default=True,
    help="Form of the signature.",
)
@click.option("--enveloping", is_flag=True, help="Put the document into the signature.")
@signing_options
@click.option("--output", "-o", type=PATH, help="Where the signature goes.")
@json_option
def document(
    document: Path,
    form: str,
    enveloping: bool,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Sign DOCUMENT: `jpki verify` takes the result.

    \b
    jpki sign letter.txt --key card.json
    jpki sign form.xml --format xml --key card.json
    jpki sign letter.pdf --format pdf --key card.json
    jpki sign letter.txt --key file:key.pem --certificate own.pem \\
        --level lta --tsa http://127.0.0.1:8407 --anchor root.pem \\
        --time-anchor tsa/root.pem --crl tsa/root.crl

    From level lt on the new signature is judged before anything is written: what shows
    that it is valid goes in, and where that is not shown, nothing is made.
    """
    require_another(output, document)
    content = read_file(document)
    with prepared(options) as ready:
        made = format_of(form)(ready.order(content, enveloping=enveloping))
    place = output or document.with_name(f"{document.name}{SUFFIXES[form]}")
    write_file(place, made)
    suite, level = ready.key.signer.suite.id, ready.level.value
    if as_json:
        told = {
            "output": str(place),
            "format": form,
            "level": level,
            "enveloping": enveloping,
            "suite": suite,
            "octets": len(made),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        level_of = f"{word('level')} {level.upper()}"
        click.echo(f"{word('signed')}: {place} ({level_of}, {suite})")
