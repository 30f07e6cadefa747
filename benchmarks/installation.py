"""A whole installation in an empty folder, with a running register, for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki import data
from jpki.authority.office import Office
from jpki.cli.founding import Founder, Layout, Ports, lay_out
from jpki.cli.supervisor import Supervisor, free_ports
from jpki.model.codes import MunicipalityCode
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import Settings, load

__all__ = ["TOWN", "Installation", "installed"]

TOWN: Final = MunicipalityCode("082201")


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """One governor's authority and one town."""

    layout: Layout
    settings: Settings
    office: Office
    """The books, as the servers' processes also see them."""


@contextmanager
def installed(directory: Path) -> Iterator[Installation]:
    """Found an installation in an empty folder and run its register."""
    authority, revocation, registry = free_ports(3)
    layout = lay_out(
        directory,
        era="prefectural-sha256",
        municipalities=[TOWN],
        ports=Ports(authority=authority, revocation=revocation, registry=registry),
    )
    settings = load(layout.config)
    clock = ProcessClock()
    office = open_office(settings, open_register(settings, clock))
    Founder(layout, settings, office).found(
        [data.prefectures()["08"]],
        at=clock(),
        founded=lambda _: None,
        crossed=lambda _, __: None,
    )
    with Supervisor(layout.config, layout.data / "logs") as servers:
        servers.start("registry_stub")
        yield Installation(layout=layout, settings=settings, office=office)
