"""CRLs from rows in memory to signed bytes, beside hashing and copying the result.

The limit is SHA-256 of the finished list and one copy of it in memory: no list can be
signed without the one or be anywhere without the other. Rows are columns of numbers, as
a database hands them over by serial number. "One form" has a reason in every entry;
"mixed forms" also invalidity dates, and entries without a reason, so that three lengths
alternate. Rows in no order are put in order first. The key is RSA-2048; times are of
computing on one core.

The peers are `openssl ca -gencrl`, which reads its index of as many revoked
certificates, and pyca's `CertificateRevocationListBuilder`, whose time grows with the
square of the number: it is given a few thousand. Memory is what a process grows by
beyond the list itself while it makes one. From SQLite means from the authorities' own
tables, where the journal is read first. Published means all of it: read out of the
books by a process of its own, recorded, signed, parsed, verified, compared with the
list before it, and put in force; seconds are what that process computes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.crl_peers import OpenSSLPeer, PycaPeer
from benchmarks.crl_publication import published
from benchmarks.crl_store import filled, read
from benchmarks.crl_work import Issuer, revocations, saved
from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating, cpu_seconds

__all__ = ["run"]

_OF_LIMIT: Final = 3
_FASTER: Final = 40
_MEMORY: Final = 64
_LINEAR: Final = 1.5
"""Times the time of one entry in a short list: room for what varies from run to run."""
_BUILDER: Final = 3000
_STORED: Final = 200_000
_DATABASES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def run(quick: bool) -> Sequence[Figure]:
    """Make lists in turns with hashing, copying and the peers."""
    sizes = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000, 10_000_000)
    count, rounds = sizes[-1 if quick else -2], 3 if quick else 9
    issuer = Issuer()
    return [
        *_rates(issuer, count, rounds),
        _order(issuer, count, rounds),
        *_openssl(issuer, count),
        _builder(issuer, rounds),
        _memory(count, mixed=False),
        _memory(count, mixed=True),
        *_linear(issuer, sizes),
        *_database(issuer, _STORED // 10 if quick else _STORED),
        *_publication("sqlite", _STORED // 10 if quick else count),
        *_publication("postgresql", _STORED // 10 if quick else count),
    ]


def _rates(issuer: Issuer, count: int, rounds: int) -> list[Figure]:
    figures = []
    for mixed in (False, True):
        columns = revocations(count, mixed=mixed)
        crl = bytes(issuer.crl(columns))
        seconds = alternating(
            {
                "hash": partial(hashlib.sha256, crl),
                "copy": partial(bytearray, crl),
                "jpki": partial(issuer.crl, columns),
            },
            rounds,
            cpu_seconds,
        )
        figures.append(
            Figure(
                name=f"{count:,} entries of {'mixed forms' if mixed else 'one form'}",
                value=seconds["jpki"],
                unit="s",
                limit=seconds["hash"] + seconds["copy"],
                target=Target("at most", _OF_LIMIT, of_limit=True),
            )
        )
    return figures


def _order(issuer: Issuer, count: int, rounds: int) -> Figure:
    columns = revocations(count, ordered=False)
    seconds = alternating(
        {"jpki": lambda: issuer.crl(columns.in_order())}, rounds // 2, cpu_seconds
    )
    return Figure(
        name=f"{count:,} entries of one form, rows in no order",
        value=seconds["jpki"],
        unit="s",
    )


def _openssl(issuer: Issuer, count: int) -> list[Figure]:
    columns = revocations(count)
    with tempfile.TemporaryDirectory(prefix="jpki-crl-") as folder:
        peer = OpenSSLPeer(issuer, columns, Path(folder))
        seconds = alternating(
            {"jpki": lambda: issuer.crl(columns), peer.name: peer.crl}, 3, cpu_seconds
        )
        assert peer.entries() == count
    return [
        Figure(
            name=f"{count:,} entries, times faster than {peer.name} -gencrl",
            value=seconds[peer.name] / seconds["jpki"],
            unit="",
            target=Target("at least", _FASTER),
        )
    ]


def _builder(issuer: Issuer, rounds: int) -> Figure:
    columns = revocations(_BUILDER)
    peer = PycaPeer(issuer, columns)
    seconds = alternating(
        {"jpki": lambda: issuer.crl(columns), peer.name: peer.crl}, rounds, cpu_seconds
    )
    return Figure(
        name=f"{_BUILDER:,} entries",
        value=seconds["jpki"],
        unit="s",
        peers={peer.name: seconds[peer.name]},
    )


def _memory(count: int, *, mixed: bool) -> Figure:
    with tempfile.TemporaryDirectory(prefix="jpki-crl-") as folder:
        saved(revocations(count, mixed=mixed), Path(folder))
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.crl_work", folder],
            check=True,
            capture_output=True,
        )
    told = json.loads(done.stdout)
    form = "mixed forms" if mixed else "one form"
    return Figure(
        name=f"{count:,} entries of {form}, memory beyond the list",
        value=(told["growth"] - told["output"]) / 1e6,
        unit="MB",
        target=Target("at most", _MEMORY),
    )


def _linear(issuer: Issuer, sizes: Sequence[int]) -> list[Figure]:
    each = {}
    for count in sizes:
        columns = revocations(count)
        rounds = 3 if count > 1_000_000 else 9
        (seconds,) = alternating(
            {"jpki": partial(issuer.crl, columns)}, rounds, cpu_seconds
        ).values()
        each[count] = seconds / count * 1e9
    shortest = each[sizes[0]]
    return [
        Figure(
            name=f"one entry of {count:,}",
            value=nanoseconds,
            unit="ns",
            limit=shortest,
            target=Target("at most", _LINEAR, of_limit=True),
        )
        for count, nanoseconds in each.items()
    ]


def _database(issuer: Issuer, count: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="jpki-crl-") as folder:
        store = filled(Path(folder), count)
        columns = read(store)
        assert len(columns) == count
        seconds = alternating(
            {
                "read": partial(read, store),
                "make": partial(issuer.crl, columns),
            },
            2,
            cpu_seconds,
        )
        store.close()
    name = f"{count:,} entries from SQLite"
    return [
        Figure(name=f"{name}, reading", value=seconds["read"], unit="s"),
        Figure(name=f"{name}, encoding and signing", value=seconds["make"], unit="s"),
    ]


def _publication(kind: str, count: int) -> list[Figure]:
    told = published(kind, count)
    name = f"{count:,} entries published out of {_DATABASES[kind]}"
    return [
        Figure(name=name, value=told["computing"], unit="s"),
        Figure(
            name=f"{name}, memory beyond the list",
            value=(told["growth"] - told["output"]) / 1e6,
            unit="MB",
            target=Target("at most", _MEMORY),
        ),
    ]
