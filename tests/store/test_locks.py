"""Connections of one process, and another process that comes and goes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from jpki.store import AuthorityStore
from tests.support.databases import copy_founded
from tests.support.offices import FOUNDING

_COME_AND_GO = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM head").fetchone()
connection.close()
"""


def test_opening_a_database_again_leaves_its_locks(tmp_path: Path) -> None:
    """The last to close takes the log away: nobody may do so while we are there."""
    store = copy_founded(tmp_path)
    file = tmp_path / "authority.db"
    with store.write() as uow:
        uow.nonces.remember("somebody", "once", expires=FOUNDING, at=FOUNDING)
        uow.commit()
    again = AuthorityStore(f"sqlite:///{file}")
    again.migrate()
    again.close()
    log = Path(f"{file}-wal")
    assert log.exists()
    subprocess.run([sys.executable, "-c", _COME_AND_GO, str(file)], check=True)
    assert log.exists()
    with store.read() as uow:
        assert uow.authorities.all()
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
