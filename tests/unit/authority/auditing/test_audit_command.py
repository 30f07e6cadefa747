"""`jpki audit` from the command line, over a founded office on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jpki.access import create_credential
from jpki.cli import main
from jpki.service.settings import load
from jpki.store import AuthorityStore
from tests.support.databases import copy_founded
from tests.support.offices import GOVERNOR


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The settings of an installation with one prefecture and the bridge."""
    store = copy_founded(tmp_path)
    store.close()
    create_credential(tmp_path / "server.pem", "authority-server")
    (tmp_path / "secret.txt").write_text("correct horse battery staple\n")
    (tmp_path / "secret.txt").chmod(0o600)
    file = tmp_path / "jpki.toml"
    file.write_text(
        f'[authority]\ndatabase = "{store.database.url}"\n'
        'key_directory = "keys"\npassphrase_file = "secret.txt"\n'
        'credential = "server.pem"\n'
    )
    return file


def _run(config: Path, *arguments: str) -> Result:
    command, *rest = arguments
    where = [] if command == "check" else ["--config", str(config)]
    return CliRunner().invoke(main, ["audit", command, *where, *rest])


def _a_certificate(config: Path) -> str:
    store = AuthorityStore(load(config).authority.database)
    with store.read() as uow:
        certificate = next(uow.certificates.walk())
    store.close()
    return f"{certificate.authority}/{certificate.serial:x}"


def test_a_checkpoint_is_kept_and_held_against_the_log(
    config: Path, tmp_path: Path
) -> None:
    """Signed once, it is written to a new file only; then the log verifies with it."""
    kept = str(tmp_path / "kept.txt")
    made = _run(config, "checkpoint", "--out", kept)
    assert made.exit_code == 0, made.output
    assert _run(config, "checkpoint", "--out", kept).exit_code != 0
    verified = _run(config, "verify", "--checkpoint", kept, "--json")
    assert verified.exit_code == 0, verified.output
    log = json.loads(verified.stdout)["log"]
    assert log["checkpoints"] > 0
    assert log["unsigned_entries"] == 0
    assert "✓" in _run(config, "verify", "--checkpoint", kept).output


def test_a_proof_is_printed_and_checked(config: Path, tmp_path: Path) -> None:
    """Of one certificate, and of growth; a spoiled one exits with 1."""
    kept = str(tmp_path / "kept.txt")
    _run(config, "checkpoint", "--out", kept)
    serials = json.loads(_run(config, "prove", "--since", kept, "--json").stdout)
    assert serials["path"] == []
    name = _a_certificate(config)
    proof = _run(config, "prove", name, "--json").stdout
    file = tmp_path / "proof.json"
    file.write_text(proof)
    checked = _run(config, "check", str(file), "--checkpoint", kept, "--json")
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["key_known"] is True
    assert "certificate.prepared" in _run(config, "check", str(file)).output
    file.write_text(proof.replace("certificate.prepared", "certificate.invented"))
    assert _run(config, "check", str(file)).exit_code == 1


def test_absence_is_said_with_how_it_was_found(config: Path, tmp_path: Path) -> None:
    """Exit status 1, and that only reading everything shows it."""
    _run(config, "checkpoint", "--out", str(tmp_path / "kept.txt"))
    nothing = _run(config, "prove", f"{GOVERNOR}/01", "--json")
    assert nothing.exit_code == 1
    assert "reading all" in json.loads(nothing.stdout)["says"]
    assert _run(config, "prove", "1").exit_code == 1
    assert _run(config, "prove").exit_code == 2
