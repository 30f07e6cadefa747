"""`jpki audit`: examine the books of an installation."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from jpki.authority.audit import account_for_serials, verify_audit
from jpki.errors import AuditError
from jpki.service.settings import load
from jpki.store import AuthorityStore

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Examine the authorities' books."""


@audit.command("verify")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def verify(config: Path, as_json: bool) -> None:
    """Check every link of the audit log and account for every serial number.

    Exits with 0 if all agrees and 1 if anything was altered, lost or added.
    """
    settings = load(config, os.environ)
    store = AuthorityStore(settings.authority.database)
    document: dict[str, object] = {}
    with store.read() as uow:
        try:
            log = verify_audit(uow)
        except AuditError as error:
            document["log"] = {"broken_at": error.sequence, "reason": error.reason}
            problems = [error.message]
        else:
            document["log"] = {"entries": log.entries, "head": log.head}
            problems = []
        account = account_for_serials(uow)
    problems += account.problems
    document["serials"] = {
        "reserved": len(account.lines),
        **{state.value: count for state, count in account.counts.items()},
    }
    document["problems"] = problems
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        click.echo(f"log      {document['log']}")
        click.echo(f"serials  {document['serials']}")
        for problem in problems:
            click.echo(click.style(f"✗ {problem}", fg="red"))
        if not problems:
            click.echo(click.style("✓ everything agrees", fg="green"))
    sys.exit(1 if problems else 0)
