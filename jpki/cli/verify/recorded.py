"""`jpki verify record`: a recorded verdict, reached again from its evidence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from jpki.cli.files import read_file
from jpki.cli.language import language_of
from jpki.cli.verify.questions import FILE
from jpki.cli.verify.showing import EXIT, show
from jpki.verify.records import MAX_RECORD, confirms, judge_again, read_record

__all__ = ["record"]


@click.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--lang", type=click.Choice(("ja", "en")), default=None)
def record(file: Path, as_json: bool, lang: str | None) -> None:
    """Judge again what `--record` kept in FILE: at its instant, from its evidence.

    \b
    jpki verify letter.txt letter.txt.p7s --anchor root.cer --record record.zip
    jpki verify record record.zip

    Nothing is fetched. Exits as `jpki verify` does, and with 4 where the verdict is not
    the recorded one. FILE is a ZIP archive: its trust anchors stand in anchors/, and
    whether they are yours is for you to see.
    """
    kept = read_record(read_file(file, MAX_RECORD))
    outcome = judge_again(kept)
    same = confirms(kept, outcome)
    language = lang or language_of()
    if as_json:
        told = {"confirmed": same, **outcome.to_json()}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        show(outcome, language)
        words = _SAME if same else _ANOTHER
        click.echo(f"  {words[language == 'en']}")
    sys.exit(EXIT[outcome.outcome] if same else _DIFFERS)


_DIFFERS = 4
_SAME = ("記録された判定と一致します。", "This is the recorded verdict.")
_ANOTHER = (
    "記録された判定と異なります。",
    "This is not the verdict that was recorded.",
)
