"""`jpki tsa serve`: the authority over HTTP, until Ctrl-C."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import click

from jpki import data
from jpki.cli.tsa.founding import at_option
from jpki.cli.tsa.places import Place
from jpki.documents.timestamp_messages import MAX_REQUEST
from jpki.service import wsgi
from jpki.service.clock import ProcessClock, offset_to, parse_instant, system_random
from jpki.service.logs import configure_logging
from jpki.timestamping.application import application_of
from jpki.timestamping.authority import TimeStampAuthority

__all__ = ["serve_command"]


@click.command("serve")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True, help="To listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8407,
    show_default=True,
    help="To listen on; 0 takes a free one.",
)
@click.option(
    "--policy",
    metavar="OID",
    default=lambda: data.topology().timestamp_policy,
    help="Under which it answers.  [default: that of the test arc]",
)
@click.option(
    "--accuracy",
    "milliseconds",
    type=click.IntRange(0, 86_400_000),
    default=1000,
    show_default=True,
    help="Milliseconds by which its time may be wrong; 0 says nothing of it.",
)
@at_option
def serve_command(
    directory: Path,
    host: str,
    port: int,
    policy: str,
    milliseconds: int,
    date: str | None,
) -> None:
    """Answer time-stamp requests with the authority in DIRECTORY.

    Prints its address as one line of JSON when it listens. With --at its clock starts
    at that instant: for test systems whose clocks stand elsewhere.
    """
    place = Place(directory)
    offset = timedelta(0) if date is None else offset_to(parse_instant(date))
    configure_logging("INFO")
    authority = TimeStampAuthority(
        signer=place.signer(place.authority_key),
        certificate=place.certificate(place.authority).raw,
        chain=(place.certificate(place.root).raw,),
        clock=ProcessClock(offset),
        random=system_random,
        policy=policy,
        accuracy=timedelta(milliseconds=milliseconds) if milliseconds else None,
    )
    sys.exit(
        wsgi.run(
            application_of(authority),
            host=host,
            port=port,
            body_limit=MAX_REQUEST,
            background=[wsgi.stop_with_parent],
        )
    )
