"""A throwaway PostgreSQL cluster in a temporary folder, without a network port.

initdb refuses to run as root, so root hands the work to an unprivileged user. The
cluster starts once a test process, at the first database that is asked for, and ends
with it. Tests that stop a server have a cluster of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

__all__ = ["Cluster", "drop_database", "new_database", "rename_database"]

_UNPRIVILEGED: Final = ("postgres", "nobody")
_SUPERUSER: Final = "tests"
_numbers: Final = itertools.count(1)


def new_database(template: str | None = None, *, durable: bool = False) -> str:
    """The URL of a new database: empty, or a copy of the one at another such URL.

    Durable ones reach the disk at each commit, as in operation; benchmarks want that.
    """
    return _cluster(durable).new_database(template)


def drop_database(url: str) -> None:
    """Lose a database, whoever is connected to it."""
    made = make_url(url)
    _sql(f'DROP DATABASE "{made.database}" WITH (FORCE)')


def rename_database(url: str, name: str) -> None:
    """Put a database in another's place."""
    _sql(f'ALTER DATABASE "{make_url(url).database}" RENAME TO "{name}"')


def _sql(statement: str) -> None:
    """Have a statement run from outside the database that it is about."""
    cluster = _cluster(False)
    cluster.run(
        *("psql", "-h", str(cluster.folder), "-U", _SUPERUSER, "-d", "postgres"),
        *("-v", "ON_ERROR_STOP=1", "-c", statement),
    )


def _binaries() -> Path:
    """The newest server's programs: Debian keeps them off the PATH."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parent.parent.name),
    )
    found = versions[-1] if versions else shutil.which("initdb")
    if found is None:
        raise FileNotFoundError("no initdb (apt-get install postgresql)")
    return Path(found).parent


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as, where we are root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"root needs one of the users {', '.join(_UNPRIVILEGED)}")


class Cluster:
    """One server with its data; it runs from the begin."""

    def __init__(self, *, durable: bool = False) -> None:
        self._bin = _binaries()
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="jpki-pg-"))
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._data = self.folder / "data"
        self.run(
            "initdb", "-D", str(self._data), "-U", _SUPERUSER, "-A", "trust", "-N",
            "-E", "UTF8", "--no-locale",
        )  # fmt: skip
        # No test cuts the power, so nothing need reach the disk.
        sync = "on" if durable else "off"
        self._options = f"-k {self.folder} -c listen_addresses='' -c fsync={sync}"
        self.start()

    def new_database(self, template: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one at this URL."""
        name = f"test{next(_numbers)}"
        source = "template0" if template is None else make_url(template).database
        self.run(
            "createdb", "-h", str(self.folder), "-U", _SUPERUSER,
            "-T", str(source), name,
        )  # fmt: skip
        return f"postgresql://{_SUPERUSER}@/{name}?host={self.folder}"

    def start(self) -> None:
        """Run the server, at first or again."""
        self.run(
            "pg_ctl", "-D", str(self._data), "-w", "-o", self._options,
            "-l", str(self.folder / "log"), "start",
        )  # fmt: skip

    def halt(self) -> None:
        """End the server as a power cut does; `start` recovers what was committed."""
        self.run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let no process of the server do anything, though all of them are there."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        processes = [first, *_children(first)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as its user."""
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            # The server inherits these; a pipe would never reach its end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            user=None if self._user is None else self._user.pw_uid,
            group=None if self._user is None else self._user.pw_gid,
            extra_groups=None if self._user is None else [],
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed with {done.returncode}")

    def stop(self) -> None:
        """End the server and leave nothing behind."""
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(process: int) -> list[int]:
    """From /proc/PID/stat, whose fourth field names the parent (proc(5))."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(stat.parent.name))
    return found


@cache
def _cluster(durable: bool) -> Cluster:
    cluster = Cluster(durable=durable)
    atexit.register(cluster.stop)
    return cluster
