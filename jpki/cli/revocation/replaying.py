"""`jpki revocation replay`: what was revoked, beyond the loss of the database."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from jpki.authority.recovering.replay import Replayed, replay
from jpki.cli.language import Words
from jpki.cli.revocation.books import caller_of
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load
from jpki.store.outside_journal import OutsideJournal

__all__ = ["replay_command"]

_SHOWN: Final = 20
"""Lines of one kind that a person is shown."""

_word: Final = Words(
    {
        "lines": ("台帳の行", "lines of the journal"),
        "known": ("既に失効済み", "revoked already"),
        "revoked": ("復元した失効", "revocations brought back"),
        "would": ("復元する失効", "revocations to bring back"),
        "recovered": ("うち復元した証明書", "of them unknown to the database"),
        "numbers": ("使用済みCRL番号", "CRL numbers used up"),
        "reading": ("台帳", "journal"),
        "good": (
            "台帳の失効は全てデータベースにあります",
            "the database has every revocation that the journal tells",
        ),
    }
)


@click.command("replay")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
@click.option(
    "--as",
    "credential",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Your credential, such as data/credentials/ca-operator-1.pem.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The journal, if it is not the one of authority.revocation_journal.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def replay_command(
    config: Path, credential: Path, journal: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Bring revocations back into a database that was restored from a backup.

    Stop the servers, restore the backup, replay, and start the servers again. Every
    revocation that the journal outside the database tells is entered as it was made;
    so is a certificate that the backup has never seen. CRL numbers that were used are
    used up. Doing it again changes nothing.

    Exits with 1 if a line could not be read or brought back: look at each.
    """
    settings = load(config, os.environ)
    clock = ProcessClock(settings.common.clock_offset)
    outside = OutsideJournal(journal or settings.authority.revocation_journal)
    office = open_office(settings, open_register(settings, clock), restored=True)
    try:
        by = caller_of(office, credential)
        with _progress(outside.path, quiet=as_json) as told:
            done = replay(
                office, outside, at=clock(), by=by, dry_run=dry_run, progress=told
            )
    finally:
        office.store.close()
    if as_json:
        click.echo(json.dumps(_document(done, dry_run), ensure_ascii=False, indent=2))
    else:
        _tell(done, dry_run)
    sys.exit(1 if done.problems else 0)


@contextmanager
def _progress(path: Path, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar over the lines of the journal."""
    if quiet or not sys.stderr.isatty() or not path.exists():
        yield lambda lines: None
        return
    with path.open("rb") as file:
        length = sum(1 for _ in file)
    with click.progressbar(
        length=length, label=_word("reading"), file=sys.stderr
    ) as bar:
        yield lambda lines: bar.update(lines - bar.pos)


def _document(done: Replayed, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "lines": done.lines,
        "known": done.known,
        "revoked": done.revoked,
        "recovered": done.recovered,
        "crl_numbers": done.numbers,
        "problems": done.problems,
    }


def _tell(done: Replayed, dry_run: bool) -> None:
    revoked = "would" if dry_run else "revoked"
    for key, value in (
        ("lines", done.lines),
        ("known", done.known),
        (revoked, len(done.revoked)),
        ("recovered", len(done.recovered)),
        ("numbers", len(done.numbers)),
    ):
        click.echo(f"{_word(key)}: {value}")
    for name in done.revoked[:_SHOWN]:
        click.echo(f"  {name}")
    if len(done.revoked) > _SHOWN:
        click.echo("  … (--json)")
    for problem in done.problems:
        click.echo(click.style(f"✗ {problem}", fg="red"))
    if not done.problems and not dry_run:
        click.echo(click.style(f"✓ {_word('good')}", fg="green"))
