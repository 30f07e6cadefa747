"""What publishing a list out of the database takes: seconds, and memory beyond it.

The process that is measured opens a database of so many revocations, in which a list
of all of them is in force, and publishes the next: read from the books, recorded,
signed, parsed, verified, held against the one before it, and put in force.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.crl_store import fill
from benchmarks.crl_work import resident
from benchmarks.timing import cpu_seconds
from jpki.authority import FileKeyring, Office, publish
from jpki.store import AuthorityStore
from tests.support.offices import FOUNDING, GOVERNOR, new_office
from tests.support.postgres import new_database

__all__ = ["published"]

_NEXT: Final = FOUNDING + timedelta(days=1)
_NAME: Final = "bridge"
"""Publishes a list of its own first: what is loaded once is no matter of size."""


def published(kind: str, rows: int) -> Mapping[str, float]:
    """Octets of the list and of the growth beyond it; seconds, also of computing.

    Args:
        kind: of database, `sqlite` or `postgresql`.
        rows: how many certificates are revoked.
    """
    with tempfile.TemporaryDirectory(prefix="jpki-crl-") as folder:
        url = f"sqlite:///{folder}/authority.db"
        if kind != "sqlite":
            url = new_database(durable=True)
        store = AuthorityStore(url)
        fill(store, rows, _keyring(folder))
        publish(_office(store, folder), GOVERNOR, at=FOUNDING, by="benchmark")
        store.close()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.crl_publication", url, folder],
            check=True,
            capture_output=True,
        )
    told: Mapping[str, float] = json.loads(done.stdout)
    return told


def _keyring(folder: str) -> FileKeyring:
    return FileKeyring(Path(folder) / "keys", lambda: "of the benchmark")


def _office(store: AuthorityStore, folder: str) -> Office:
    return new_office(store, founded=False, keyring=_keyring(folder))


def _measure(url: str, folder: str) -> Mapping[str, float]:
    store = AuthorityStore(url)
    office = _office(store, folder)
    publish(office, _NAME, at=_NEXT, by="benchmark")
    before, began, computing = resident("VmRSS"), perf_counter(), cpu_seconds()
    record = publish(office, GOVERNOR, at=_NEXT, by="benchmark")
    seconds, computing = perf_counter() - began, cpu_seconds() - computing
    growth = resident("VmHWM") - before
    with store.read() as uow:
        size = uow.crls.sizes()[record.name][1]
    store.close()
    return {
        "output": size,
        "growth": growth,
        "seconds": seconds,
        "computing": computing,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
