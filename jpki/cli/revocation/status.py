"""`jpki revocation status`: what was known of a certificate, and the list that says so.

With two instants it answers what a court asks: did this certificate hold when the
document was signed, and what could who relied on it have known?
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import click

from jpki.authority.answering.history import PastStatus, Standing, past_status
from jpki.authority.publication.kept_lists import read_published
from jpki.cli.language import Words
from jpki.cli.revocation.books import as_json, config, instant_of, opened, written
from jpki.errors import Damaged, NotFound, RequestError
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import CRLRecord
from jpki.x509.certificate_lists import parse_crl

__all__ = ["status_command"]

_NAME: Final = re.compile(r"(?P<authority>[a-z0-9-]+)/(?P<serial>[0-9A-Fa-f]{1,40})")

_word: Final = Words(
    {
        "good": ("有効", "good"),
        "revoked": ("失効", "revoked"),
        "unknown": ("未発行", "not issued yet"),
        "at": ("対象時点", "at"),
        "known": ("認識時点", "as known at"),
        "revocation": ("失効日時", "revoked at"),
        "later": ("その後の失効", "revoked afterwards"),
        "since": ("無効とみなす日時", "not to be trusted since"),
        "validity": ("有効期間外です", "outside the certificate's own dates"),
        "in_force": ("当時のCRL", "list in force then"),
        "proof": ("証明するCRL", "list that proves it"),
        "none": ("なし", "none"),
    }
)


@click.command("status")
@click.argument("certificate", metavar="AUTHORITY/SERIAL")
@click.option("--at", "at", help="The instant asked about, such as 2014-10-01; now.")
@click.option("--known", help="Only what was known at this instant; now.")
@click.option(
    "--crl",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the list that proves it here, after it was read again.",
)
@config
@as_json
def status_command(
    certificate: str,
    at: str | None,
    known: str | None,
    output: Path | None,
    config: Path,
    as_json: bool,
) -> None:
    """Say what the status of a certificate was, and what was known of it when.

    AUTHORITY/SERIAL is the name of a certificate as the audit log gives it, the serial
    number in hexadecimal: governor-08/1f3a. A day without a time begins in Japan.
    """
    named = _NAME.fullmatch(certificate)
    if named is None:
        raise RequestError(
            f"{certificate[:60]!r} names no certificate",
            hint="write it as AUTHORITY/SERIAL, such as governor-08/1f3a",
        )
    with opened(config) as (office, clock), office.store.read() as uow:
        now = clock()
        known_at = instant_of(known, now)
        found = past_status(
            office,
            uow,
            named["authority"],
            int(named["serial"], 16),
            at=instant_of(at, known_at),
            known_at=known_at,
            now=now,
        )
        if output is not None:
            _write(output, _proof(uow, found))
    if as_json:
        click.echo(json.dumps(_document(found), ensure_ascii=False, indent=2))
    else:
        _tell(found)


def _proof(uow: AuthorityUnitOfWork, found: PastStatus) -> bytes:
    """The bytes of the list that proves it, which say what the books say."""
    if found.proof is None:
        raise NotFound(
            "CRL",
            "that proves it: none has been published yet",
            hint="the next one will; `jpki revocation publish` makes it now",
        )
    octets = read_published(uow, found.proof).der.octets
    entry = parse_crl(octets).lookup(found.certificate.serial)
    revoked = entry is not None and entry.at <= found.at
    if revoked is not (found.standing is Standing.REVOKED):
        raise Damaged(f"CRL {found.proof.number} of {found.proof.authority}")
    return octets


def _write(file: Path, octets: bytes) -> None:
    try:
        file.write_bytes(octets)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error


def _document(found: PastStatus) -> dict[str, object]:
    told = found.revocation
    revocation: dict[str, object] | None = None
    if told is not None:
        since = told.invalidity_date
        revocation = {
            "at": written(told.at),
            "reason": told.reason.label,
            "invalidity_date": None if since is None else written(since),
        }
    return {
        "authority": found.certificate.authority,
        "serial": f"{found.certificate.serial:x}",
        "at": written(found.at),
        "known_at": written(found.known_at),
        "status": found.standing.value,
        "suspect": found.suspect,
        "within_validity": found.within_validity,
        "revocation": revocation,
        "list_in_force": _list(found.in_force),
        "proof": _list(found.proof),
    }


def _list(record: CRLRecord | None) -> dict[str, object] | None:
    if record is None:
        return None
    return {
        "number": record.number,
        "scope": record.scope,
        "generation": record.generation,
        "this_update": written(record.this_update),
        "next_update": written(record.next_update),
    }


def _tell(found: PastStatus) -> None:
    good = found.standing is Standing.GOOD and not found.suspect
    mark, colour = ("✓", "green") if good else ("✗", "red")
    click.echo(click.style(f"{mark} {_word(found.standing.value)}", fg=colour))
    _line("at", written(found.at))
    _line("known", written(found.known_at))
    told = found.revocation
    if told is not None:
        key = "revocation" if found.standing is Standing.REVOKED else "later"
        _line(key, f"{written(told.at)} ({told.reason.label})")
        if told.invalidity_date is not None:
            _line("since", written(told.invalidity_date))
    _line("in_force", _named(found.in_force))
    _line("proof", _named(found.proof))
    if not found.within_validity:
        click.echo(click.style(f"! {_word('validity')}", fg="yellow"))


def _named(record: CRLRecord | None) -> str:
    if record is None:
        return _word("none")
    return f"{record.scope} {record.number} ({written(record.this_update)})"


def _line(key: str, value: str) -> None:
    click.echo(f"  {_word(key)}: {value}")
