"""`jpki tsa init` and `jpki tsa list`: a root, an authority, and the root's lists."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import click

from jpki.cli.desk import json_option
from jpki.cli.language import Words
from jpki.cli.pki.folder import new_folder
from jpki.cli.tsa.places import Place
from jpki.durable import create_file
from jpki.errors import ConfigurationError
from jpki.keys.files import generate
from jpki.keys.pkcs8 import Protection
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import SUITES, suite
from jpki.service.clock import ProcessClock, parse_instant, system_random
from jpki.timestamping.founding import found, list_of
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.pem import pem

__all__ = ["at_option", "init_command", "instant", "list_command"]

_PASSPHRASE_OCTETS: Final = 24
_LIST_DAYS: Final = 30
_REASONS: Final = {reason.label: reason for reason in RevocationReason}
_word: Final = Words(
    {
        "made": ("試験用時刻認証局を作成しました", "a test time-stamp authority is in"),
        "trust": ("検証者が信頼する証明書", "verifiers trust"),
        "list": ("失効リスト", "list of what is revoked"),
        "until": ("次回更新", "next update"),
    }
)

at_option = click.option(
    "--at", "date", metavar="DATE", help="As if it were this day or RFC 3339 instant."
)
directory = click.argument(
    "directory", type=click.Path(path_type=Path, file_okay=False)
)


def instant(date: str | None) -> datetime:
    """Now, or the instant that `--at` names."""
    return ProcessClock()() if date is None else parse_instant(date)


@click.command("init")
@directory
@click.option(
    "--suite",
    "suite_id",
    type=click.Choice(tuple(SUITES)),
    default="rsa2048-sha256",
    show_default=True,
    help="Of both keys.",
)
@at_option
@json_option
def init_command(
    directory: Path, suite_id: str, date: str | None, as_json: bool
) -> None:
    """Make a root and a time-stamp authority beneath it, in a new folder DIRECTORY.

    Both are by the profiles `time-root` and `time-stamping`; the keys are encrypted
    under a passphrase that is drawn and written beside them. The root's first list is
    good for thirty days.
    """
    at = instant(date)
    with new_folder(directory) as draft:
        place = Place(draft)
        (draft / "keys").mkdir(mode=0o700)
        drawn = secrets.token_urlsafe(_PASSPHRASE_OCTETS)
        create_file(place.passphrase, f"{drawn}\n".encode("ascii"))
        protection = Protection(drawn)
        root = generate(suite(suite_id), place.root_key, protection)
        key = generate(suite(suite_id), place.authority_key, protection)
        made = found(root, key, at=at, random=system_random)
        place.root.write_bytes(pem(made.root, "CERTIFICATE"))
        place.authority.write_bytes(pem(made.authority, "CERTIFICATE"))
        crl = list_of(
            parse_certificate(made.root),
            root,
            number=1,
            this_update=at,
            next_update=at + timedelta(days=_LIST_DAYS),
        )
        place.crl.write_bytes(crl)
    kept = Place(directory)
    if as_json:
        told = {
            "directory": str(directory),
            "root": str(kept.root),
            "certificate": str(kept.authority),
            "crl": str(kept.crl),
            "suite": suite_id,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{_word('made')} {directory}")
    click.echo(f"  {_word('trust')}: {kept.root}")
    click.echo(f"  {_word('list')}: {kept.crl}")
    click.echo(f"\n  jpki tsa serve {directory}")


@click.command("list")
@directory
@click.option(
    "--revoke",
    type=click.Choice(tuple(_REASONS)),
    metavar="REASON",
    help="Revoke the authority's certificate, such as keyCompromise.",
)
@click.option(
    "--invalid-since",
    metavar="DATE",
    help="Since when its key is not to be trusted, where that is earlier.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=_LIST_DAYS,
    show_default=True,
    help="How long the list is good.",
)
@at_option
@json_option
def list_command(
    directory: Path,
    revoke: str | None,
    invalid_since: str | None,
    days: int,
    date: str | None,
    as_json: bool,
) -> None:
    """Issue the root's next list of what is revoked, in place of the last one.

    What was revoked stays so.
    """
    place, at = Place(directory), instant(date)
    root = place.certificate(place.root)
    entries, number = _before(place)
    serial = place.certificate(place.authority).serial
    if revoke is not None and serial not in {entry.serial for entry in entries}:
        since = None if invalid_since is None else parse_instant(invalid_since)
        entries.append(
            Revocation(
                serial=serial, at=at, reason=_REASONS[revoke], invalidity_date=since
            )
        )
    crl = list_of(
        root,
        place.signer(place.root_key),
        number=number + 1,
        this_update=at,
        next_update=at + timedelta(days=days),
        entries=entries,
    )
    place.crl.write_bytes(crl)
    until = at + timedelta(days=days)
    if as_json:
        told = {
            "crl": str(place.crl),
            "number": number + 1,
            "next_update": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "revoked": len(entries),
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(
            f"{_word('list')} {number + 1}: {place.crl} "
            f"({_word('until')} {until:%Y-%m-%dT%H:%M:%SZ})"
        )


def _before(place: Place) -> tuple[list[Revocation], int]:
    """What the last list says, and its number."""
    try:
        crl = parse_crl(place.crl.read_bytes())
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(str(place.folder), place.crl.name, reason) from None
    entries = [
        Revocation(
            serial=entry.serial,
            at=entry.revoked_at,
            reason=RevocationReason(entry.reason_code),
            invalidity_date=entry.invalidity_date,
        )
        for entry in crl.entries()
    ]
    return entries, crl.number or 0
