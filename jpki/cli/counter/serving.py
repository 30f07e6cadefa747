"""`jpki counter serve`: the operator's page on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from jpki.cli.counter.options import config_option
from jpki.cli.interruption import interruptible
from jpki.cli.supervisor import Supervisor
from jpki.service.workstation import load

__all__ = ["serve_command"]

_MODULE = "ca_server.counter"


@click.command("serve")
@config_option
def serve_command(config: Path) -> None:
    """Serve the operator's page to the browser of this machine, until Ctrl-C.

    It works with the card that the settings name, or the one in the reader. Nobody else
    can reach it: it listens on the loopback interface only.
    """
    configuration = load(config, os.environ)
    interruption = interruptible()
    logs = configuration.common.data_directory / "logs"
    try:
        with Supervisor(config, logs) as supervisor:
            supervisor.start(_MODULE)
            (server,) = supervisor.servers
            click.echo(f"{server.url}  (log: {server.log})")
            click.echo("Ctrl-C stops it.")
            supervisor.watch(interruption)
    except KeyboardInterrupt:
        click.echo("Stopped.")
