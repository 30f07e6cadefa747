"""`jpki revocation`: a backup is restored, and the journal survives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from jpki.authority import revoke
from jpki.authority.delegation import find_caller
from jpki.authority.office import Office
from jpki.cli import main
from jpki.model.revocation import RevocationReason
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _office(site: Path) -> Office:
    settings = load(site / "jpki.toml", {})
    return open_office(settings, open_register(settings, ProcessClock()))


def _enrol(site: Path) -> None:
    """An approver, whose certificate the backup will not have."""
    own = site / "approver-1.pem"
    config = site / "jpki.toml"
    assert _run("ca", "credential", own, "approver-1").exit_code == 0
    first, second = (_credential(site, number) for number in (1, 2))
    details = ("authority=governor-08", "role=approver", f"credential={own}")
    asked = _run(
        *("ca", "request", "enrol", *details, "--as", first, "--config", config),
        "--json",
    )
    wanted = json.loads(asked.stdout)
    done = _run(
        *("ca", "approve", wanted["id"], wanted["digest"]),
        *("--as", second, "--config", config),
    )
    assert done.exit_code == 0, done.output


def _credential(site: Path, number: int) -> Path:
    return site / "data" / "credentials" / f"ca-operator-{number}.pem"


def _revoke_approver(site: Path) -> str:
    office = _office(site)
    by = find_caller(office, "ca-operator-1")
    assert by is not None
    with office.store.read() as uow:
        approver = uow.operators.get("approver-1")
    entry = revoke(
        office,
        approver.authority,
        approver.serial,
        RevocationReason.KEY_COMPROMISE,
        ground="the card was found in the street",
        at=ProcessClock()(),
        by=by,
    )
    office.store.close()
    return f"{entry.authority}/{entry.serial:x}"


def test_a_restored_backup_gets_its_revocations_back(tmp_path: Path) -> None:
    """No command goes on with the old database before the replay; all do after it."""
    site = tmp_path / "site"
    made = _run("init", site, "--prefecture", "08")
    assert made.exit_code == 0, made.output
    config, database = site / "jpki.toml", site / "data" / "authority.sqlite"
    shutil.copy(database, tmp_path / "backup")
    _enrol(site)
    name = _revoke_approver(site)
    for leftover in database.parent.glob("authority.sqlite*"):
        leftover.unlink()
    shutil.copy(tmp_path / "backup", database)

    stopped = _run("ca", "list", "--config", config)
    assert stopped.exit_code == 2
    assert "[store.journal-ahead]" in stopped.output
    assert "jpki revocation replay" in stopped.output
    operator = "--as", _credential(site, 1), "--config", config
    dry = _run("revocation", "replay", *operator, "--dry-run", "--json")
    assert json.loads(dry.stdout)["revoked"] == [name]
    assert _run("ca", "list", "--config", config).exit_code == 2

    done = _run("revocation", "replay", *operator, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["revoked"] == told["recovered"] == [name]
    assert told["problems"] == []
    assert _run("ca", "list", "--config", config).exit_code == 0
    verified = _run("audit", "verify", "--config", config, "--json")
    assert verified.exit_code == 0, verified.output
    again = _run("revocation", "replay", *operator)
    assert again.exit_code == 0 and name not in again.output
