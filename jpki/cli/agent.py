"""`jpki agent`: signs with the card what web pages ask for, if the person confirms."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any, Final

import click

from jpki.agent.app import BODY_LIMIT
from jpki.agent.composing import agent_of
from jpki.agent.settings import BROWSER, TERMINAL, AgentSettings, load
from jpki.cli.card.options import place_of
from jpki.cli.language import Words
from jpki.service.clock import ProcessClock, offset_to, parse_instant, system_random
from jpki.service.logs import configure_logging
from jpki.service.wsgi import run, stop_with_parent

__all__ = ["agent"]

_THREADS: Final = 8
_word: Final = Words(
    {
        "ready": ("署名アプリが待ち受けています", "The signing agent is ready at"),
        "answers": ("署名を求めることができるサイト", "Sites that may ask"),
        "card": ("カード", "Card"),
        "any": ("いずれかのリーダのカード", "whichever is in a reader"),
        "confirm": ("確認の画面", "Confirmations"),
        BROWSER: ("ブラウザの新しい画面", "in a new window of the browser"),
        TERMINAL: ("この端末", "in this terminal"),
        "stop": ("Ctrl-C で終了", "Ctrl-C ends it."),
    }
)


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="JPKI_AGENT_CONFIG",
    help="A file with a table [agent]; options override it.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Whose pages may ask, such as https://portal.example; may be repeated.",
)
@click.option("--card", envvar="JPKI_CARD", metavar="CARD", help="File or `card:` URI.")
@click.option("--host", metavar="ADDRESS", help="A loopback address.  [127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. [8410]"
)
@click.option(
    "--confirm",
    type=click.Choice([BROWSER, TERMINAL]),
    help="Where the person confirms and types the PIN.  [browser]",
)
@click.option(
    "--open-with",
    metavar="PROGRAM",
    help="Opens confirmations; it gets the address. The default browser without it.",
)
@click.option("--at", "instant", metavar="DATE", help="Sign on another day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def agent(
    config: Path | None,
    origins: tuple[str, ...],
    card: str | None,
    host: str | None,
    port: int | None,
    confirm: str | None,
    open_with: str | None,
    instant: str | None,
    as_json: bool,
) -> None:
    """Let web pages ask for signatures of the card in this machine.

    A page of an allowed origin asks; a window of the agent shows what is signed and
    for whom, and takes the PIN, which no page ever sees. Runs until Ctrl-C.
    """
    settings = AgentSettings() if config is None else load(config, os.environ)
    given: dict[str, Any] = {
        "card": card,
        "host": host,
        "port": port,
        "confirm": confirm,
        "open_with": open_with,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    settings = replace(
        settings,
        allowed_origins=(*settings.allowed_origins, *origins),
        **changes,
    )
    configure_logging("warning" if settings.confirm == TERMINAL else "info")
    stop = Event()
    app = agent_of(
        settings,
        place=place_of(settings.card),
        clock=ProcessClock() if instant is None else _moved(instant),
        random=system_random,
        stop=stop,
        user=os.getuid(),
        version=version("jpki"),
        file="command line" if config is None else str(config),
    )

    def announce(url: str) -> None:
        app.listens_at(url)
        click.echo(_ready(settings, url, as_json=as_json))

    status = run(
        app,
        host=settings.host,
        port=settings.port,
        threads=_THREADS,
        body_limit=BODY_LIMIT,
        stop=stop,
        background=[stop_with_parent],
        announce=announce,
    )
    raise SystemExit(status)


def _moved(instant: str) -> ProcessClock:
    return ProcessClock(offset_to(parse_instant(instant)))


def _ready(settings: AgentSettings, url: str, *, as_json: bool) -> str:
    if as_json:
        told = {
            "ready": url,
            "allowed_origins": settings.allowed_origins,
            "card": settings.card,
            "confirm": settings.confirm,
        }
        return json.dumps(told, ensure_ascii=False)
    lines = [
        f"{_word('ready')}  {url}",
        f"  {_word('answers')}: {', '.join(settings.allowed_origins)}",
        f"  {_word('card')}: {settings.card or _word('any')}",
        f"  {_word('confirm')}: {_word(settings.confirm)}",
        _word("stop"),
    ]
    return "\n".join(lines)
