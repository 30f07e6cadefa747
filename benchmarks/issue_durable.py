"""Certificates issued a second, each on disk before and after its signature.

The limit is the rate at which one thread does nothing but sign with the same RSA-2048
key. Callers are threads of one process, as in the authorities' server. For each the
card's request is checked, the certificate prepared and linted, its bytes committed, the
signature made and checked, and the certificate committed, with full synchronisation:
what was answered survives a power cut. Residents' keys are P-256, which takes longer to
check than RSA. "Grown" is the same over a table that holds certificates already.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from sqlalchemy import text

from benchmarks.figures import Figure, Target
from jpki.authority import Office, Submission, issue, issue_all
from jpki.authority.certifying.making import signing_generation
from jpki.errors import JpkiError
from jpki.model.codes import ResidentCode
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.store import AuthorityStore
from jpki.store.authority_records import ApplicationRecord, ApplicationState
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    TARO,
    TSUKUBA,
    Register,
    new_key,
    new_office,
    request_for,
    small_era,
)
from tests.support.postgres import new_database

__all__ = ["run"]

_CALLERS: Final = 64
_BYTES: Final = 1400
"""Of a citizen's certificate with an RSA-2048 signature, about."""
_FLAT: Final = 0.85
_SHARE: Final = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class _Size:
    """How much is done."""

    certificates: int
    """In each round."""
    rounds: int
    grown: int


_QUICK: Final = _Size(certificates=512, rounds=2, grown=20_000)
_FULL: Final = _Size(certificates=2048, rounds=3, grown=5_000_000)


def run(quick: bool) -> Sequence[Figure]:
    """Issue on each kind of database, over an empty and over a grown table."""
    size = _QUICK if quick else _FULL
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="jpki-issue-") as folder:
        urls = {
            "SQLite": f"sqlite:///{folder}/authority.db",
            "PostgreSQL": new_database(durable=True),
        }
        for kind, url in urls.items():
            with _counter(url) as desk:
                figures += _measure(kind, desk, size)
        figures.append(_alone(Path(folder), size))
    return figures


def _measure(kind: str, desk: _Desk, size: _Size) -> Iterator[Figure]:
    empty, limit = _rate(desk, size)
    target = Target("at least", _SHARE, of_limit=True)
    batch, limit_of_batch = _rate(desk, size, callers=0)
    yield Figure(
        name=f"{kind}, one batch, empty table",
        value=batch,
        unit="1/s",
        limit=limit_of_batch,
        target=target,
    )
    yield Figure(
        name=f"{kind}, {_CALLERS} callers, empty table",
        value=empty,
        unit="1/s",
        limit=limit,
        target=target,
    )
    _grow(desk.office.store, size.grown)
    grown, limit_then = _rate(desk, size)
    yield Figure(
        name=f"{kind}, {_CALLERS} callers, {size.grown:,} rows",
        value=grown,
        unit="1/s",
        limit=limit_then,
        target=target,
    )
    yield Figure(
        name=f"{kind}, share of the limit kept when grown",
        value=(grown / limit_then) / (empty / limit),
        unit="",
        target=Target("at least", _FLAT),
    )


def _alone(folder: Path, size: _Size) -> Figure:
    """One caller at a time: every commit waits for the disk on its own."""
    with _counter(f"sqlite:///{folder}/alone.db") as desk:
        rate, limit = _rate(desk, replace(size, rounds=2), callers=1)
    return Figure(name="SQLite, one caller", value=rate, unit="1/s", limit=limit)


def _rate(desk: _Desk, size: _Size, callers: int = _CALLERS) -> tuple[float, float]:
    """Certificates and bare signatures a second, in turns; the medians.

    Args:
        callers: threads that issue at a time; 0 hands all in as one batch.
    """
    issued, signed = [], []
    for _ in range(size.rounds):
        signed.append(_signatures(desk.signer, size.certificates))
        issued.append(
            desk.issue(size.certificates, callers)
            if callers
            else desk.issue_batch(size.certificates)
        )
    return median(issued), median(signed)


def _signatures(signer: Signer, times: int) -> float:
    message = bytes(_BYTES)
    began = perf_counter()
    for _ in range(times):
        signer.sign(message)
    return times / (perf_counter() - began)


class _Desk:
    """An office, and residents who have applied."""

    def __init__(self, office: Office, register: Register) -> None:
        self.office = office
        with office.store.read() as uow:
            key = signing_generation(office, uow, GOVERNOR, FOUNDING)
        self.signer = office.keyring.open(key.key_uri)
        self._register = register
        self._numbers = count(1)

    def issue(self, times: int, callers: int) -> float:
        """Certificates a second, for so many callers at once."""
        work = iter(self.applications(times))
        lock = threading.Lock()
        failures: list[BaseException] = []

        def call() -> None:
            while not failures:
                with lock:
                    job = next(work, None)
                if job is None:
                    return
                try:
                    issue(
                        self.office,
                        job.application,
                        job.request,
                        at=FOUNDING,
                        by=COUNTER,
                    )
                except BaseException as error:
                    failures.append(error)

        threads = [threading.Thread(target=call) for _ in range(callers)]
        began = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = perf_counter() - began
        if failures:
            raise failures[0]
        return times / took

    def issue_batch(self, times: int) -> float:
        """Certificates a second, all handed in at once."""
        batch = self.applications(times)
        began = perf_counter()
        for answer in issue_all(self.office, batch, at=FOUNDING, by=COUNTER):
            if isinstance(answer, JpkiError):
                raise answer
        return times / (perf_counter() - began)

    def applications(self, times: int) -> list[Submission]:
        """New residents' applications, filed in one transaction, with requests."""
        jobs = []
        with self.office.store.write() as uow:
            for _ in range(times):
                number = next(self._numbers)
                resident = ResidentCode.from_ten(f"{number:010}")
                self._register.add(replace(TARO, code=resident))
                application = ApplicationRecord(
                    id=f"application-{number}",
                    idempotency_key=str(number),
                    authority=GOVERNOR,
                    resident=resident,
                    municipality=TSUKUBA,
                    purpose=Purpose.SIGNATURE,
                    state=ApplicationState.FILED,
                    challenge=f"{number:032x}",
                    filed_at=FOUNDING,
                    filed_by=COUNTER.id,
                    changed_at=FOUNDING,
                )
                uow.applications.add(application)
                request = request_for(application, new_key())
                jobs.append(Submission(application=application.id, request=request))
            uow.commit()
        return jobs


@contextmanager
def _counter(url: str) -> Iterator[_Desk]:
    """A founded office whose authority has an RSA-2048 key."""
    store = AuthorityStore(url)
    store.migrate()
    register = Register()
    era = small_era()
    suites = {**era.suites, "authority": suite("rsa2048-sha256").id}
    office = new_office(store, register, era=replace(era, suites=suites))
    try:
        yield _Desk(office, register)
    finally:
        store.close()


# Serial numbers, keys and residents of the rows that fill the table rise, so that
# filling is quick; they lie as far apart as random ones do, so that what is issued
# afterwards falls between them anywhere.
_FILL: Final = {
    True: """
        INSERT INTO certificate (authority, serial, generation, kind, profile, state,
            subject_key, not_before, not_after, prepared_at, prepared_by,
            completed_at, certificate, resident, as_of)
        WITH RECURSIVE n(i) AS
            (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
        SELECT :authority, printf('%08x0000000000', 1073741824 + i * :step), 1,
            'signature', 'filled', 'issued',
            unhex(printf('%08x', i * :wide)) || randomblob(28),
            :then, :end, :then, 'filler', :then, zeroblob(:octets),
            printf('%011d', 20000000000 + i * 15000), 0
        FROM n
    """,
    False: """
        INSERT INTO certificate (authority, serial, generation, kind, profile, state,
            subject_key, not_before, not_after, prepared_at, prepared_by,
            completed_at, certificate, resident, as_of)
        SELECT :authority, lpad(to_hex(1073741824 + i * :step), 8, '0') || '0000000000',
            1, 'signature', 'filled', 'issued',
            decode(lpad(to_hex(i * :wide), 8, '0') || md5(i::text) || md5(i::text)
                , 'hex'),
            :then, :end, :then, 'filler', :then,
            decode(repeat(md5(i::text), :octets / 16), 'hex'),
            (20000000000 + i * 15000)::text, 0
        FROM generate_series(0::bigint, :rows - 1) AS i
    """,
}


def _grow(store: AuthorityStore, rows: int) -> None:
    """Fill the table, as years of issuing would."""
    sqlite = store.database.is_sqlite
    then: object = datetime(2014, 10, 1, tzinfo=UTC)
    end: object = datetime(2019, 10, 1, tzinfo=UTC)
    if sqlite:
        then, end = "2014-10-01 00:00:00.000000", "2019-10-01 00:00:00.000000"
    values: dict[str, object] = {
        "authority": GOVERNOR,
        "rows": rows,
        "step": (1 << 30) // rows,
        "wide": (1 << 32) // rows,
        "then": then,
        "end": end,
        "octets": _BYTES,
    }
    with store.database.write() as connection:
        driver = connection.connection.driver_connection
        if sqlite and driver is not None:
            driver.create_function("unhex", 1, bytes.fromhex)  # SQLite 3.41 has it
        connection.execute(text(_FILL[sqlite]), values)
        connection.commit()
    _settle(store)


def _settle(store: AuthorityStore) -> None:
    """Let the database write what filling has left behind."""
    statements: dict[bool, str] = {
        True: "PRAGMA wal_checkpoint(TRUNCATE)",
        False: "CHECKPOINT",
    }
    engine = store.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statements[store.database.is_sqlite])).close()
