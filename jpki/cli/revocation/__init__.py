"""`jpki revocation`: what was revoked, when it was known, and what a backup lacks."""

from __future__ import annotations

import click

from jpki.cli.revocation.ldif import ldif_command
from jpki.cli.revocation.listing import list_command
from jpki.cli.revocation.publishing import publish_command
from jpki.cli.revocation.replaying import replay_command
from jpki.cli.revocation.status import status_command

__all__ = ["revocation"]


@click.group()
def revocation() -> None:
    """Ask what was revoked, and keep it beyond the loss of the database."""


revocation.add_command(ldif_command)
revocation.add_command(list_command)
revocation.add_command(publish_command)
revocation.add_command(replay_command)
revocation.add_command(status_command)
