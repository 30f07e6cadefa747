"""`jpki sign`: a document signed by any key, in any form, to any level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Final, TextIO

import click

from jpki import data
from jpki.cli.card.looking import write_file
from jpki.cli.card.options import pin_file
from jpki.cli.desk import json_option
from jpki.cli.files import read_certificates, read_crls, read_file, read_response
from jpki.cli.language import Words
from jpki.cli.sign.formats import FORMATS, SUFFIXES, format_of
from jpki.cli.sign.keys import signing_key
from jpki.cli.sign.orders import Level, Order, Stamp
from jpki.errors import ConfigurationError
from jpki.model.purposes import Purpose
from jpki.service.clock import ProcessClock, offset_to, parse_instant, system_random

__all__ = ["sign"]

_PATH: Final = click.Path(path_type=Path, dir_okay=False)
_LEVELS: Final = {level.value: level for level in Level}
_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}
_word: Final = Words(
    {
        "signed": ("署名しました", "signed"),
        "level": ("水準", "level"),
    }
)


@click.command()
@click.argument("document", type=_PATH)
@click.option(
    "--key",
    envvar="JPKI_CARD",
    metavar="KEY",
    help="`file:` URI of an encrypted key, or a card: its file or `card:` URI.",
)
@click.option(
    "--purpose",
    type=click.Choice(tuple(_PURPOSES)),
    default=Purpose.SIGNATURE.value,
    show_default=True,
    help="Which of a card's two keys.",
)
@click.option(
    "--certificate",
    type=_PATH,
    metavar="FILE",
    help="Of a key in a file, PEM or DER; others in it are put in too.",
)
@pin_file
@click.option(
    "--passphrase-file",
    type=_PATH,
    metavar="FILE",
    help="Its first line opens a key in a file; otherwise it is asked for.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMATS)),
    default="cms",
    show_default=True,
    help="Form of the signature.",
)
@click.option("--enveloping", is_flag=True, help="Put the document into the signature.")
@click.option(
    "--level",
    type=click.Choice(tuple(_LEVELS)),
    default=Level.B.value,
    show_default=True,
    help="Bare; with timestamp; with validation data; with archive timestamp.",
)
@click.option("--tsa", metavar="URL", help="Time-stamp authority, from level t on.")
@click.option(
    "--anchor",
    "anchors",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="From level lt on: where the signer's path leads; PEM or DER.",
)
@click.option(
    "--time-anchor",
    "time_anchors",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="From level lt on: root of the time-stamp authority.",
)
@click.option(
    "--certificates",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="Authorities' certificates to build the path with.",
)
@click.option("--crl", "crls", type=_PATH, multiple=True, metavar="FILE", help="CRLs.")
@click.option(
    "--ocsp",
    "answers",
    type=_PATH,
    multiple=True,
    metavar="FILE",
    help="OCSP responses, DER.",
)
@click.option("--certificates-url", metavar="URL", help="Where ca_server lists them.")
@click.option("--crls-url", metavar="URL", help="Where ocsp_crl lists its CRLs.")
@click.option("--ocsp-url", metavar="URL", help="Asked instead of the certificates'.")
@click.option("--offline", is_flag=True, help="Fetch no certificates, CRLs or OCSP.")
@click.option(
    "--era",
    type=click.Choice(data.era_ids()),
    default="prefectural-sha256",
    show_default=True,
    help="From level lt on: whose algorithms are accepted.",
)
@click.option(
    "--at", "date", metavar="DATE", help="Sign as if it were this day or instant."
)
@click.option("--output", "-o", type=_PATH, help="Where the signature goes.")
@json_option
def sign(
    document: Path,
    key: str | None,
    purpose: str,
    certificate: Path | None,
    pin_file: TextIO | None,
    passphrase_file: Path | None,
    form: str,
    enveloping: bool,
    level: str,
    tsa: str | None,
    anchors: tuple[Path, ...],
    time_anchors: tuple[Path, ...],
    certificates: tuple[Path, ...],
    crls: tuple[Path, ...],
    answers: tuple[Path, ...],
    certificates_url: str | None,
    crls_url: str | None,
    ocsp_url: str | None,
    offline: bool,
    era: str,
    date: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Sign DOCUMENT: `jpki verify` takes the result.

    \b
    jpki sign letter.txt --key card.json
    jpki sign letter.txt --key file:key.pem --certificate own.pem \\
        --level lta --tsa http://127.0.0.1:8407 --anchor root.pem \\
        --time-anchor tsa/root.pem --crl tsa/root.crl

    From level lt on the new signature is judged before anything is written: what shows
    that it is valid goes in, and where that is not shown, nothing is made.
    """
    wanted = _LEVELS[level]
    if wanted.includes(Level.T) and tsa is None:
        raise _needed("--tsa", level)
    if wanted.includes(Level.LT) and not anchors:
        raise _needed("--anchor", level)
    if wanted.includes(Level.LT) and not time_anchors:
        raise _needed("--time-anchor", level)
    offset = timedelta(0) if date is None else offset_to(parse_instant(date))
    clock = ProcessClock(offset)
    content = read_file(document)
    collect = None
    if wanted.includes(Level.LT):
        # Verification is a lot to load for who only signs.
        gathering = import_module("jpki.cli.sign.gathering")
        collect = gathering.collector(
            anchors=[found for file in anchors for found in read_certificates(file)],
            time_anchors=[
                found for file in time_anchors for found in read_certificates(file)
            ],
            certificates=[
                found for file in certificates for found in read_certificates(file)
            ],
            crls=[crl for file in crls for crl in read_crls(file)],
            answers=[read_response(file) for file in answers],
            certificates_url=certificates_url,
            crls_url=crls_url,
            ocsp_url=ocsp_url,
            offline=offline,
            era=data.era(era),
            clock=clock,
        )
    with (
        _stamping(tsa) as stamp,
        signing_key(
            key,
            purpose=_PURPOSES[purpose],
            certificate=certificate,
            pin_file=pin_file,
            passphrase_file=passphrase_file,
        ) as held,
    ):
        made = format_of(form)(
            Order(
                content=content,
                certificate=held.certificate,
                signer=held.signer,
                chain=held.chain,
                at=clock(),
                enveloping=enveloping,
                level=wanted,
                stamp=stamp,
                collect=collect,
            )
        )
        suite = held.signer.suite.id
    place = output or document.with_name(f"{document.name}{SUFFIXES[form]}")
    write_file(place, made)
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
        level_of = f"{_word('level')} {level.upper()}"
        click.echo(f"{_word('signed')}: {place} ({level_of}, {suite})")


@contextmanager
def _stamping(url: str | None) -> Iterator[Stamp | None]:
    """What asks the time-stamp authority at this address."""
    if url is None:
        yield None
        return
    # Neither is the network needed for a bare signature.
    client = import_module("jpki.timestamping.client").TimestampClient(
        url, random=system_random
    )
    try:
        yield lambda covered: bytes(client.stamp(covered).token)
    finally:
        client.close()


def _needed(option: str, level: str) -> ConfigurationError:
    return ConfigurationError(
        "command line", option, f"is needed for level {level}", hint="see --help"
    )
