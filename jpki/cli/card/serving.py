"""`jpki card serve`: a virtual card in a reader of this machine's PC/SC service."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import click

from jpki.cards.applet import VirtualCard
from jpki.cards.vpcd import DEFAULT_PORT, insert
from jpki.cli.card.options import word

__all__ = ["serve_command"]


@click.command("serve")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--host", default="127.0.0.1", show_default=True, help="Where vpcd is.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Of one of its readers.",
)
def serve_command(file: Path, host: str, port: int) -> None:
    """Insert a virtual card into a virtual reader, until Ctrl-C takes it out.

    pcscd must be running with Debian's vsmartcard-vpcd. OpenSC, PKCS#11 and whatever
    speaks PC/SC then take the card for a real one.
    """
    with VirtualCard.open(file) as card:
        out = threading.Event()

        def inserted(connection: socket.socket) -> None:
            def take_out(*_: object) -> None:
                out.set()
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, take_out)
            title = card.card_type.title
            click.echo(f"{title}: {word('inserted')} ({host}:{port}). {word('stop')}.")

        insert(card, host, port, inserted=inserted)
        click.echo(word("taken-out"))
