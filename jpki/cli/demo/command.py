"""The command itself: arguments, folder, telling, and keeping everything running."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jpki import data
from jpki.cli.dating import offset_for
from jpki.cli.demo.by_hand import commands, keep_bundles
from jpki.cli.demo.story import Story
from jpki.cli.demo.telling import Teller
from jpki.cli.demo.world import World, open_world, require_card
from jpki.cli.interruption import Interruption, interruptible
from jpki.cli.language import language_of
from jpki.errors import JpkiError
from jpki.model.calendar import JST

__all__ = ["demo"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--era",
    type=click.Choice(data.era_ids()),
    default="prefectural-sha256",
    show_default=True,
    help="Algorithms, authorities and cards.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave the servers running and everything in the new folder DIR.",
)
@click.option(
    "--at", "date", metavar="DATE", help="Let the story happen on this day or instant."
)
@click.option(
    "--lang",
    type=click.Choice(("ja", "en")),
    default=None,
    help="Language of the story; by default that of the environment.",
)
def demo(
    as_json: bool, era: str, keep: Path | None, date: str | None, lang: str | None
) -> None:
    """Tell the whole story on real servers: enrol, sign, move house, be revoked.

    Everything runs on the loopback interface and in one folder. Nothing is left behind
    unless --keep asks for it. An era whose algorithms may not issue any more is told
    on its first day. Of the last era no card is known that makes such keys.
    """
    interruption = interruptible()
    require_card(data.era(era))
    offset = offset_for(data.era(era), date)
    teller = Teller(lang or language_of(), None if as_json else click.echo)
    started = time.perf_counter()
    try:
        with (
            _folder(keep) as directory,
            open_world(directory, offset=offset, era=era) as world,
        ):
            teller.heading(
                "opening.line",
                date=f"{world.clock().astimezone(JST):%Y-%m-%d}",
                era=era,
                directory=directory,
            )
            ok = _tell(world, teller, as_json=as_json, started=started)
            if ok and keep is not None:
                _hold(world, teller, interruption, as_json=as_json)
    except KeyboardInterrupt:
        if not as_json:
            teller.note("")
            teller.heading("closing.stopped")
        ok = True
    sys.exit(0 if ok else 1)


def _tell(world: World, teller: Teller, *, as_json: bool, started: float) -> bool:
    story = Story(world, teller)
    failure: JpkiError | None = None
    try:
        story.tell()
        keep_bundles(world)
    except JpkiError as error:
        failure = error
    seconds = time.perf_counter() - started
    if as_json:
        click.echo(_document(world, teller, story, failure, seconds))
    elif failure is None:
        teller.note("")
        teller.heading("closing.ok", seconds=seconds)
    else:
        click.echo(f"\njpki demo: {failure.message}", err=True)
        if failure.hint:
            click.echo(f"      → {failure.hint}", err=True)
        click.echo(f"      logs: {world.layout.data / 'logs'}", err=True)
    return failure is None


def _document(
    world: World,
    teller: Teller,
    story: Story,
    failure: JpkiError | None,
    seconds: float,
) -> str:
    document: dict[str, object] = {
        "demo": "jpki",
        "ok": failure is None,
        "at": f"{world.clock():%Y-%m-%dT%H:%M:%SZ}",
        "era": world.settings.common.era,
        "directory": str(world.layout.directory),
        "seconds": round(seconds, 3),
        "event_to_ocsp_seconds": None
        if story.event_to_ocsp_seconds is None
        else round(story.event_to_ocsp_seconds, 3),
        "steps": [step.as_json() for step in teller.steps],
    }
    if failure is not None:
        document["error"] = {"code": failure.code, "message": failure.message}
    else:
        document["by_hand"] = commands(world)
    return json.dumps(document, ensure_ascii=False, indent=2)


def _hold(
    world: World, teller: Teller, interruption: Interruption, *, as_json: bool
) -> None:
    """Keep everything running until Ctrl-C; the card is for whoever goes on by hand."""
    world.card.close()
    if not as_json:
        teller.note("")
        teller.heading("closing.kept", directory=world.layout.directory)
        for line in commands(world):
            teller.note(f"\n  {line}")
        teller.note("")
        teller.heading("closing.stop")
    world.supervisor.watch(interruption)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="jpki-demo-") as directory:
        yield Path(directory) / "demo"
