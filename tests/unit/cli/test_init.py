"""`jpki init`: every era's authorities are founded, or the next step is told."""

from __future__ import annotations

import os
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
        Role.AUDITOR,
        Role.COUNTER,
    }
    assert {operator.authority for operator in operators} <= expected
    assert now > FOUNDED[era]
    store.close()


def test_an_era_that_is_over_is_refused(tmp_path: Path) -> None:
    """With the reason and a day on which it works; nothing is laid out."""
    result = _init(tmp_path / "site", "--era", "prefectural-sha1")
    assert result.exit_code == 2
    assert "may not issue now: not after 2014-09-21" in result.output
    assert "--at 2004-01-29" in result.output
    assert "[configuration]" in result.output
    assert list(tmp_path.iterdir()) == []
