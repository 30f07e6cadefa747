"""A whole installation for tests: founded in a folder, its servers real processes."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jpki import data
from jpki.access import RequestSigner
from jpki.authority.auditing.examining import account_for_serials, verify_audit
from jpki.authority.office import Office
from jpki.authority.remote.client import AuthorityClient, IssuedCertificate
from jpki.cli.demo.client import StatusClient
from jpki.cli.founding import AUDITOR, FOUNDER, Founder, Layout, Ports, lay_out
from jpki.cli.supervisor import Server, Supervisor, free_ports
from jpki.keys.memory import generate_key
from jpki.model.calendar import day_in_japan
from jpki.model.codes import MunicipalityCode, ResidentCode
from jpki.model.events import EventKind
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import BasicInformation, Gender, Resident
from jpki.model.suites import suite
from jpki.registry.changes import Change
from jpki.registry.client import RegistryClient
from jpki.registry.seeding import seed
from jpki.service.clock import ProcessClock, offset_to, system_random
from jpki.service.office import open_office, open_register
from jpki.service.settings import ERA_SERIALS, Settings, load
from jpki.store import RegistryStore
from jpki.x509.issuers import assemble
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.requests import request_info

__all__ = [
    "AUDITOR",
    "COUNTER",
    "FOUNDER",
    "GOVERNOR",
    "MITO_COUNTER",
    "REGISTRAR",
    "SERVERS",
    "Installation",
    "Reply",
    "ended_within",
    "founded_installation",
    "listens",
    "new_key",
    "processes_of",
    "request_for",
    "running_installation",
    "send",
    "within",
]

TSUKUBA: Final = MunicipalityCode("082201")
MITO: Final = MunicipalityCode("082015")
GOVERNOR: Final = "governor-08"
COUNTER: Final = f"counter-{TSUKUBA}-1"
MITO_COUNTER: Final = f"counter-{MITO}-1"
REGISTRAR: Final = f"registrar-{TSUKUBA}-1"
SERVERS: Final = ("registry_stub", "ca_server", "ocsp_crl")

_RSA: Final = suite("rsa2048-sha256")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass(kw_only=True, repr=False)
class Installation:
    """Settings, books and servers, and everybody who may call them."""

    layout: Layout
    settings: Settings
    office: Office
    """Over the same database as the server's, to look into the books."""
    registry: RegistryStore
    clock: ProcessClock
    _running: dict[str, Supervisor] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _clients: list[AuthorityClient | RegistryClient] = field(default_factory=list)

    # -- servers

    @cached_property
    def ca_url(self) -> str:
        """Of `ca_server`."""
        return f"http://127.0.0.1:{self.settings.authority.port}"

    @cached_property
    def status_url(self) -> str:
        """Of `ocsp_crl`."""
        return f"http://127.0.0.1:{self.settings.revocation.port}"

    def start(self, *modules: str) -> None:
        """Start these servers side by side; they can be stopped one by one."""
        logs = self.layout.data / "logs"
        for module in modules:
            self._running[module] = Supervisor(self.layout.config, logs)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda module: self._running[module].start(module), modules))

    def stop(self, *modules: str) -> None:
        """Stop these servers in good order."""
        for module in modules:
            self._running.pop(module).stop()

    def server(self, module: str) -> Server:
        """A running server's process."""
        return self._running[module].servers[0]

    def kill(self, module: str) -> None:
        """End a server as `kill -9` does."""
        self.server(module).process.kill()
        self.stop(module)

    def close(self) -> None:
        """Stop everything."""
        for client in self._clients:
            client.close()
        self.stop(*reversed(self._running))
        self.office.store.close()
        self.registry.close()

    # -- people

    def signer(self, caller: str) -> RequestSigner:
        """Signs requests as this caller, now."""
        return RequestSigner(
            self.layout.callers[caller], clock=self.clock, random=system_random
        )

    def client(self, caller: str = COUNTER) -> AuthorityClient:
        """The authorities, as this caller calls them."""
        client = AuthorityClient(self.ca_url, self.signer(caller))
        self._clients.append(client)
        return client

    def status(self) -> StatusClient:
        """The revocation service, as anybody calls it."""
        return StatusClient(self.status_url)

    def newcomer(self, *, born: date = date(1970, 1, 1)) -> ResidentCode:
        """The code of somebody new in Tsukuba."""
        resident = Resident(
            code=ResidentCode.from_ten(f"{8_000_000_000 + next(self._numbers)}"),
            municipality=TSUKUBA,
            basic=BasicInformation(
                name="試験　花子",
                address="茨城県つくば市天王台一丁目１番地１",
                date_of_birth=born,
                gender=Gender.FEMALE,
            ),
        )
        with self.registry.write() as uow:
            uow.residents.add(resident)
            uow.commit()
        return resident.code

    def move(self, resident: ResidentCode) -> None:
        """Report at the town hall that this resident moved house."""
        client = RegistryClient(
            self.settings.authority.registry_url, self.signer(REGISTRAR)
        )
        try:
            client.record_event(
                resident,
                Change(
                    event_id=str(uuid.uuid4()),
                    kind=EventKind.MOVE_WITHIN,
                    effective_on=day_in_japan(self.clock()),
                    address=f"茨城県つくば市東{next(self._numbers)}番地",
                ),
            )
        finally:
            client.close()

    def certified(
        self, resident: ResidentCode | None = None, key: Signer | None = None
    ) -> IssuedCertificate:
        """A certificate, delivered, of somebody new and a new key unless told whose."""
        client = self.client()
        code = resident or self.newcomer()
        filed = client.file_application(code, str(uuid.uuid4()))
        issued = client.certify(
            filed.id, request_for(filed.challenge, key or new_key())
        )
        client.confirm_delivery(filed.id)
        return issued

    # -- books

    @property
    def issuer(self) -> Certificate:
        """The self-signed certificate of the governor's authority."""
        with self.office.store.read() as uow:
            generation = uow.authorities.generation(GOVERNOR, 1)
            record = uow.certificates.get(GOVERNOR, generation.serial)
        assert record.certificate is not None
        return parse_certificate(record.certificate)

    def live_application(self, resident: ResidentCode) -> str | None:
        """The state of this resident's open application, if there is one."""
        with self.office.store.read() as uow:
            found = uow.applications.live(resident, Purpose.SIGNATURE)
        return None if found is None else found.state.value

    def certificates_of(self, resident: ResidentCode) -> int:
        """How many certificates were ever reserved for this resident."""
        with self.office.store.read() as uow:
            return len(uow.certificates.of_resident(resident))

    def check_books(self) -> None:
        """The log verifies, every serial number is accounted for, none is pending."""
        with self.office.store.read() as uow:
            verify_audit(uow)
            assert account_for_serials(uow).problems == ()
            assert uow.certificates.pending() == ()

    # -- requests as no client of ours would send them

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        caller: str | None = None,
    ) -> Reply:
        """One request to `ca_server`, signed if a caller is named."""
        fields = dict(headers or {})
        if caller is not None:
            url = f"{self.ca_url}{path}"
            fields = self.signer(caller).headers(method, url, body, fields)
        return send(self.settings.authority.port, method, path, body, fields)

    def file(
        self,
        resident: str,
        *,
        key: str | None = None,
        caller: str = COUNTER,
        **members: object,
    ) -> Reply:
        """An application as JSON, whatever its members are."""
        return self.ask(
            "POST",
            "/applications",
            json.dumps({"resident": resident, **members}).encode(),
            {
                "Content-Type": "application/json",
                "Idempotency-Key": key or str(uuid.uuid4()),
            },
            caller=caller,
        )

    def certify(self, application: str, request: bytes) -> Reply:
        """A certification request for an application, whatever its octets are."""
        return self.ask(
            "PUT",
            f"/applications/{application}/request",
            request,
            {"Content-Type": "application/pkcs10"},
            caller=COUNTER,
        )


def send(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own; the path goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status=answer.status, headers=fields, body=answer.read())
    finally:
        connection.close()


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Whether it happens in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def new_key(suite_id: str = _RSA.id) -> Signer:
    """A resident's key, as a card makes it."""
    return generate_key(suite(suite_id))


def request_for(challenge: str, signer: Signer) -> bytes:
    """The PKCS#10 request that the card signs for the application of this challenge."""
    info = request_info(signer.public_key, challenge)
    return assemble(info, signer.suite, signer.sign(info))


@contextmanager
def founded_installation(
    directory: Path,
    *,
    era: str = "prefectural-sha256",
    serials: str = ERA_SERIALS,
    at: datetime | None = None,
    profiles: Path | None = None,
    database: str | None = None,
) -> Iterator[Installation]:
    """Found an installation of two prefectures, with nothing running yet.

    Args:
        directory: a new one.
        era: of the authorities.
        serials: how certificates are numbered.
        at: when the clock of the installation starts; now, if not given.
        profiles: a folder whose profiles take the place of packaged ones.
        database: of the authorities; a file, if not given.
    """
    offset = timedelta(0) if at is None else offset_to(at)
    authority, revocation, registry = free_ports(3)
    layout = lay_out(
        directory,
        era=era,
        serials=serials,
        clock_offset=offset,
        profiles=profiles,
        municipalities=[TSUKUBA, MITO],
        ports=Ports(authority=authority, revocation=revocation, registry=registry),
    )
    if database is not None:
        text, line = layout.config.read_text(), f"\ndatabase = {json.dumps(database)}"
        for table in ("[authority]", "[revocation]"):
            text = text.replace(table, table + line)
        layout.config.write_text(text)
    settings = load(layout.config)
    clock = ProcessClock(offset)
    register = RegistryStore(settings.registry.database)
    register.migrate()
    # Here rather than by the server, because newcomers may come before it starts.
    seed(register, at=clock())
    office = open_office(settings, open_register(settings, clock))
    Founder(layout, settings, office).found(
        [data.prefectures()[code] for code in ("08", "13")],
        at=clock(),
        founded=lambda _: None,
        crossed=lambda _, __: None,
    )
    made = Installation(
        layout=layout, settings=settings, office=office, registry=register, clock=clock
    )
    with closing(made):
        yield made


@contextmanager
def running_installation(
    directory: Path,
    *,
    era: str = "prefectural-sha256",
    serials: str = ERA_SERIALS,
    at: datetime | None = None,
    profiles: Path | None = None,
) -> Iterator[Installation]:
    """The same with its three servers running."""
    with founded_installation(
        directory, era=era, serials=serials, at=at, profiles=profiles
    ) as made:
        made.start(*SERVERS)
        yield made


# -- processes ------------------------------------------------------------------------


def processes_of(directory: Path) -> list[str]:
    """Command lines of all running processes that name this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with suppress(OSError):
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if str(directory) in line:
                    found.append(line)
    return found


def ended_within(seconds: float, directory: Path) -> bool:
    """Whether all processes that name this folder end in time."""
    deadline = time.monotonic() + seconds
    while processes_of(directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
