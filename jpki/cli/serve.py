"""`jpki serve`: the three servers from one configuration file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from jpki.cli.interruption import interruptible
from jpki.cli.supervisor import Supervisor
from jpki.service.settings import load

__all__ = ["SERVERS", "serve"]

SERVERS: Final = ("registry_stub", "ca_server", "ocsp_crl")
"""In the order in which they are shown; they wait for one another by themselves."""


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
def serve(config: Path) -> None:
    """Run registry, certification authority and revocation service.

    Prints their addresses and runs until Ctrl-C. If one of them ends by itself, the
    others are stopped as well.
    """
    settings = load(config, os.environ)
    interruption = interruptible()
    logs = settings.common.data_directory / "logs"
    try:
        with Supervisor(config, logs) as supervisor:
            supervisor.start(*SERVERS)
            for server in supervisor.servers:
                click.echo(f"{server.module:14} {server.url}  (log: {server.log})")
            click.echo("Ctrl-C stops all of them.")
            supervisor.watch(interruption)
    except KeyboardInterrupt:
        click.echo("Stopped.")
