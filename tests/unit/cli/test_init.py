"""`jpki init`: every era's authorities are founded, or the next step is told."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jpki import data
from jpki.authority import account_for_serials, verify_audit
from jpki.cli import main
from jpki.model.operators import Role
from jpki.service.clock import ProcessClock
from jpki.service.settings import load
from jpki.store import AuthorityStore
from tests.support.reference_pki import FOUNDED


def _init(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["init", str(folder), *words])


@pytest.mark.parametrize("era", list(data.eras()))
def test_every_era_can_be_founded(tmp_path: Path, era: str) -> None:
    """With keys, responders, lists and operators, in a day of its time."""
    folder = tmp_path / "site"
    at = FOUNDED[era].isoformat()
    words = ["--era", era, "--prefecture", "08", "--at", at]
    result = _init(folder, *words, "--serials", "jpki-compat")
    assert result.exit_code == 0, result.output
    settings = load(folder / "jpki.toml", os.environ)
    now = ProcessClock(settings.common.clock_offset)()
    store = AuthorityStore(settings.authority.database)
    with store.read() as uow:
        keys = uow.authorities.every_generation()
        lists = {(entry.authority, entry.scope) for entry in uow.crls.in_force()}
        operators = uow.operators.all()
        verify_audit(uow)
        account = account_for_serials(uow)
        for key in keys:
            responders = uow.authorities.responders(key.authority)
            assert [responder.generation for responder in responders] == [1]
    expected = (
        {"governor-08", "bridge"}
        if era.startswith("prefectural")
        else {"national-signature", "national-authentication"}
    )
    assert {key.authority for key in keys} == expected
    assert {key.suite for key in keys} == {data.era(era).suites["authority"]}
    assert lists == {(name, scope) for name in expected for scope in ("crl", "arl")}
    assert account.problems == ()
    assert account.unused == ()
    for name in expected:
        numbers = [line.serial for line in account.lines if line.authority == name]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert {operator.role for operator in operators} == {
        Role.CA_OPERATOR,
        Role.RECOVERY,
        Role.AUDITOR,
        Role.COUNTER,
    }
    assert {operator.authority for operator in operators} <= expected
    assert now >= FOUNDED[era]
    store.close()


def test_an_era_that_is_over_is_refused(tmp_path: Path) -> None:
    """With the reason and a day on which it works; nothing is laid out."""
    result = _init(tmp_path / "site", "--era", "prefectural-sha1")
    assert result.exit_code == 2
    assert "may not issue now: not after 2014-09-21" in result.output
    assert "--at 2004-01-29" in result.output
    assert "[configuration]" in result.output
    assert list(tmp_path.iterdir()) == []


_PROGRAM = "from jpki.cli import main; main(prog_name='jpki')"


@pytest.mark.parametrize("octets", [64, 4096, 300_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, octets: int) -> None:
    """Wherever it gets full: it is told with the next step, which then works."""
    words = ["init", str(tmp_path / "new" / "site"), "--era", "jlis"]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    assert "run the same command again" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """While it founds authorities; the folder that was there stays, with its file."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "mine").write_text("mine", "utf-8")
    words = [sys.executable, "-c", _PROGRAM, "init", str(folder)]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60

        while not list(folder.rglob("*.sqlite*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.poll() is None
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.decode().strip().endswith("stopped; nothing is left behind")
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_an_installation_is_never_overwritten(tmp_path: Path) -> None:
    """A second founding in its folder is refused, and takes nothing away."""
    folder = tmp_path / "site"
    assert _init(folder, "--era", "next-gen", "--prefecture", "13").exit_code == 0
    before = sorted(folder.rglob("*"))
    result = _init(folder, "--era", "next-gen", "--prefecture", "13")
    assert result.exit_code == 2
    assert "jpki.toml is there already" in result.output
    assert sorted(folder.rglob("*")) == before
