"""`jpki audit`: examine the books, sign the log's head, prove what it holds."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from jpki.authority.agreeing.statements import agreements
from jpki.authority.auditing.checkpoints import Checkpoint, parse_checkpoint
from jpki.authority.auditing.checkpoints import checkpoint as sign_checkpoint
from jpki.authority.auditing.examining import (
    AuditSummary,
    account_for_serials,
    verify_audit,
)
from jpki.authority.auditing.journaling import subject_of
from jpki.authority.auditing.proofs import (
    MAX_PROOF,
    CertificateProof,
    absence,
    parse_proof,
    prove_certificate,
    prove_growth,
)
from jpki.cli.language import language_of
from jpki.errors import AuditError, EncodingError, RequestError, StoreError
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load
from jpki.store import AuthorityStore, AuthorityUnitOfWork

__all__ = ["audit"]

_SERIAL: Final = re.compile(r"(?:(?P<authority>[a-z0-9-]+)/)?(?P<serial>[0-9A-Fa-f]+)")

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
_kept = click.option(
    "--checkpoint",
    "kept",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint that was kept elsewhere.",
)


@click.group()
def audit() -> None:
    """Examine the authorities' books."""


@audit.command("verify")
@_config
@_kept
@_json
def verify(config: Path, kept: Path | None, as_json: bool) -> None:
    """Check every link of the audit log and account for every serial number.

    So is every signature under a request or an approval, by the operator's certificate.
    The tree over the log and its signed checkpoints are checked as well. With a
    checkpoint from elsewhere also a log is found out that was rewritten or cut off
    together with everything in the database that could tell.

    Exits with 0 if all agrees and 1 if anything was altered, lost or added.
    """
    document: dict[str, object] = {}
    problems: list[str] = []
    known = None if kept is None else _read_checkpoint(kept)
    try:
        with _books(config) as uow:
            document["log"] = _log(verify_audit(uow, known))
    except AuditError as error:
        document["log"] = {"broken_at": error.sequence, "reason": error.reason}
        problems.append(error.message)
    try:
        with _books(config) as uow:
            account = account_for_serials(uow)
            agreed = agreements(uow)
    except (AuditError, StoreError) as error:
        # Without the books there is no account; with an altered log it says little.
        if error.message not in problems:
            problems.append(error.message)
    else:
        problems += (*account.problems, *agreed.problems)
        document["serials"] = dict(account.summary)
        document["agreements"] = {"entries": agreed.entries, "signed": agreed.signed}
    document["problems"] = problems
    if as_json:
        _print(document)
    else:
        for part in ("log", "serials", "agreements"):
            if part in document:
                click.echo(f"{part:10} {document[part]}")
        _conclude(problems, ("全て一致しています", "everything agrees"))
    sys.exit(1 if problems else 0)


def _log(log: AuditSummary) -> Mapping[str, object]:
    return {
        "entries": log.entries,
        "head": log.head,
        "root": log.root,
        "checkpoints": log.checkpoints,
        "unsigned_entries": log.unsigned,
    }


@audit.command("checkpoint")
@_config
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a new file instead of printing it.",
)
def checkpoint(config: Path, out: Path | None) -> None:
    """Sign the head of the audit log as it is now.

    The checkpoint is a few lines of text. Keep it where those who run the authorities
    cannot change it: `jpki audit verify --checkpoint FILE` then tells whether the log
    still has the past that was signed.
    """
    settings = load(config, os.environ)
    clock = ProcessClock(settings.common.clock_offset)
    office = open_office(settings, open_register(settings, clock))
    try:
        signed = sign_checkpoint(office, at=clock())
    finally:
        office.store.close()
    if out is None:
        click.echo(signed.text, nl=False)
        return
    try:
        with out.open("x", encoding="ascii", newline="\n") as file:
            file.write(signed.text)
    except OSError as error:
        raise RequestError(
            f"{out}: {error.strerror}", hint="name a new file in a folder of yours"
        ) from None
    click.echo(f"{out}: {signed.entries} entries, key {signed.key[:16]}…", err=True)


@audit.command("prove")
@click.argument("serial", required=False)
@click.option(
    "--since",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Prove that the log has grown from this checkpoint.",
)
@_config
@_json
def prove(serial: str | None, since: Path | None, config: Path, as_json: bool) -> None:
    """Prove what the audit log holds about the certificate SERIAL.

    SERIAL is hexadecimal, also as AUTHORITY/SERIAL. The proof covers the entries up to
    the newest checkpoint (`jpki audit checkpoint` makes one); `--json` prints it for
    `jpki audit check`. That the log does *not* mention a certificate has no short
    proof: the whole log is read, and it is said so (exit status 1).
    """
    if (serial is None) == (since is None):
        raise click.UsageError("give either SERIAL or --since CHECKPOINT")
    with _books(config) as uow:
        if since is not None:
            _show(prove_growth(uow, _read_checkpoint(since)).to_json(), as_json)
            return
        names = _subjects(uow, serial or "")
        found = [name for name in names if uow.audit.of_subject(name)]
        if not found:
            _show(absence(uow, names).to_json(), as_json)
            sys.exit(1)
        if len(found) > 1:
            raise RequestError(
                f"several authorities have this serial number: {', '.join(found)}",
                hint="name one of them as AUTHORITY/SERIAL",
            )
        _show(prove_certificate(uow, found[0]).to_json(), as_json)


def _subjects(uow: AuthorityUnitOfWork, serial: str) -> Sequence[str]:
    """The names under which the log would mention this serial number."""
    match = _SERIAL.fullmatch(serial)
    if match is None:
        raise RequestError(
            "not a serial number", hint="hexadecimal digits, or AUTHORITY/SERIAL"
        )
    number = int(match["serial"], 16)
    if match["authority"]:
        return [subject_of(match["authority"], number)]
    return [subject_of(authority.id, number) for authority in uow.authorities.all()]


@audit.command("check")
@click.argument("proof", type=click.File("rb"))
@_kept
@_json
def check(proof: Any, kept: Path | None, as_json: bool) -> None:
    """Check the PROOF that `jpki audit prove --json` printed; no database is needed.

    The key that signed the head is named: it is the log's if it is the one in a
    checkpoint that you kept. Exits with 0 if the proof holds and 1 if not.
    """
    read = parse_proof(proof.read(MAX_PROOF + 1))
    problems: list[str] = []
    head = read.checkpoint
    try:
        read.check()
        if kept is not None:
            _compare(head, _read_checkpoint(kept))
    except AuditError as error:
        problems.append(error.message)
    entries = read.entries if isinstance(read, CertificateProof) else ()
    document = {
        "holds": not problems,
        "problems": problems,
        "signed_entries": head.entries,
        "signed_at": head.at,
        "key": head.key,
        "key_known": kept is not None,
        "entries": [
            {
                "sequence": item.entry.sequence,
                "at": item.entry.at,
                "actor": item.entry.actor,
                "act": item.entry.act,
                "subject": item.entry.subject,
            }
            for item in entries
        ],
    }
    if as_json:
        _print(document)
    else:
        for item in entries:
            entry = item.entry
            click.echo(f"{entry.sequence:>9}  {entry.at}  {entry.act}  {entry.actor}")
        click.echo(f"head     {head.entries} entries, {head.at}, key {head.key}")
        _conclude(problems, ("証明は正しい", "the proof holds"))
    sys.exit(1 if problems else 0)


def _compare(head: Checkpoint, kept: Checkpoint) -> None:
    kept.verify()
    if head.key != kept.key:
        raise AuditError(head.entries, "ends a head that another key signed")
    if head.entries == kept.entries and head.root != kept.root:
        raise AuditError(head.entries, "or one before it is not what was signed")


@contextmanager
def _books(config: Path) -> Iterator[AuthorityUnitOfWork]:
    store = AuthorityStore(load(config, os.environ).authority.database)
    try:
        with store.read() as uow:
            yield uow
    finally:
        store.close()


def _read_checkpoint(file: Path) -> Checkpoint:
    try:
        return parse_checkpoint(file.read_bytes().decode("ascii"))
    except ValueError:
        raise EncodingError(f"{file} is not a checkpoint of the audit log") from None


def _show(document: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        _print(document)
        return
    for name, value in document.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for item in value:
                shown = item
                if isinstance(item, dict):
                    shown = f"{item['sequence']}  {item['at']}  {item['act']}"
                click.echo(f"  {shown}")
        else:
            click.echo(f"{name}: {str(value).rstrip()}")


def _print(document: Mapping[str, object]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _conclude(problems: Sequence[str], good: tuple[str, str]) -> None:
    for problem in problems:
        click.echo(click.style(f"✗ {problem}", fg="red"))
    if not problems:
        click.echo(click.style(f"✓ {good[language_of() == 'en']}", fg="green"))
