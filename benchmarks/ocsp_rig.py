"""An installation with many certificates, its revocation servers, and questions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks.installation import TOWN
from jpki import data
from jpki.authority import certify_responder
from jpki.authority.office import Office
from jpki.authority.office.keyrings import ResponderKeyring
from jpki.cli.founding import Founder, Layout, Ports, lay_out
from jpki.cli.supervisor import Server, Supervisor, free_ports
from jpki.model.operators import Caller, Role
from jpki.model.suites import Digest
from jpki.service.clock import ProcessClock
from jpki.service.office import open_keyring, open_office, open_register
from jpki.service.settings import Settings, load
from jpki.store.authority_records import (
    CertificateKind,
    CertificateRecord,
    CertificateState,
)
from jpki.x509.ocsp import CertID, build_request, cert_id

__all__ = ["GOVERNOR", "OPERATOR", "Place", "founded", "serial_numbers"]

GOVERNOR: Final = "governor-08"
OPERATOR: Final = Caller(id="benchmark", role=Role.CA_OPERATOR, public_key=b"")
_FIRST: Final = 1 << 62
_STEP: Final = 1_000_003
"""Between serial numbers, so that they look like nothing in particular."""
_AT_ONCE: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One governor's authority and the certificates that it is said to have issued."""

    layout: Layout
    settings: Settings
    office: Office
    """The books, as the servers' processes also see them."""
    serials: Sequence[int]

    def named(self, serial: int) -> CertID:
        """As requests name it."""
        with self.office.store.read() as uow:
            name = uow.authorities.get(GOVERNOR).name
            key = uow.authorities.generation(GOVERNOR, 1).public_key
        return cert_id(name, key, serial, Digest.SHA1)

    def requests(
        self, serials: Sequence[int], *, nonces: bool = False
    ) -> Sequence[bytes]:
        """One question about each; no two nonces are the same."""
        one = self.named(0)
        return [
            build_request(
                [replace(one, serial=serial)],
                number.to_bytes(32, "big") if nonces else None,
            )
            for number, serial in enumerate(serials)
        ]

    def responder(self, suite: str) -> None:
        """Certify a responder with a key of this suite; it answers from now on."""
        era = self.office.era
        office = replace(
            self.office,
            keyring=ResponderKeyring(
                self.office.keyring, open_keyring(self.settings.revocation)
            ),
            era=replace(
                era,
                suites={**era.suites, "responder": suite},
                rules={**era.rules, suite: era.rules[era.suites["responder"]]},
            ),
        )
        certify_responder(office, GOVERNOR, at=ProcessClock()(), by=OPERATOR)

    @contextmanager
    def server(self, module: str = "ocsp_crl", *, port: int = 0) -> Iterator[Server]:
        """One worker of a module until the block ends, on a port of its own."""
        config = self.layout.config.with_name(
            f"{module.rpartition('.')[2]}-{port}.toml"
        )
        own = self.settings.revocation.port
        written = self.layout.config.read_text("utf-8")
        (free,) = free_ports(1)
        config.write_text(written.replace(f"port = {own}\n", f"port = {free}\n", 1))
        with Supervisor(config, self.layout.data / "logs") as supervisor:
            supervisor.start(module)
            yield supervisor.servers[0]


def serial_numbers(count: int) -> Sequence[int]:
    """Those of the certificates in a place."""
    return [_FIRST + number * _STEP for number in range(count)]


@contextmanager
def founded(
    directory: Path, certificates: int, *, database: str | None = None
) -> Iterator[Place]:
    """Found an authority in an empty folder and enter so many certificates.

    Its books are in a file unless a database is named.
    """
    authority, revocation, registry = free_ports(3)
    layout = lay_out(
        directory,
        era="prefectural-sha256",
        municipalities=[TOWN],
        ports=Ports(authority=authority, revocation=revocation, registry=registry),
    )
    if database is not None:
        text, line = layout.config.read_text(), f"\ndatabase = {json.dumps(database)}"
        for table in ("[authority]", "[revocation]"):
            text = text.replace(table, table + line)
        layout.config.write_text(text)
    settings = load(layout.config)
    clock = ProcessClock()
    office = open_office(settings, open_register(settings, clock))
    Founder(layout, settings, office).found(
        [data.prefectures()["08"]],
        at=clock(),
        founded=lambda _: None,
        crossed=lambda _, __: None,
    )
    serials = serial_numbers(certificates)
    _enter(office, serials)
    try:
        yield Place(layout=layout, settings=settings, office=office, serials=serials)
    finally:
        office.store.close()


def _enter(office: Office, serials: Sequence[int]) -> None:
    """Put them on the books as if they had been issued; nobody looks at the octets."""
    with office.store.read() as uow:
        key = uow.authorities.generation(GOVERNOR, 1)
    at = ProcessClock()().replace(microsecond=0)
    for start in range(0, len(serials), _AT_ONCE):
        records = [
            CertificateRecord(
                authority=GOVERNOR,
                serial=serial,
                generation=key.number,
                kind=CertificateKind.SIGNATURE,
                profile="benchmark",
                state=CertificateState.ISSUED,
                subject_key=hashlib.sha256(serial.to_bytes(8, "big")).digest(),
                not_before=at,
                not_after=at + timedelta(days=1000),
                prepared_at=at,
                prepared_by=OPERATOR.id,
                completed_at=at,
                certificate=bytes(1400),
            )
            for serial in serials[start : start + _AT_ONCE]
        ]
        with office.store.write() as uow:
            uow.certificates.reserve_all(records)
            uow.commit()
