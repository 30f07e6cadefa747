"""`jpki tsa`: a small time-stamp authority (時刻認証局) for tests, and its client."""

from __future__ import annotations

import click

from jpki.cli.tsa.founding import init_command, list_command
from jpki.cli.tsa.serving import serve_command
from jpki.cli.tsa.stamping import stamp_command, verify_command

__all__ = ["tsa"]


@click.group()
def tsa() -> None:
    """Run a time-stamp authority for tests (RFC 3161), ask one, check its timestamps.

    Nobody but a test is to rely on it: its time is that of this machine.
    """


for _command in (
    init_command,
    serve_command,
    list_command,
    stamp_command,
    verify_command,
):
    tsa.add_command(_command)
