"""Applications filed and keys certified over HTTP, for each second of the server.

The authorities' server is a process of its own, as in an installation, with SQLite and
the register as another process. Clerks are threads of a third process. Each files an
application and sends the card's PKCS#10 request for it; both requests are signed
(RFC 9421), the proof of possession is checked, and the register is asked twice. The
cards' keys are RSA-2048; no two are the same.

Rates are for each second of processor time of the server's process, from
/proc/PID/stat: for each second of one core. The limit is one thread that only signs
with an RSA-2048 key, for each second of its processor time. Of a certificate, two
requests are to be paid. Latencies are what a clerk waits, while everything shares the
machine.

In a second run the server tells where its time goes (`benchmarks.stages`): processor
time by stage, for each certificate.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple, TypeVar

from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.figures import Figure
from benchmarks.installation import TOWN, Installation, installed
from benchmarks.staged_server import STAGES
from jpki.access import RequestSigner
from jpki.authority.remote.client import AuthorityClient, FiledApplication
from jpki.cli.supervisor import Server, Supervisor
from jpki.errors import ServiceUnavailable
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.codes import ResidentCode
from jpki.model.residents import BasicInformation, Gender, Resident
from jpki.model.suites import suite
from jpki.service.clock import ProcessClock, system_random
from jpki.store import RegistryStore
from jpki.x509.issuers import assemble
from jpki.x509.requests import request_info

__all__ = ["run"]

_RSA: Final = suite("rsa2048-sha256")
_WARM_UP: Final = 16
"""Certificates before the first that counts: connections, caches, statements."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_REST: Final = "interpreter, threads, rest"

T = TypeVar("T")
R = TypeVar("R")


class _Work(NamedTuple):
    """What one resident brings along."""

    resident: ResidentCode
    card: SoftwareSigner


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    """What so many calls took."""

    seconds: float
    of_server: float
    """Processor time."""
    waits: Sequence[float]


def _next(work: Iterator[_Work], count: int) -> Sequence[_Work]:
    return list(itertools.islice(work, count))


def run(quick: bool) -> Sequence[Figure]:
    """Run the plain server under one, eight and 32 clerks, then the staged one."""
    clerks, count = ((1, 4), 20) if quick else ((1, 8, 32), 256)
    chance = random.Random("issue over HTTP")
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="jpki-http-") as directory,
        installed(Path(directory) / "installation") as place,
    ):
        cards = _cards((count + _WARM_UP) * (len(clerks) + 1))
        pairs = zip(_residents(place, chance), cards, strict=False)
        work = itertools.starmap(_Work, pairs)
        with _server(place, "ca_server") as server:
            desk = _Desk(place, server)
            for number in clerks:
                desk.issue(_next(work, _WARM_UP), number)
                figures += _figures(desk.issue(_next(work, count), number), number)
        with _server(place, "benchmarks.staged_server") as server:
            desk = _Desk(place, server)
            desk.issue(_next(work, _WARM_UP), clerks[-1])
            before = _told(server)
            desk.issue(_next(work, count), clerks[-1])
            figures += _breakdown(before, _told(server), count)
    return figures


class _Desk:
    """Clerks of one town at the counter of one server."""

    def __init__(self, place: Installation, server: Server) -> None:
        credential = place.layout.callers[f"counter-{TOWN}-1"]
        self._signer = RequestSigner(
            credential, clock=ProcessClock(), random=system_random
        )
        self._url = server.url
        self._process = server.process.pid

    def issue(self, todo: Sequence[_Work], clerks: int) -> dict[str, _Measured]:
        """First what filing all took, then what certifying all did."""
        desks = [AuthorityClient(self._url, self._signer) for _ in range(clerks)]
        free = list(desks)

        def file(one: _Work) -> FiledApplication:
            desk = free.pop()
            try:
                return desk.file_application(one.resident, str(uuid.uuid4()))
            finally:
                free.append(desk)

        def certify(one: tuple[str, bytes]) -> None:
            desk = free.pop()
            try:
                desk.certify(*one)
            finally:
                free.append(desk)

        filed, filing = self._measured(file, todo, clerks)
        requests = [
            (application.id, _request(one.card, application.challenge))
            for application, one in zip(filed, todo, strict=True)
        ]
        _, certifying = self._measured(certify, requests, clerks)
        for desk in desks:
            desk.close()
        return {"filing": filing, "certifying": certifying}

    def _measured(
        self, call: Callable[[T], R], items: Sequence[T], clerks: int
    ) -> tuple[list[R], _Measured]:
        def timed(item: T) -> tuple[R, float]:
            began = perf_counter()
            return call(item), perf_counter() - began

        with ThreadPoolExecutor(clerks) as pool:
            began, spent = perf_counter(), _processor_seconds(self._process)
            answers = list(pool.map(timed, items))
            seconds = perf_counter() - began
            of_server = _processor_seconds(self._process) - spent
        return [answer for answer, _ in answers], _Measured(
            seconds=seconds, of_server=of_server, waits=[wait for _, wait in answers]
        )


def _figures(took: Mapping[str, _Measured], clerks: int) -> Iterator[Figure]:
    limit = _bare_rate()
    count = len(took["filing"].waits)
    who = "1 clerk" if clerks == 1 else f"{clerks} clerks"
    both = sum(each.of_server for each in took.values())
    yield Figure(
        name=f"certificates, {who}",
        value=count / both,
        unit="1/s of the server's core",
        limit=limit,
    )
    for what, each in took.items():
        yield Figure(
            name=f"{what}, {who}",
            value=count / each.of_server,
            unit="1/s of the server's core",
            limit=limit,
        )
        yield Figure(
            name=f"{what}, {who}, by the clock", value=count / each.seconds, unit="1/s"
        )
        for share, wait in (
            ("half", median(each.waits)),
            ("99 of 100", quantiles(each.waits, n=100)[98]),
        ):
            yield Figure(
                name=f"{what}, {who}, {share} answered within",
                value=wait * 1000,
                unit="ms",
            )


def _breakdown(
    before: dict[str, Any], after: dict[str, Any], count: int
) -> Iterator[Figure]:
    whole = after["process"] - before["process"]
    spent = {
        stage: after["stages"].get(stage, 0) - before["stages"].get(stage, 0)
        for stage in STAGES
    }
    spent[_REST] = whole - sum(spent.values())
    yield Figure(name="server, each certificate", value=whole / count * 1e6, unit="µs")
    for stage, seconds in spent.items():
        yield Figure(name=f"of these: {stage}", value=seconds / count * 1e6, unit="µs")


@contextmanager
def _server(place: Installation, module: str) -> Iterator[Server]:
    """The authorities' server, until the block ends."""
    logs = place.layout.data / "logs"
    with Supervisor(place.layout.config, logs) as supervisor:
        supervisor.start(module)
        yield supervisor.servers[0]


def _told(server: Server) -> dict[str, Any]:
    """What the staged server says of itself now."""
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.stdout is not None
    told = json.loads(server.process.stdout.readline())
    if not isinstance(told, dict):
        raise ServiceUnavailable(server.module, "told nothing of its stages")
    return told


def _processor_seconds(process: int) -> float:
    """Of all threads of a process, in the program and in the system (proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / _TICKS


def _bare_rate() -> float:
    """Signatures for each second of processor time."""
    signer, rates = generate_key(_RSA), []
    for number in range(10):
        began = process_time()
        for other in range(50):
            signer.sign(b"%d %d" % (number, other) * 200)
        rates.append(50 / (process_time() - began))
    return median(rates)


def _request(card: SoftwareSigner, challenge: str) -> bytes:
    info = request_info(card.public_key, challenge)
    return assemble(info, card.suite, card.sign(info))


def _cards(count: int) -> Iterator[SoftwareSigner]:
    """Keys that all differ, in a fraction of the time that it takes to find primes.

    Each is of two primes out of a small stock; nobody who meets one of them can tell.
    """
    primes: list[int] = []
    while len(primes) * (len(primes) - 1) < 2 * count:
        numbers = rsa.generate_private_key(65537, 2048).private_numbers()
        primes += numbers.p, numbers.q
    for p, q in itertools.islice(itertools.combinations(primes, 2), count):
        d = pow(65537, -1, (p - 1) * (q - 1))
        numbers = rsa.RSAPrivateNumbers(
            p=p,
            q=q,
            d=d,
            dmp1=d % (p - 1),
            dmq1=d % (q - 1),
            iqmp=pow(q, -1, p),
            public_numbers=rsa.RSAPublicNumbers(65537, p * q),
        )
        yield SoftwareSigner(
            numbers.private_key(unsafe_skip_rsa_key_validation=True), _RSA
        )


def _residents(place: Installation, chance: random.Random) -> Iterator[ResidentCode]:
    """Adults of the town, on record in the register, without end."""
    registry = RegistryStore(place.settings.registry.database)
    for start in itertools.count(9_000_000_000, 100):
        people = [
            Resident(
                code=ResidentCode.from_ten(f"{start + number}"),
                municipality=TOWN,
                basic=BasicInformation(
                    name=f"試験　太郎{chance.randrange(10)}",
                    address="茨城県つくば市天王台一丁目１番地１",
                    date_of_birth=date(1970, 1, 1),
                    gender=Gender.MALE,
                ),
            )
            for number in range(100)
        ]
        with registry.write() as uow:
            for one in people:
                uow.residents.add(one)
            uow.commit()
        yield from (one.code for one in people)
