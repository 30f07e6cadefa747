"""The books as the commands of this group read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from jpki.access import load_credential
from jpki.authority.delegating.operators import find_caller
from jpki.authority.office import Office
from jpki.errors import NotInOffice
from jpki.model.operators import Caller
from jpki.model.ports import Clock
from jpki.service.clock import ProcessClock, parse_instant
from jpki.service.office import open_status_office
from jpki.service.settings import load

__all__ = ["as_json", "caller_of", "config", "instant_of", "opened", "written"]

config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("jpki.toml"),
    show_default=True,
    help="The file that `jpki init` wrote.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


@contextmanager
def opened(file: Path) -> Iterator[tuple[Office, Clock]]:
    """The office of an installation, to be read, and its clock.

    Raises:
        ConfigurationError, StoreError: it cannot be opened.
    """
    settings = load(file, os.environ)
    office = open_status_office(settings)
    try:
        yield office, ProcessClock(settings.common.clock_offset)
    finally:
        office.store.close()


def caller_of(office: Office, credential: Path) -> Caller:
    """The operator whose credential this is.

    Raises:
        NotInOffice: nobody is, or not any more.
    """
    held = load_credential(credential)
    known = find_caller(office, held.id)
    if known is None or known.public_key != held.public_key:
        raise NotInOffice(
            f"{held.id} is not an operator in office",
            hint="somebody who is enrolled, and neither dismissed nor revoked",
        )
    return known


def instant_of(text: str | None, otherwise: datetime) -> datetime:
    """An option's instant.

    Raises:
        RequestError: it cannot be read.
    """
    return otherwise if text is None else parse_instant(text)


def written(instant: datetime) -> str:
    """RFC 3339, UTC."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
