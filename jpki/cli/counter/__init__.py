"""`jpki counter`: the workstation of a municipal counter, at a terminal."""

from __future__ import annotations

import click

from jpki.cli.counter.issuing import (
    cancel_command,
    enrol_command,
    reissue_command,
    renew_command,
)
from jpki.cli.counter.passwords import reset_password_command
from jpki.cli.counter.serving import serve_command
from jpki.cli.counter.setting_up import setup_command
from jpki.cli.counter.standing import status_command
from jpki.cli.counter.surrendering import surrender_command

__all__ = ["counter"]


@click.group()
def counter() -> None:
    """Issue, renew, surrender: what a municipal counter does with a resident's card.

    RESIDENT is the resident record code (11 digits), or - to have it asked for. Each
    step is told as it is done. A command that was interrupted is simply given again: it
    takes the same application up where it stands.

    \b
    jpki counter setup counter.toml --config site/jpki.toml \\
        --as site/data/credentials/counter-082201-1.pem
    jpki card new card.json --type juki --serial 0000000000000001 \\
        --issuer-secret site/data/secrets/card-issuer.bin
    jpki counter enrol 52824992894 --card card.json
    """


for _command in (
    setup_command,
    status_command,
    enrol_command,
    renew_command,
    reissue_command,
    cancel_command,
    reset_password_command,
    surrender_command,
    serve_command,
):
    counter.add_command(_command)
