"""An installation under fire: real servers, residents who apply and move, `kill -9`.

Clerks work over HTTP and repeat every request until it is answered, as real ones would.
Meanwhile the certification authority's process is killed: at named points of its
procedures, or at any moment. Afterwards the books are held against what the clerks
were told.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import text

from benchmarks.installation import TOWN, installed
from jpki.access import RequestSigner
from jpki.authority.auditing.examining import account_for_serials, verify_audit
from jpki.authority.office import Office
from jpki.authority.remote.client import AuthorityClient
from jpki.cli.founding import Layout
from jpki.errors import AuditError, ServiceUnavailable
from jpki.keys.memory import generate_key
from jpki.model.calendar import day_in_japan
from jpki.model.codes import ResidentCode
from jpki.model.events import EventKind
from jpki.model.residents import BasicInformation, Gender, Resident
from jpki.model.suites import suite
from jpki.registry.changes import Change
from jpki.registry.client import RegistryClient
from jpki.service.clock import ProcessClock, system_random
from jpki.service.settings import Settings
from jpki.store import RegistryStore
from jpki.store.authority_records import CertificateState, ListName
from jpki.x509.issuers import assemble
from jpki.x509.parse import parse_crl
from jpki.x509.requests import request_info

__all__ = ["POINTS", "Findings", "Rig", "open_rig"]

POINTS: Final = (
    "application.filed",
    "issuance.recorded",
    "issuance.signed",
    "issuance.completed",
    "application.delivered",
    "intake.revoked",
    "intake.applied",
    "publication.recorded",
    "publication.signed",
    "publication.completed",
)
"""Where a procedure of issuing, revoking or publishing can be cut off."""

_CLERKS: Final = 2
_START_SECONDS: Final = 30.0
_SETTLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 1800.0
"""A clerk whose authority is killed again and again goes on asking for so long."""

T = TypeVar("T")


@dataclass(kw_only=True)
class Findings:
    """What a run did, and what did not agree afterwards."""

    kills: int = 0
    certificates: int = 0
    events: int = 0
    certificates_lost: int = 0
    """Handed to a clerk, but not in the books, or otherwise there."""
    certificates_doubled: int = 0
    """More than one for one application."""
    events_lost: int = 0
    """In the register's feed, without their effect."""
    events_doubled: int = 0
    """Logged as applied more than once."""
    disagreements: list[str] = field(default_factory=list)
    """Of books, log, journal and CRLs."""

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or unaccounted for."""
        return not (
            self.certificates_lost
            or self.certificates_doubled
            or self.events_lost
            or self.events_doubled
            or self.disagreements
        )


class Rig:
    """One installation, its clerks, and the one who kills."""

    def __init__(
        self,
        layout: Layout,
        settings: Settings,
        office: Office,
        *,
        chance: random.Random,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._office = office
        self._chance = chance
        self._clock = ProcessClock()
        self._kills = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[ResidentCode, int, bytes]] = {}
        """By application: what a clerk was told."""
        self._moved: dict[str, ResidentCode] = {}
        """By event: who moved, after a certificate was in their hands."""
        self._failures: list[BaseException] = []
        self._residents = iter(_people(chance))
        self._registry = RegistryStore(settings.registry.database)
        self._url = f"http://127.0.0.1:{settings.authority.port}"
        self._clerks = [
            threading.Thread(target=self._clerk, daemon=True) for _ in range(_CLERKS)
        ]

    # -- the work

    def start_work(self) -> None:
        """Let the clerks begin."""
        for clerk in self._clerks:
            clerk.start()

    def _signer(self, caller: str) -> RequestSigner:
        return RequestSigner(
            self._layout.callers[caller], clock=self._clock, random=system_random
        )

    def _clerk(self) -> None:
        counter = AuthorityClient(self._url, self._signer(f"counter-{TOWN}-1"))
        registrar = RegistryClient(
            self._settings.authority.registry_url,
            self._signer(f"registrar-{TOWN}-1"),
        )
        try:
            while not self._stop.is_set():
                self._serve(counter, registrar)
        except BaseException as error:
            self._failures.append(error)

    def _serve(self, counter: AuthorityClient, registrar: RegistryClient) -> None:
        """One resident: apply, get the certificate, then perhaps move house."""
        with self._lock:
            resident = next(self._residents)
            moves = self._chance.random() < 0.6
        with self._registry.write() as uow:
            uow.residents.add(resident)
            uow.commit()
        key = str(uuid.uuid4())
        filed = _until_answered(lambda: counter.file_application(resident.code, key))
        signer = generate_key(suite("rsa2048-sha256"))
        info = request_info(signer.public_key, filed.challenge)
        request = assemble(info, signer.suite, signer.sign(info))
        issued = _until_answered(lambda: counter.certify(filed.id, request))
        _until_answered(lambda: counter.confirm_delivery(filed.id))
        with self._lock:
            self._issued[filed.id] = (resident.code, issued.serial, issued.certificate)
        if moves:
            change = Change(
                event_id=str(uuid.uuid4()),
                kind=EventKind.MOVE_WITHIN,
                effective_on=day_in_japan(self._clock()),
                address=f"茨城県つくば市東{self._chance.randrange(1, 999)}番地",
            )
            _until_answered(lambda: registrar.record_event(resident.code, change))
            with self._lock:
                self._moved[change.event_id] = resident.code

    # -- the killing

    def kill_at_point(self, point: str) -> None:
        """Run the authority until it kills itself at this point."""
        with self._launch(killed_at=point) as process:
            try:
                process.wait(_START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                reason = f"never came to {point}"
                raise ServiceUnavailable("ca_server", reason) from None
        if process.returncode != -signal.SIGKILL:
            raise ServiceUnavailable("ca_server", f"ended with {process.returncode}")
        self._kills += 1

    def kill_at_random(self) -> None:
        """Kill the authority at a moment of its start, its recovery or its work."""
        with self._launch() as process:
            try:
                if self._chance.random() < 0.75:
                    self._await_ready(process)
                    time.sleep(self._chance.uniform(0.0, 0.6))
                else:
                    time.sleep(self._chance.uniform(0.0, 1.5))
            finally:
                process.kill()
        self._kills += 1

    def _launch(self, *, killed_at: str | None = None) -> subprocess.Popen[bytes]:
        environment = dict(os.environ)
        if killed_at is not None:
            environment["JPKI_COMMON__TEST_SYSTEM"] = "true"
            environment["JPKI_AUTHORITY__KILLED_AT"] = killed_at
        log = self._layout.data / "logs" / "ca_server.log"
        with log.open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "ca_server", "--config", self._layout.config],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
            )

    @staticmethod
    def _await_ready(process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        if b"ready" not in process.stdout.readline():
            raise ServiceUnavailable("ca_server", "did not start again")

    # -- the reckoning

    def settle(self) -> Findings:
        """Let everybody finish with the authority alive, then examine the books."""
        with self._launch() as process:
            try:
                self._await_ready(process)
                self._stop.set()
                for clerk in self._clerks:
                    clerk.join(_SETTLE_SECONDS)
                    if clerk.is_alive():
                        raise ServiceUnavailable("a clerk", "never got an answer")
                if self._failures:
                    raise self._failures[0]
                self._await_quiet()
            finally:
                process.terminate()
        return self.examine()

    def _await_quiet(self) -> None:
        """All events applied and every revocation on a list."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            with self._registry.read() as registry, self._office.store.read() as uow:
                applied = uow.events.position() == registry.events.position()
            if applied and not self._unlisted():
                return
            time.sleep(_LOOK_SECONDS)

    def _unlisted(self) -> list[str]:
        """Revoked serial numbers that the current lists do not carry."""
        missing = []
        with self._office.store.read() as uow:
            listed = {
                (authority.id, entry.serial)
                for authority in uow.authorities.all()
                if (record := uow.crls.standing(ListName(authority.id, 1, "crl")))
                for entry in parse_crl(uow.crls.bytes_of(record)).entries()
            }
            for line in uow.journal.walk():
                if (line.authority, line.serial) not in listed:
                    missing.append(f"{line.authority}/{line.serial:x} is on no CRL")
        return missing

    def _applied(self) -> Counter[str]:
        """How often the log says of each event that it took effect.

        The rows are counted as they are: also of a log that does not verify.
        """
        with self._office.store.database.read() as connection:
            rows = connection.execute(
                text("SELECT subject FROM audit_entry WHERE act = 'event.applied'")
            )
            return Counter(row[0] for row in rows)

    def examine(self) -> Findings:
        """Hold the books, as they are now, against clerks and register."""
        found = Findings(kills=self._kills, certificates=len(self._issued))
        with self._office.store.read() as uow, self._registry.read() as registry:
            try:
                verify_audit(uow)
                found.disagreements += account_for_serials(uow).problems
            except AuditError as error:
                found.disagreements.append(error.message)
            certificates = [
                record
                for record in uow.certificates.walk()
                if record.application is not None
            ]
            found.disagreements += [
                f"{record.authority}/{record.serial:x} is {record.state.value}"
                for record in certificates
                if record.state is CertificateState.PENDING
            ]
            each = Counter(record.application for record in certificates)
            found.certificates_doubled = sum(count - 1 for count in each.values())
            for _, serial, certificate in self._issued.values():
                record = uow.certificates.find("governor-08", serial)
                if record is None or record.certificate != certificate:
                    found.certificates_lost += 1
            events = registry.events.after(0, limit=100_000)
            found.events = len(events)
            applied = self._applied()
            found.events_doubled = sum(count - 1 for count in applied.values())
            found.events_lost = sum(
                1 for event in events if applied[event.event_id] == 0
            )
            revoked = {(line.authority, line.serial) for line in uow.journal.walk()}
            for resident in self._moved.values():
                for record in uow.certificates.of_resident(resident):
                    if (record.authority, record.serial) not in revoked:
                        found.events_lost += 1
        found.disagreements += self._unlisted()
        return found


def _until_answered(ask: Callable[[], T]) -> T:
    """Repeat the same request until the server answers, as a patient clerk does."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except ServiceUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _people(chance: random.Random) -> Iterator[Resident]:
    """Adults of one town, without end."""
    for number in range(10**9):
        yield Resident(
            code=ResidentCode.from_ten(f"{9_000_000_000 + number}"),
            municipality=TOWN,
            basic=BasicInformation(
                name=f"試験　太郎{chance.randrange(10)}",
                address="茨城県つくば市天王台一丁目１番地１",
                date_of_birth=date(1970, 1, 1),
                gender=Gender.MALE,
            ),
        )


@contextmanager
def open_rig(directory: Path, *, seed: int | None = None) -> Iterator[Rig]:
    """Found an installation in an empty folder and run its register.

    Args:
        directory: for everything; kept for whoever wants to look into it.
        seed: of the moments at which to kill; chosen and told by nobody if None.
    """
    chance = random.Random(secrets.randbits(64) if seed is None else seed)
    with installed(directory) as place:
        yield Rig(place.layout, place.settings, place.office, chance=chance)
