"""`jpki ca`: what CA operators do on the authorities' own machine, two by two."""

from __future__ import annotations

import base64
import json
from datetime import UTC
from pathlib import Path
from typing import Final

import click

from jpki.access import create_credential, load_credential, require_role
from jpki.authority.acts import deed_from
from jpki.authority.agreeing.consent import (
    approve,
    approved,
    deed_of,
    open_requests,
    refuse,
    request,
)
from jpki.authority.agreeing.deeds import DeedKind
from jpki.authority.agreeing.statements import approval_of, refusal_of, request_for
from jpki.authority.certifying.clock_guard import confirm_clock
from jpki.authority.recovering.unfinished import recover
from jpki.cli.desk import Desk, config_option, credential_option, json_option
from jpki.cli.language import Words
from jpki.errors import RequestError
from jpki.model.operators import Role
from jpki.service.clock import parse_instant
from jpki.store.authority_records import ConsentRecord

__all__ = ["ca"]

_word: Final = Words(
    {
        "none": ("申請はありません", "no requests wait"),
        "approve": ("承認するには", "to approve it"),
        "done": ("実行しました", "done"),
        "asked": ("申請しました", "requested"),
        "refused": ("却下しました", "refused"),
        "waits": ("承認待ち", "waits for approval"),
        "approved": ("承認済", "approved"),
    }
)


@click.group()
def ca() -> None:
    """Found, roll over, cross-certify and revoke authorities: two people each time.

    One CA operator requests, another approves with a credential of their own; then it
    is carried out at once. Both names go into the audit log.

    Where one of only two has lost the key, the sealed recovery credential approves a
    successor, and that the other leaves; it approves nothing else.

    \b
    jpki ca credential new.pem ca-operator-3
    jpki ca request enrol authority=… role=ca-operator credential=new.pem --as one.pem
    jpki ca approve ID DIGEST --as recovery-1.pem
    jpki ca request dismiss operator=ca-operator-2 --as one.pem
    jpki ca approve ID DIGEST --as new.pem
    """


@ca.command("request")
@click.argument("act", type=click.Choice([kind.value for kind in DeedKind]))
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@credential_option
@config_option
@json_option
def request_(
    act: str,
    parameters: tuple[str, ...],
    credential: Path,
    config: Path,
    as_json: bool,
) -> None:
    """Ask for ACT with its parameters.

    \b
    found          authority=governor-13
    cross-certify  issuer=bridge subject=governor-13
    roll-over      authority=governor-13 issues_from=2026-12-01 cross_certify=yes
    revoke         authority=bridge serial=4f… reason=superseded ground=…
    enrol          authority=bridge role=approver credential=FILE
    dismiss        operator=…
    abandon        authority=bridge serial=4f… ground=…
    issue          application=…
    register-verifier  verifier=tax-agency name=国税庁 signature=yes
                   authentication=no daily_quota=100000
    """
    desk = Desk(config)
    given = _given(act, parameters, desk.settings.common.era)
    deed = deed_from(act, given)
    record = request(
        desk.office,
        deed,
        at=desk.at,
        by=desk.caller(credential),
        evidence=desk.signed(credential, request_for(deed)),
    )
    if as_json:
        click.echo(json.dumps(_document(record), ensure_ascii=False))
        return
    click.echo(f"{_word('asked')}: {record.id}")
    click.echo(f"  {_in_words(record)}")
    click.echo(
        f"  {_word('approve')}: jpki ca approve {record.id} {record.digest.hex()} "
        f"--as FILE --config {config}"
    )


@ca.command("list")
@config_option
@json_option
def list_(config: Path, as_json: bool) -> None:
    """Show the requests that wait to be approved or carried out."""
    desk = Desk(config)
    records = open_requests(desk.office, at=desk.at)
    if as_json:
        found = [_document(record) for record in records]
        click.echo(json.dumps({"requests": found}, ensure_ascii=False))
        return
    for record in records:
        state = "waits" if record.approved_by is None else "approved"
        click.echo(f"{record.id}  {_word(state)}  {record.requested_by}")
        click.echo(f"  {_in_words(record)}")
        click.echo(f"  {record.digest.hex()}")
    if not records:
        click.echo(_word("none"))


@ca.command("approve")
@click.argument("identifier", metavar="ID")
@click.argument("digest")
@credential_option
@config_option
def approve_(identifier: str, digest: str, credential: Path, config: Path) -> None:
    """Approve request ID, and carry it out.

    DIGEST is what `jpki ca list` shows under what you have read.
    """
    desk = Desk(config)
    try:
        read = bytes.fromhex(digest)
    except ValueError:
        raise RequestError("a digest is 64 hexadecimal digits") from None
    by = desk.caller(credential)
    evidence = desk.signed(credential, approval_of(identifier, read))
    consent = approve(
        desk.office, identifier, read, at=desk.at, by=by, evidence=evidence
    )
    if consent.deed.kind is DeedKind.ISSUE:
        click.echo(_word("approved"))
        return
    click.echo(f"{_word('done')}: {desk.carry_out(consent)}")


@ca.command("run")
@click.argument("identifier", metavar="ID", required=False)
@credential_option
@config_option
def run(identifier: str | None, credential: Path, config: Path) -> None:
    """Carry out request ID that was approved elsewhere; without ID, finish things.

    Finishes what an interrupted act left recorded, gives each key that signs and has
    no OCSP responder a new one, and publishes the lists that are due. Where the clock
    stood ahead before, this says that it is right now.
    """
    desk = Desk(config)
    by = desk.caller(credential)
    require_role(by, "carry out a request", Role.CA_OPERATOR)
    if identifier is not None:
        consent = approved(desk.office, identifier, at=desk.at)
        click.echo(f"{_word('done')}: {desk.carry_out(consent)}")
        return
    confirm_clock(desk.office, at=desk.at, by=by.id)
    recovered = recover(desk.office, at=desk.at, by=by.id)
    desk.complete(by=by.id)
    for subject, error in recovered.failed:
        click.echo(f"{subject}: {error}", err=True)
    click.echo(_word("done"))
    if recovered.failed:
        raise SystemExit(1)


@ca.command("credential")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("identifier", metavar="ID")
def credential_(file: Path, identifier: str) -> None:
    """Make a credential for a new operator ID, in a new FILE for the owner's eyes only.

    It counts once its enrolment was requested and approved.
    """
    create_credential(file, identifier)


@ca.command("refuse")
@click.argument("identifier", metavar="ID")
@credential_option
@config_option
def refuse_(identifier: str, credential: Path, config: Path) -> None:
    """Refuse request ID, or withdraw your own."""
    desk = Desk(config)
    by = desk.caller(credential)
    evidence = desk.signed(credential, refusal_of(identifier))
    refuse(desk.office, identifier, at=desk.at, by=by, evidence=evidence)
    click.echo(_word("refused"))


def _given(act: str, parameters: tuple[str, ...], era: str) -> dict[str, object]:
    """The parameters as a deed has them: instants, truth and keys in one spelling."""
    given: dict[str, object] = {}
    if act in (DeedKind.FOUND.value, DeedKind.ROLL_OVER.value):
        given["era"] = era
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise RequestError(f"{parameter[:40]!r} is not NAME=VALUE")
        if name in ("issues_from", "invalidity_date"):
            instant = parse_instant(value).astimezone(UTC)
            given[name] = f"{instant:%Y-%m-%dT%H:%M:%SZ}"
        elif name in ("cross_certify", "signature", "authentication"):
            if value not in ("yes", "no"):
                raise RequestError(f"{name} is yes or no")
            given[name] = value == "yes"
        elif name == "daily_quota":
            if not (value.isascii() and value.isdigit() and len(value) < 12):
                raise RequestError("daily_quota is a whole number")
            given[name] = int(value)
        elif name == "credential":
            held = load_credential(Path(value))
            given["operator"] = held.id
            given["public_key"] = base64.b64encode(held.public_key).decode("ascii")
        else:
            given[name] = value
    return given


def _in_words(record: ConsentRecord) -> str:
    """What is asked for, so that people can read it: they answer for it."""
    parameters = dict(deed_of(record).parameters)
    return f"{record.act} {json.dumps(parameters, ensure_ascii=False)}"


def _document(record: ConsentRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "act": record.act,
        "parameters": dict(deed_of(record).parameters),
        "digest": record.digest.hex(),
        "requested_by": record.requested_by,
        "approved_by": record.approved_by,
        "expires": f"{record.expires:%Y-%m-%dT%H:%M:%SZ}",
    }
