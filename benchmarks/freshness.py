"""How soon a revocation is told by every worker, while a thousand are made each second.

One process revokes in groups, twenty each second, each durably in the books and in the
journal outside the database. Two workers of `ocsp_crl` on the same database answer OCSP
meanwhile, each loaded by `wrk` over four connections, as fast as they can. Of each
group the last certificate is asked about again and again at both workers, from its
commit until the answer is *revoked*. Both workers have told of it before, and keep that
it is good. A worker that is still being asked about one group skips the next.

Everything shares two cores: revoking, both workers, both loads and the asking.
Needs the Debian packages wrk and postgresql.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.figures import Figure, Target
from benchmarks.freshness_revoker import last_of_groups
from benchmarks.ocsp_rig import Place, founded
from benchmarks.wrk import Load
from jpki.errors import ConfigurationError
from jpki.model.revocation import Revocation
from jpki.x509.ocsp import Good, Status, parse_response
from tests.support.postgres import new_database

__all__ = ["run"]

_RATE: Final = 1000
_OFFERED: Final = 1100
"""Revocations in a second."""
_WITHIN: Final = 1.0
"""Seconds."""
_HOT: Final = 500
_WORKERS: Final = 2
_CONNECTIONS: Final = 4
_PAUSE: Final = 0.005
"""Seconds between two questions about the same certificate."""


def run(quick: bool) -> Sequence[Figure]:
    """SQLite, then PostgreSQL.

    Raises:
        ConfigurationError: a program is missing; says which package has it.
    """
    if shutil.which("wrk") is None:
        raise ConfigurationError(
            "benchmarks freshness", "wrk", "is missing", hint="apt-get install wrk"
        )
    seconds = 4 if quick else 30
    return [
        figure
        for name, database in (
            ("SQLite", None),
            ("PostgreSQL", new_database(durable=True)),
        )
        for figure in _on(name, database, seconds)
    ]


def _on(name: str, database: str | None, seconds: int) -> Iterator[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="jpki-freshness-") as directory,
        founded(
            Path(directory) / "installation",
            _OFFERED * seconds + _HOT,
            database=database,
        ) as place,
    ):
        took = _measured(place, Path(directory), seconds)
    yield Figure(
        name=f"revoked, {name}",
        value=took.revoked,
        unit="1/s",
        target=Target("at least", _RATE),
    )
    yield Figure(
        name=f"answered meanwhile by {_WORKERS} workers, {name}",
        value=took.answered,
        unit="1/s",
    )
    waits = [wait for worker in took.waits for wait in worker]
    yield Figure(name=f"told, {name}, half within", value=median(waits), unit="s")
    yield Figure(
        name=f"told, {name}, 99 of 100 within",
        value=quantiles(waits, n=100, method="inclusive")[98],
        unit="s",
        target=Target("at most", _WITHIN),
    )
    yield Figure(name=f"told, {name}, all within", value=max(waits), unit="s")
    yield Figure(name=f"asked about, {name}", value=len(waits), unit="certificates")


@dataclass(kw_only=True, slots=True)
class _Measured:
    revoked: float = 0.0
    """Per second."""
    answered: float = 0.0
    """Per second."""
    waits: Sequence[Sequence[float]] = field(default_factory=list)
    """Of each worker, seconds from commit to the first answer that tells it."""


def _measured(place: Place, folder: Path, seconds: int) -> _Measured:
    hot = place.serials[-_HOT:]
    load = Load.post(folder, "hot", place.requests(hot), "/ocsp")
    took = _Measured()
    with ExitStack() as running, ThreadPoolExecutor() as pool:
        workers = [
            running.enter_context(place.server(port=number + 1)).url
            for number in range(_WORKERS)
        ]
        watchers = [_Watcher(place, url) for url in workers]
        for watcher in watchers:
            watcher.ask_before(last_of_groups(_OFFERED, seconds))
        revoker = running.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.freshness_revoker",
                 str(place.layout.config), str(_OFFERED), str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
            )
        )  # fmt: skip
        assert revoker.stdout is not None
        loads = [
            pool.submit(load.run, url, seconds, connections=_CONNECTIONS)
            for url in workers
        ]
        watching = [pool.submit(watcher.run) for watcher in watchers]
        for line in revoker.stdout:
            told = json.loads(line)
            if "revoked" in told:
                took.revoked = told["revoked"] / told["seconds"]
            else:
                for watcher in watchers:
                    watcher.tell(told)
        for watcher in watchers:
            watcher.tell(None)
        if revoker.wait() != 0:
            raise RuntimeError("the revoking process failed")
        took.answered = sum(each.result().rate for each in loads)
        took.waits = [each.result() for each in watching]
    return took


class _Watcher:
    """Asks one worker about the newest group."""

    def __init__(self, place: Place, url: str) -> None:
        address = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(
            str(address.hostname), address.port
        )
        self._place = place
        self._newest: Mapping[str, Any] | None = None
        self._over = False
        self._bell = threading.Condition()

    def ask_before(self, serials: Sequence[int]) -> None:
        """Have the worker keep what it says of these.

        Raises:
            RuntimeError: it does not say that they are good.
        """
        for request in self._place.requests(serials):
            if not isinstance(self._status(request), Good):
                raise RuntimeError("a certificate is not good before it is revoked")

    def tell(self, group: Mapping[str, Any] | None) -> None:
        """There is a new group; or there will be no more."""
        with self._bell:
            self._newest, self._over = group or self._newest, group is None
            self._bell.notify()

    def run(self) -> Sequence[float]:
        """Ask until there are no more; the seconds for each group that was asked."""
        waits = []
        while (group := self._next()) is not None:
            (request,) = self._place.requests([group["serial"]])
            while not isinstance(self._status(request), Revocation):
                time.sleep(_PAUSE)
            waits.append(time.monotonic() - group["committed"])
        self._connection.close()
        return waits

    def _next(self) -> Mapping[str, Any] | None:
        with self._bell:
            self._bell.wait_for(lambda: self._newest is not None or self._over)
            newest, self._newest = self._newest, None
            return newest

    def _status(self, request: bytes) -> Status | None:
        fields = {"Content-Type": "application/ocsp-request"}
        self._connection.request("POST", "/ocsp", request, fields)
        basic = parse_response(self._connection.getresponse().read()).basic
        return None if basic is None else basic.responses[0].status
