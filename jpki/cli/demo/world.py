"""The place where the story happens: a folder, free ports, running servers, a card."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from jpki import data
from jpki.access import RequestSigner
from jpki.authority.office import Office
from jpki.authority.office.identifiers import BRIDGE, authority_for, has_bridge
from jpki.authority.remote.client import AuthorityClient
from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.session import CardSession
from jpki.cards.transport import InProcessTransport
from jpki.cli.demo.telling import Artefact
from jpki.cli.founding import AUDITOR, Founder, Layout, Ports, lay_out
from jpki.cli.supervisor import Supervisor, free_ports
from jpki.errors import ConfigurationError
from jpki.model.eras import Era
from jpki.model.purposes import Purpose
from jpki.model.residents import Resident
from jpki.registry.client import RegistryClient
from jpki.registry.seeding import seed_residents
from jpki.service.clock import ProcessClock, system_random
from jpki.service.office import open_office, open_register
from jpki.service.settings import Settings, load

__all__ = ["CountingTransport", "World", "open_world", "require_card"]

PREFECTURES: Final = ("08", "13")
"""Ibaraki, where the applicant lives, and Tokyo, whose portal verifies."""


def require_card(era: Era) -> None:
    """Say that the era's card can make the keys that its residents have.

    Raises:
        ConfigurationError: it cannot; what it makes is said.
    """
    wanted = era.suites[Purpose.SIGNATURE.value]
    slot = card_type(era.card).slots[Purpose.SIGNATURE]
    makes = [suite.id for suite in slot.suites]
    if wanted not in makes:
        raise ConfigurationError(
            "command line",
            "--era",
            f"residents of {era.id} have keys of {wanted}, but the card of that time "
            f"is not public, and {era.card} makes {', '.join(makes)}",
            hint=f"`jpki pki build --era {era.id}` makes such certificates without "
            "a card, and `jpki init` servers that issue them",
        )


class CountingTransport(InProcessTransport):
    """Counts the APDUs that go to the card."""

    count = 0

    def transmit(self, command: bytes) -> bytes:
        """Hand one command to the card."""
        self.count += 1
        return super().transmit(command)


@dataclass(kw_only=True)
class World:
    """Everything the chapters work with."""

    layout: Layout
    settings: Settings
    ports: Ports
    portal_port: int
    clock: ProcessClock
    office: Office
    founder: Founder
    supervisor: Supervisor
    residents: tuple[Resident, ...]
    card: VirtualCard
    transport: CountingTransport
    issuer_secret: bytes
    artefacts: Path
    saved: dict[str, Path] = field(default_factory=dict)
    """Files by the names that the story gives them."""

    @property
    def applicant(self) -> Resident:
        """The resident whose story it is: the first of the packaged register."""
        return self.residents[0]

    @property
    def issuer(self) -> str:
        """The authority that certifies the applicant's signatures."""
        municipality = self.applicant.municipality
        return authority_for(self.office.era, municipality, Purpose.SIGNATURE)

    @property
    def anchor(self) -> str:
        """The authority that the portal trusts: its own governor's, or the nation's."""
        if has_bridge(self.office.era):
            return f"governor-{PREFECTURES[1]}"
        return self.issuer

    @property
    def between(self) -> tuple[str, ...]:
        """Files of cross certificates from the portal's authority to the issuer."""
        if self.anchor == self.issuer:
            return ()
        return (f"{self.anchor}-to-{BRIDGE}.pem", f"{BRIDGE}-to-{self.issuer}.pem")

    @property
    def ca_url(self) -> str:
        """Of `ca_server`."""
        return f"http://127.0.0.1:{self.ports.authority}"

    @property
    def status_url(self) -> str:
        """Of `ocsp_crl`."""
        return f"http://127.0.0.1:{self.ports.revocation}"

    @property
    def portal_url(self) -> str:
        """Of the portal example."""
        return f"http://127.0.0.1:{self.portal_port}"

    def _signer(self, caller: str) -> RequestSigner:
        return RequestSigner(
            self.layout.callers[caller], clock=self.clock, random=system_random
        )

    @property
    def counter(self) -> str:
        """The operator at the counter of the applicant's municipality."""
        return f"counter-{self.applicant.municipality}-1"

    def counter_client(self) -> AuthorityClient:
        """The authority, as the counter calls it."""
        return AuthorityClient(self.ca_url, self._signer(self.counter))

    def auditor_client(self) -> AuthorityClient:
        """The authority, as the auditor calls it."""
        return AuthorityClient(self.ca_url, self._signer(AUDITOR))

    def registrar_client(self) -> RegistryClient:
        """The register, as the clerk of the applicant's municipality calls it."""
        return RegistryClient(
            self.settings.authority.registry_url,
            self._signer(f"registrar-{self.applicant.municipality}-1"),
        )

    def session(self) -> CardSession:
        """Put the card into the reader."""
        self.transport = CountingTransport(self.card)
        return CardSession(self.transport)

    def save(
        self,
        kind: str,
        name: str,
        content: bytes,
        *,
        serial: int | None = None,
    ) -> Artefact:
        """Write one artefact to its file and describe it."""
        path = self.artefacts / name
        path.write_bytes(content)
        self.saved[name] = path
        return Artefact(
            kind=kind,
            name=name,
            file=str(path),
            serial=None if serial is None else f"{serial:x}",
            fingerprint=hashlib.sha256(content).hexdigest(),
        )


@contextmanager
def open_world(directory: Path, *, offset: timedelta, era: str) -> Iterator[World]:
    """Lay everything out in the folder; on leaving, all servers are stopped.

    Args:
        directory: empty or not there yet.
        offset: moves the clock of everybody in the story.
        era: of the authorities.
    """
    clock = ProcessClock(offset)
    residents = seed_residents(clock())
    places = {resident.municipality for resident in residents}
    authority, revocation, registry, portal = free_ports(4)
    ports = Ports(authority=authority, revocation=revocation, registry=registry)
    layout = lay_out(
        directory,
        era=era,
        municipalities=sorted(p for p in places if p.prefecture in PREFECTURES),
        ports=ports,
        clock_offset=offset,
    )
    settings = load(layout.config, os.environ)
    artefacts = directory / "artefacts"
    artefacts.mkdir()
    issuer_secret = secrets.token_bytes(32)
    with ExitStack() as stack:
        card = stack.enter_context(
            VirtualCard.create(
                artefacts / "card.json",
                card_type(data.era(era).card),
                serial="0000000000000001",
                issuer_secret=issuer_secret,
            )
        )
        office = open_office(settings, open_register(settings, clock))
        stack.callback(office.store.close)
        supervisor = stack.enter_context(
            Supervisor(layout.config, layout.data / "logs")
        )
        yield World(
            layout=layout,
            settings=settings,
            ports=ports,
            portal_port=portal,
            clock=clock,
            office=office,
            founder=Founder(layout, settings, office),
            supervisor=supervisor,
            residents=residents,
            card=card,
            transport=CountingTransport(card),
            issuer_secret=issuer_secret,
            artefacts=artefacts,
        )
