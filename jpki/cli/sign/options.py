"""What every way to sign is told: whose key, to which level, by whose evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from jpki import data
from jpki.cli.card.options import pin_file
from jpki.cli.files import read_certificates, read_crls, read_response
from jpki.cli.language import Words
from jpki.cli.sign.keys import SigningKey, signing_key
from jpki.cli.sign.orders import Collect, Level, Order, Stamp
from jpki.errors import ConfigurationError
from jpki.model.ports import Clock
from jpki.model.purposes import Purpose
from jpki.service.clock import ProcessClock, offset_to, parse_instant, system_random

__all__ = ["PATH", "Prepared", "prepared", "signing_options", "word"]

PATH: Final = click.Path(path_type=Path, dir_okay=False)
_LEVELS: Final = {level.value: level for level in Level}
_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}
word: Final = Words(
    {
        "signed": ("署名しました", "signed"),
        "level": ("水準", "level"),
        "files": ("署名の対象", "over"),
    }
)

_NEEDED: Final = (
    ("tsa", "--tsa", Level.T),
    ("anchors", "--anchor", Level.LT),
    ("time_anchors", "--time-anchor", Level.LT),
)
"""From which level on an option has to be given."""
_OPTIONS: Final = (
    click.option(
        "--key",
        envvar="JPKI_CARD",
        metavar="KEY",
        help="`file:` URI of an encrypted key, or a card: its file or `card:` URI.",
    ),
    click.option(
        "--purpose",
        type=click.Choice(tuple(_PURPOSES)),
        default=Purpose.SIGNATURE.value,
        show_default=True,
        help="Which of a card's two keys.",
    ),
    click.option(
        "--certificate",
        type=PATH,
        metavar="FILE",
        help="Of a key in a file, PEM or DER; others in it are put in too.",
    ),
    pin_file,
    click.option(
        "--passphrase-file",
        type=PATH,
        metavar="FILE",
        help="Its first line opens a key in a file; otherwise it is asked for.",
    ),
    click.option(
        "--level",
        type=click.Choice(tuple(_LEVELS)),
        default=Level.B.value,
        show_default=True,
        help="Bare; with timestamp; with validation data; with archive timestamp.",
    ),
    click.option("--tsa", metavar="URL", help="Time-stamp authority, from level t on."),
    click.option(
        "--anchor",
        "anchors",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="From level lt on: where the signer's path leads; PEM or DER.",
    ),
    click.option(
        "--time-anchor",
        "time_anchors",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="From level lt on: root of the time-stamp authority.",
    ),
    click.option(
        "--certificates",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="Authorities' certificates to build the path with.",
    ),
    click.option(
        "--crl", "crls", type=PATH, multiple=True, metavar="FILE", help="CRLs."
    ),
    click.option(
        "--ocsp",
        "answers",
        type=PATH,
        multiple=True,
        metavar="FILE",
        help="OCSP responses, DER.",
    ),
    click.option(
        "--certificates-url", metavar="URL", help="Where ca_server lists them."
    ),
    click.option("--crls-url", metavar="URL", help="Where ocsp_crl lists its CRLs."),
    click.option(
        "--ocsp-url", metavar="URL", help="Asked instead of the certificates'."
    ),
    click.option(
        "--offline", is_flag=True, help="Fetch no certificates, CRLs or OCSP."
    ),
    click.option(
        "--era",
        type=click.Choice(data.era_ids()),
        default="prefectural-sha256",
        show_default=True,
        help="From level lt on: whose algorithms are accepted.",
    ),
    click.option(
        "--at", "date", metavar="DATE", help="Sign as if it were this day or instant."
    ),
)


def signing_options(command: Callable[..., None]) -> Callable[..., None]:
    """All of these options; their values come as keywords."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A key and all else that signing takes, but what is signed."""

    key: SigningKey
    level: Level
    clock: Clock = field(repr=False)
    stamp: Stamp | None = field(repr=False)
    collect: Collect | None = field(repr=False)

    def order(self, content: bytes, *, enveloping: bool = False) -> Order:
        """One document to sign, now."""
        return Order(
            content=content,
            certificate=self.key.certificate,
            signer=self.key.signer,
            chain=self.key.chain,
            at=self.clock(),
            enveloping=enveloping,
            level=self.level,
            stamp=self.stamp,
            collect=self.collect,
        )


@contextmanager
def prepared(options: Mapping[str, Any]) -> Iterator[Prepared]:
    """From the values of `signing_options`; a card is held until the end.

    Raises:
        JpkiError: something that the level needs is not there, or there is no such key.
    """
    level = options["level"]
    wanted = _LEVELS[level]
    for name, option, least in _NEEDED:
        if wanted.includes(least) and not options[name]:
            raise ConfigurationError(
                "command line",
                option,
                f"is needed for level {level}",
                hint="see --help",
            )
    date = options["date"]
    offset = timedelta(0) if date is None else offset_to(parse_instant(date))
    clock = ProcessClock(offset)
    collect = _collecting(options, clock) if wanted.includes(Level.LT) else None
    with (
        _stamping(options["tsa"]) as stamp,
        signing_key(
            options["key"],
            purpose=_PURPOSES[options["purpose"]],
            certificate=options["certificate"],
            pin_file=options["pin_file"],
            passphrase_file=options["passphrase_file"],
        ) as key,
    ):
        yield Prepared(key=key, level=wanted, clock=clock, stamp=stamp, collect=collect)


def _collecting(options: Mapping[str, Any], clock: Clock) -> Collect:
    def certificates(files: Sequence[Path]) -> list[Any]:
        return [found for file in files for found in read_certificates(file)]

    # Verification is a lot to load for who only signs.
    gathering = import_module("jpki.cli.sign.gathering")
    collect: Collect = gathering.collector(
        anchors=certificates(options["anchors"]),
        time_anchors=certificates(options["time_anchors"]),
        certificates=certificates(options["certificates"]),
        crls=[crl for file in options["crls"] for crl in read_crls(file)],
        answers=[read_response(file) for file in options["answers"]],
        certificates_url=options["certificates_url"],
        crls_url=options["crls_url"],
        ocsp_url=options["ocsp_url"],
        offline=options["offline"],
        era=data.era(options["era"]),
        clock=clock,
    )
    return collect


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
