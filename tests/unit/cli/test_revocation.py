"""`jpki revocation`: a backup is restored, and the journal survives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from jpki.authority import revoke
from jpki.authority.delegating.operators import find_caller
from jpki.authority.office import Office
from jpki.authority.publication import publish_due
from jpki.cli import main
from jpki.model.revocation import RevocationReason
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load
from jpki.x509.certificate_lists import parse_crl


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


def test_what_was_revoked_is_listed_and_asked_for(tmp_path: Path) -> None:
    """One line a revocation; a status in words and in JSON; the list in a file."""
    site = tmp_path / "site"
    assert _run("init", site, "--prefecture", "08").exit_code == 0
    config = "--config", site / "jpki.toml"
    _enrol(site)
    name = _revoke_approver(site)

    listed = _run("revocation", "list", *config)
    assert listed.exit_code == 0 and name in listed.output
    (line,) = _run("revocation", "list", "--json", *config).stdout.splitlines()
    entry = json.loads(line)
    assert f"{entry['authority']}/{entry['serial']}" == name
    for none in (
        ("--until", "2020-01-01"),
        ("--reason", "superseded"),
        ("--authority", "bridge"),
    ):
        assert _run("revocation", "list", *none, *config).output == ""
    slip = _run("revocation", "list", "--authority", "governor-80", *config)
    assert slip.exit_code == 2 and "no authority governor-80" in slip.output

    told = _run("revocation", "status", name, *config)
    assert told.exit_code == 0 and "✗ revoked" in told.output
    told = _run("revocation", "status", name, "--json", *config)
    assert json.loads(told.stdout)["status"] == "revoked"
    proof = tmp_path / "proof.crl"
    early = _run("revocation", "status", name, "--crl", proof, *config)
    assert early.exit_code == 2 and "none has been published" in early.output
    assert "jpki revocation publish" in early.output
    office = _office(site)
    publish_due(office, at=ProcessClock()())
    office.store.close()
    done = _run("revocation", "status", name, "--crl", proof, *config)
    assert done.exit_code == 0, done.output
    serial = int(entry["serial"], 16)
    assert parse_crl(proof.read_bytes()).lookup(serial) is not None


def test_a_name_that_is_none_is_refused_with_an_example(tmp_path: Path) -> None:
    """Before anything is opened."""
    refused = _run("revocation", "status", "tanaka")
    assert refused.exit_code == 2 and "governor-08/1f3a" in refused.output


def test_a_list_and_its_delta_are_published_by_one_command(tmp_path: Path) -> None:
    """They never are of one second: the command waits for the next."""
    site = tmp_path / "site"
    assert _run("init", site, "--prefecture", "08").exit_code == 0
    config = site / "jpki.toml"
    text = config.read_text().replace(
        "[authority]", "[authority]\ncrl_delta_minutes = 5"
    )
    config.write_text(text)
    both = "governor-08/1/crl", "governor-08/1/delta"
    operator = "--as", _credential(site, 1), "--config", config
    made = _run("revocation", "publish", *both, *operator, "--json")
    assert made.exit_code == 0, made.output
    first, second = json.loads(made.stdout)["published"]
    assert (first["list"], second["list"]) == both
    assert first["this_update"] < second["this_update"]
    assert first["number"] < second["number"]


def test_a_key_out_of_reach_keeps_no_other_list_back(tmp_path: Path) -> None:
    """What is due is published, and what could not be is told, with exit status 1."""
    site = tmp_path / "site"
    assert _run("init", site, "--prefecture", "08").exit_code == 0
    config = site / "jpki.toml"
    text = config.read_text()
    config.write_text(text.replace("[authority]", "[authority]\ncrl_delta_minutes = 5"))
    (key,) = (site / "data" / "keys").glob("governor-08-*.pem")
    key.rename(tmp_path / key.name)
    operator = "--as", _credential(site, 1), "--config", config
    made = _run("revocation", "publish", *operator, "--json")
    assert made.exit_code == 1, made.output
    told = json.loads(made.stdout)
    assert [each["list"] for each in told["published"]] == ["bridge/1/delta"]
    assert len(told["failed"]) == 1 and key.name in told["failed"][0]


def test_lists_are_published_on_demand(tmp_path: Path) -> None:
    """What is due, or what is named; who is no CA operator publishes nothing."""
    site = tmp_path / "site"
    assert _run("init", site, "--prefecture", "08").exit_code == 0
    config = site / "jpki.toml"
    operator = "--as", _credential(site, 1), "--config", config
    nothing = _run("revocation", "publish", *operator)
    assert nothing.exit_code == 0, nothing.output
    assert "no list is due" in nothing.output or "ありません" in nothing.output
    made = _run("revocation", "publish", "governor-08/1/crl", *operator, "--json")
    (one,) = json.loads(made.stdout)["published"]
    assert one["list"] == "governor-08/1/crl"
    again = _run("revocation", "publish", "governor-08/1/crl", *operator)
    assert again.exit_code == 0
    assert "✓ governor-08/1/crl" in again.output
    half = _run(
        *("revocation", "publish", "governor-99/1/crl", "governor-08/1/arl"), *operator
    )
    assert half.exit_code == 1
    assert "✓ governor-08/1/arl" in half.output
    assert "✗" in half.output
    for wrong in ("crl", "governor-08/x/crl", "governor-08/1"):
        assert _run("revocation", "publish", wrong, *operator).exit_code == 2
    for stranger, code in (
        ("authority-server", "consent.not-in-office"),
        ("counter-082201-1", "permission"),
        ("auditor-1", "permission"),
    ):
        own = site / "data" / "credentials" / f"{stranger}.pem"
        refused = _run(
            *("revocation", "publish", "governor-08/1/crl", "--as", own),
            *("--config", config),
        )
        assert refused.exit_code == 2 and f"[{code}]" in refused.output
