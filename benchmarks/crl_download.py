"""A list of ten megabytes, fetched by 200 clients at the same time.

One worker of `ocsp_crl` against one worker of nginx that serves the same octets from a
file, and against nginx as a cache in front of that worker, as `docs/operations.md` sets
it up. The limit is nginx with the file: what is left to do is the kernel's.

Needs the Debian packages wrk and nginx-light.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final
from urllib.request import urlopen

from benchmarks.figures import Figure, Target
from benchmarks.ocsp_rig import GOVERNOR, OPERATOR, Place, founded
from benchmarks.wrk import Load
from jpki.authority import publish
from jpki.cli.supervisor import free_ports
from jpki.errors import ConfigurationError, ServiceUnavailable
from jpki.model.revocation import RevocationReason
from jpki.service.clock import ProcessClock
from jpki.store.authority_records import JournalEntry

__all__ = ["run"]

_CLIENTS: Final = 200
_ENTRIES: Final = 265_000
"""Some ten megabytes."""
_TOGETHER: Final = 10_000
_PATH: Final = f"/crls/{GOVERNOR}/1/crl.crl"
_START_SECONDS: Final = 10.0
_SHARED: Final = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types {{ application/pkix-crl crl; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {more}
}}
"""
_FILES: Final = "server {{ listen 127.0.0.1:{port}; root {folder}/files; }}"
_CACHE: Final = """\
proxy_cache_path {folder}/cache keys_zone=crls:1m max_size=1g;
    server {{
        listen 127.0.0.1:{port};
        location /crls/ {{
            proxy_pass {behind};
            proxy_cache crls;
            proxy_cache_lock on;
            proxy_cache_revalidate on;
        }}
    }}"""


def run(quick: bool) -> Sequence[Figure]:
    """Measure each for some seconds, in turns.

    Raises:
        ConfigurationError: a program is missing; says which package has it.
    """
    for program, package in (("wrk", "wrk"), ("nginx", "nginx-light")):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
            raise ConfigurationError(
                "benchmarks crl_download",
                program,
                "is missing",
                hint=f"apt-get install {package}",
            )
    entries = _ENTRIES // 10 if quick else _ENTRIES
    rounds, seconds = (1, 3) if quick else (5, 6)
    with tempfile.TemporaryDirectory(prefix="jpki-download-") as made:
        folder = Path(made)
        with founded(folder / "site", entries) as place, ExitStack() as running:
            octets = _published(place)
            ours = running.enter_context(place.server()).url
            urls = {
                "ocsp_crl": ours,
                "nginx, file": running.enter_context(_files(folder, octets)),
                "nginx, cache": running.enter_context(_cache(folder, ours)),
            }
            took = _measured(urls, Load.page(folder, _PATH), rounds, seconds)
    size = len(octets) / 1e6
    limit = took["nginx, file"]
    return [
        Figure(
            name=f"{_CLIENTS} clients, {size:.1f} MB, by {name}",
            value=took[name] * size,
            unit="MB/s",
            limit=limit * size,
            target=Target("at least", 0.8, of_limit=True),
        )
        for name in ("ocsp_crl", "nginx, cache")
    ]


def _published(place: Place) -> bytes:
    """Revoke everything, and publish."""
    at = ProcessClock()()
    for begin in range(0, len(place.serials), _TOGETHER):
        some = place.serials[begin : begin + _TOGETHER]
        with place.office.store.write() as uow:
            position = uow.journal.position()
            uow.journal.append_all(
                [
                    JournalEntry(
                        position=position + 1 + number,
                        authority=GOVERNOR,
                        serial=serial,
                        revoked_at=at,
                        reason=RevocationReason.AFFILIATION_CHANGED,
                        invalidity_date=None,
                        ground="benchmark",
                        event_id=None,
                        actor=OPERATOR.id,
                    )
                    for number, serial in enumerate(some)
                ]
            )
            uow.commit()
    record = publish(place.office, GOVERNOR, at=ProcessClock()(), by=OPERATOR.id)
    with place.office.store.read() as uow:
        return uow.crls.bytes_of(record)


@contextmanager
def _files(folder: Path, octets: bytes) -> Iterator[str]:
    file = folder / "nginx-files" / "files" / _PATH.removeprefix("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(octets)
    with _nginx(folder / "nginx-files", _FILES, {}) as url:
        yield url


@contextmanager
def _cache(folder: Path, behind: str) -> Iterator[str]:
    (folder / "nginx-cache").mkdir()
    with _nginx(folder / "nginx-cache", _CACHE, {"behind": behind}) as url:
        yield url


@contextmanager
def _nginx(folder: Path, more: str, values: Mapping[str, str]) -> Iterator[str]:
    (port,) = free_ports(1)
    inner = more.format(folder=folder, port=port, **values)
    config = folder / "nginx.conf"
    config.write_text(_SHARED.format(folder=folder, more=inner))
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program is not None
    url = f"http://127.0.0.1:{port}"
    line = [program, "-c", str(config), "-p", str(folder)]
    with subprocess.Popen(line) as server:
        try:
            _await(url)
            yield url
        finally:
            server.terminate()


def _await(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urlopen(f"{url}{_PATH}", timeout=5) as answer:
                answer.read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise ServiceUnavailable(url, "nginx does not answer") from None
            time.sleep(0.1)


def _measured(
    urls: Mapping[str, str], load: Load, rounds: int, seconds: int
) -> dict[str, float]:
    """Answers per second."""
    rates: dict[str, list[float]] = {name: [] for name in urls}
    for _ in range(rounds):
        for name, url in urls.items():
            measured = load.run(url, seconds, connections=_CLIENTS)
            rates[name].append(measured.rate)
    return {name: median(each) for name, each in rates.items()}
