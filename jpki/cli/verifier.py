"""`jpki verifier`: who is told what is revoked, and how often they asked."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click

from jpki.authority.verifiers.accounts import (
    accept_certificate,
    give_token,
    resume_verifier,
    suspend_verifier,
)
from jpki.cli.desk import Desk, config_option, credential_option, json_option
from jpki.cli.language import Words
from jpki.cli.revocation.books import opened, written
from jpki.durable import create_file
from jpki.errors import RequestError
from jpki.model.calendar import day_in_japan
from jpki.store.verifier_records import UsageRecord, VerifierRecord
from jpki.x509.pem import ders

__all__ = ["verifier"]

_word: Final = Words(
    {
        "none": ("登録されていません", "nobody is registered"),
        "signature": ("署名用", "signature"),
        "authentication": ("利用者証明用", "authentication"),
        "suspended": ("停止中", "suspended"),
        "credentials": ("認証情報", "credentials"),
        "without": ("認証情報なし", "no credential"),
        "until": ("まで", "until"),
        "quota": ("日", "day"),
        "done": ("完了", "done"),
        "token": ("トークンを書き込みました", "the token is in"),
        "ends": ("有効期限", "it counts until"),
    }
)


@click.group()
def verifier() -> None:
    """Verifiers who are told what is revoked: credentials, suspension, usage.

    Two people register one:

    \b
    jpki ca request register-verifier verifier=tax-agency name=国税庁 \\
        signature=yes authentication=no daily_quota=100000 --as one.pem
    jpki ca approve ID DIGEST --as two.pem

    Then one CA operator gives it a token or accepts its TLS client certificate. It
    matters to servers with `revocation.access = "registered"`.
    """


@verifier.command("list")
@config_option
@json_option
def list_(config: Path, as_json: bool) -> None:
    """Show who is registered, and until when their credentials count."""
    with opened(config) as (office, clock), office.store.read() as uow:
        records = uow.verifiers.all()
        ends: dict[str, list[dict[str, object]]] = {}
        for each in uow.verifiers.credentials(after=clock()):
            ends.setdefault(each.verifier, []).append(
                {
                    "kind": each.kind.value,
                    "digest": each.digest,
                    "begins": written(each.begins),
                    "ends": written(each.ends),
                }
            )
    if as_json:
        found = [_document(record, ends) for record in records]
        click.echo(json.dumps({"verifiers": found}, ensure_ascii=False, indent=2))
        return
    for record in records:
        _tell(record, ends.get(record.account.id, []))
    if not records:
        click.echo(_word("none"))


def _document(
    record: VerifierRecord, credentials: Mapping[str, Sequence[object]]
) -> dict[str, object]:
    account, suspended = record.account, record.suspended_at
    return {
        "verifier": account.id,
        "name": account.name,
        "signature": account.signature,
        "authentication": account.authentication,
        "daily_quota": account.daily_quota,
        "registered_at": written(record.registered_at),
        "suspended_at": None if suspended is None else written(suspended),
        "credentials": list(credentials.get(account.id, [])),
    }


def _tell(record: VerifierRecord, credentials: Sequence[Mapping[str, object]]) -> None:
    account = record.account
    scope = [
        _word(name)
        for name in ("signature", "authentication")
        if getattr(account, name)
    ]
    if account.daily_quota is not None:
        scope.append(f"{account.daily_quota:,} / {_word('quota')}")
    good = record.suspended_at is None
    mark, colour = ("✓", "green") if good else ("✗", "red")
    click.echo(f"{click.style(mark, fg=colour)} {account.id}  {account.name}")
    click.echo(f"  {' · '.join(scope)}")
    if record.suspended_at is not None:
        click.echo(f"  {_word('suspended')}: {written(record.suspended_at)}")
    for each in credentials:
        click.echo(f"  {each['kind']} {_word('until')} {each['ends']}")
    if not credentials:
        click.echo(f"  {_word('without')}")


def _overlap(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--overlap",
        type=click.IntRange(0, 366),
        default=14,
        show_default=True,
        help="Days for which the ones before go on counting; 0 ends them now.",
    )(command)


@verifier.command("token")
@click.argument("identifier", metavar="VERIFIER")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--days",
    type=click.IntRange(1, 1098),
    default=366,
    show_default=True,
    help="For how long it counts.",
)
@_overlap
@credential_option
@config_option
def token(
    identifier: str,
    file: Path,
    days: int,
    overlap: int,
    credential: Path,
    config: Path,
) -> None:
    """Make a new bearer token of VERIFIER, and write it into a new FILE.

    It is told this once: the database knows its SHA-256 only. Send the file to the
    verifier on a safe way.
    """
    desk = Desk(config)
    if file.exists():
        raise RequestError(f"{file} is there already", hint="name a new file")
    made, record = give_token(
        desk.office,
        identifier,
        lifetime=timedelta(days=days),
        overlap=timedelta(days=min(overlap, days)),
        at=desk.at,
        by=desk.caller(credential),
    )
    try:
        create_file(file, f"{made}\n".encode("ascii"))
    except OSError as error:
        raise RequestError(
            f"{file}: {error.strerror}",
            hint="nobody has seen the token; make another with --overlap 0",
        ) from None
    click.echo(f"{_word('token')} {file}; {_word('ends')} {written(record.ends)}")


@verifier.command("certificate")
@click.argument("identifier", metavar="VERIFIER")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_overlap
@credential_option
@config_option
def certificate_(
    identifier: str, file: Path, overlap: int, credential: Path, config: Path
) -> None:
    """Know VERIFIER by the TLS client certificate in FILE, PEM or DER.

    It counts until it expires, whoever issued it. The proxy that ends TLS must ask for
    it and pass it on (`revocation.trusted_proxy`).
    """
    desk = Desk(config)
    record = accept_certificate(
        desk.office,
        identifier,
        _certificate_in(file),
        overlap=timedelta(days=overlap),
        at=desk.at,
        by=desk.caller(credential),
    )
    click.echo(f"{_word('done')}; {_word('ends')} {written(record.ends)}")


def _certificate_in(file: Path) -> bytes:
    blocks = ders(file.read_bytes(), "CERTIFICATE")
    if len(blocks) != 1:
        raise RequestError(f"{file} holds {len(blocks)} certificates, not one")
    return blocks[0]


@verifier.command("suspend")
@click.argument("identifier", metavar="VERIFIER")
@click.option("--ground", required=True, help="Why; for the audit log.")
@credential_option
@config_option
def suspend(identifier: str, ground: str, credential: Path, config: Path) -> None:
    """Tell VERIFIER nothing more; every server knows it within a second."""
    desk = Desk(config)
    by = desk.caller(credential)
    suspend_verifier(desk.office, identifier, ground=ground, at=desk.at, by=by)
    click.echo(_word("done"))


@verifier.command("resume")
@click.argument("identifier", metavar="VERIFIER")
@click.option("--ground", required=True, help="Why; for the audit log.")
@credential_option
@config_option
def resume(identifier: str, ground: str, credential: Path, config: Path) -> None:
    """End the suspension of VERIFIER; credentials that have not ended count again."""
    desk = Desk(config)
    by = desk.caller(credential)
    resume_verifier(desk.office, identifier, ground=ground, at=desk.at, by=by)
    click.echo(_word("done"))


@verifier.command("usage")
@click.option("--from", "first", help="First day; 1 April of this fiscal year.")
@click.option("--to", "last", help="Last day; today.")
@click.option("--csv", "as_csv", is_flag=True, help="Print every day and service.")
@config_option
@json_option
def usage(
    first: str | None, last: str | None, as_csv: bool, config: Path, as_json: bool
) -> None:
    """Count what verifiers were told, by days in Japan, for the yearly report."""
    with opened(config) as (office, clock):
        today = day_in_japan(clock())
        begins = date(today.year - (today.month < 4), 4, 1)
        from_day, to_day = _day(first, begins), _day(last, today)
        if from_day > to_day:
            raise RequestError(f"{from_day} is after {to_day}")
        with office.store.read() as uow:
            lines = uow.verifiers.usage(from_day, to_day)
    if as_csv:
        _table(lines)
        return
    totals = _totals(lines)
    if as_json:
        document = {
            "from": from_day.isoformat(),
            "to": to_day.isoformat(),
            "verifiers": totals,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"{from_day} – {to_day}")
    for name, services in totals.items():
        click.echo(name)
        for service, (answered, refused) in services.items():
            click.echo(f"  {service:8} {answered:>12,}  ✗ {refused:,}")
    if not totals:
        click.echo("  0")


def _day(text: str | None, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"{text[:40]!r} is no day", hint="write it as 2014-10-01"
        ) from None


def _totals(lines: Sequence[UsageRecord]) -> dict[str, dict[str, tuple[int, int]]]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for line in lines:
        services = found.setdefault(line.verifier, {})
        answered, refused = services.get(line.service.value, (0, 0))
        services[line.service.value] = answered + line.answered, refused + line.refused
    return found


def _table(lines: Sequence[UsageRecord]) -> None:
    rows = csv.writer(sys.stdout, lineterminator=os.linesep)
    rows.writerow(["verifier", "day", "service", "answered", "refused"])
    for line in lines:
        service = line.service.value
        rows.writerow([line.verifier, line.day, service, line.answered, line.refused])
