"""The command: runs every check, prints what they found."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from jpki.cli.doctor import places
from jpki.cli.doctor.books import books
from jpki.cli.doctor.databases import databases
from jpki.cli.doctor.findings import Finding, Level, from_error, ok
from jpki.cli.language import language_of
from jpki.errors import JpkiError
from jpki.service.clock import ProcessClock
from jpki.service.settings import Settings, load

__all__ = ["diagnose", "doctor"]

_MARKS: Final = {
    Level.OK: ("✓", "green"),
    Level.WARNING: ("!", "yellow"),
    Level.PROBLEM: ("✗", "red"),
}


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--lang", type=click.Choice(("ja", "en")), default=None)
def doctor(config: Path, as_json: bool, lang: str | None) -> None:
    """Examine an installation and say what to do about each problem.

    Looks at settings, folders, passphrases, tokens, databases, the clock, every key
    of the books, certificates, CRLs and ports; changes nothing. A token's PIN is
    tried once. Exits with 0 if nothing is a problem, else with 1.
    """
    findings = tuple(diagnose(config))
    language = lang or language_of()
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if as_json:
        document = {
            "findings": [_to_json(finding, language) for finding in findings],
            "problems": problems,
            "warnings": warnings,
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            _show(finding, language)
        click.echo(
            f"problems: {problems}, warnings: {warnings}"
            if language == "en"
            else f"問題 {problems} 件、注意 {warnings} 件"
        )
    sys.exit(1 if problems else 0)


def diagnose(config: Path) -> Iterator[Finding]:
    """Every finding, in the order in which one would mend things."""
    try:
        settings = load(config, os.environ)
        clock = ProcessClock(settings.common.clock_offset)
        at = clock()
        yield _settings(config, settings)
        yield from places.data_directory(settings)
        yield from places.passphrase_files(settings)
        yield from places.tokens(settings)
        yield from databases(settings)
        yield from books(settings, at)
        yield from places.ports(settings)
    except JpkiError as error:
        yield from_error("settings", "設定を読めない", error)


def _settings(config: Path, settings: Settings) -> Finding:
    era = settings.common.era
    test = settings.common.test_system
    return ok(
        "settings",
        f"{config}: {era}{'（試験系）' if test else ''}",
        f"{config}: era {era}{', a test system' if test else ''}",
    )


def _to_json(finding: Finding, language: str) -> dict[str, str]:
    document = {
        "check": finding.check,
        "level": finding.level.value,
        "message": finding.message.text(language),
    }
    if finding.step is not None:
        document["step"] = finding.step.text(language)
    return document


def _show(finding: Finding, language: str) -> None:
    mark, colour = _MARKS[finding.level]
    click.echo(
        f"{click.style(mark, fg=colour)} {finding.check:22}"
        f" {finding.message.text(language)}"
    )
    if finding.step is not None:
        click.echo(f"  → {finding.step.text(language)}")
