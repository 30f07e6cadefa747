"""`jpki counter setup`: the file of a workstation."""

from __future__ import annotations

import os
from pathlib import Path

import click

from jpki.access import load_credential
from jpki.cli.counter.options import word
from jpki.cli.desk import credential_option
from jpki.service import settings
from jpki.service.workstation import write_workstation_file

__all__ = ["setup_command"]


@click.command("setup")
@click.argument(
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("counter.toml"),
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="Of the installation whose authority the counter asks.",
)
@credential_option
@click.option("--card", metavar="CARD", help="File or `card:` URI, unless in a reader.")
def setup_command(file: Path, config: Path, credential: Path, card: str | None) -> None:
    """Write FILE, the settings of a workstation at an installation on this machine.

    Where the installation has no secret for its cards yet, one is made; `jpki card new`
    makes cards with it.
    """
    load_credential(credential)
    secret = write_workstation_file(
        file, settings.load(config, os.environ), credential=credential, card=card
    )
    mark = click.style("✓", fg="green")
    click.echo(f"{mark} {word('written-file', file=file)}")
    click.echo(f"  {word('secret', file=secret)}")
