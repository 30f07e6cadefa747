"""`jpki ca`: two operators at the authorities' own machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jpki.access import create_credential
from jpki.authority import current_responder, verify_audit
from jpki.cli import main
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `jpki init` makes for one prefecture."""
    folder = tmp_path_factory.mktemp("ca") / "site"
    made = _run("init", folder, "--prefecture", "08")
    assert made.exit_code == 0, made.output
    return folder


def _ca(site: Path, operator: int, *arguments: str) -> Result:
    credential = site / "data" / "credentials" / f"ca-operator-{operator}.pem"
    config = site / "jpki.toml"
    return _run("ca", *arguments, "--as", credential, "--config", config)


def _asked(site: Path, *arguments: str) -> dict[str, Any]:
    result = _ca(site, 1, "request", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _waiting(site: Path) -> list[dict[str, Any]]:
    result = _run("ca", "list", "--json", "--config", site / "jpki.toml")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["requests"]
    return found


def test_two_people_roll_a_key_over(site: Path) -> None:
    """One asks, the other approves; the new key has its lists and its responder."""
    switch = f"{ProcessClock()().year + 1}-01-01T00:00:00Z"
    arguments = ["authority=governor-08", f"issues_from={switch}", "cross_certify=yes"]
    asked = _asked(site, "roll-over", *arguments)
    assert _waiting(site) == [asked]
    shown = _run("ca", "list", "--config", site / "jpki.toml")
    assert asked["digest"] in shown.output
    alone = _ca(site, 1, "approve", asked["id"], asked["digest"])
    assert alone.exit_code == 2
    assert "[consent.same-person]" in alone.output
    other = _ca(site, 2, "approve", asked["id"], "00" * 32)
    assert "[consent.mismatch]" in other.output
    done = _ca(site, 2, "approve", asked["id"], asked["digest"])
    assert done.exit_code == 0, done.output
    assert "governor-08/" in done.output
    assert _waiting(site) == []
    again = _ca(site, 2, "run", asked["id"])
    assert "[consent.used]" in again.output
    settings, clock = load(site / "jpki.toml"), ProcessClock()
    office = open_office(settings, open_register(settings, clock))
    for number in (1, 2):
        assert current_responder(office, "governor-08", at=clock(), generation=number)
    with office.store.read() as uow:
        verify_audit(uow)
        lists = {
            (record.generation, record.scope)
            for record in uow.crls.in_force()
            if record.authority == "governor-08"
        }
    office.store.close()
    assert lists == {(1, "crl"), (1, "arl"), (2, "crl"), (2, "arl")}


def test_requests_are_refused_and_run_elsewhere(site: Path) -> None:
    """Withdrawn is withdrawn; a run without a request only finishes things."""
    asked = _asked(site, "found", "authority=governor-13")
    early = _ca(site, 2, "run", asked["id"])
    assert "[consent.required]" in early.output
    assert _ca(site, 1, "refuse", asked["id"]).exit_code == 0
    late = _ca(site, 2, "approve", asked["id"], asked["digest"])
    assert "[consent.refused]" in late.output
    assert _ca(site, 2, "run").exit_code == 0


def test_an_approver_is_enrolled_by_two(site: Path) -> None:
    """The credential gives name and key; issuing can then wait for the approver."""
    credential = site / "approver-1.pem"
    assert _run("ca", "credential", credential, "approver-1").exit_code == 0
    again = _run("ca", "credential", credential, "approver-1")
    assert "[credential]" in again.output
    arguments = ["authority=governor-08", "role=approver", f"credential={credential}"]
    asked = _asked(site, "enrol", *arguments)
    assert asked["parameters"]["operator"] == "approver-1"
    done = _ca(site, 2, "approve", asked["id"], asked["digest"])
    assert done.exit_code == 0, done.output
    config = site / "jpki.toml"
    role = _run("ca", "run", "--as", credential, "--config", config)
    assert "[permission]" in role.output


def test_everything_that_was_agreed_to_is_signed(site: Path) -> None:
    """At the founding and ever since; the operators' certificates verify it."""
    result = _run("audit", "verify", "--json", "--config", site / "jpki.toml")
    assert result.exit_code == 0, result.output
    agreed = json.loads(result.stdout)["agreements"]
    assert agreed["signed"] == agreed["entries"] > 8


@pytest.mark.parametrize(
    "arguments",
    [
        ("found",),
        ("found", "authority"),
        ("found", "authority=x", "colour=red"),
        ("roll-over", "authority=x", "issues_from=soon", "cross_certify=no"),
        ("roll-over", "authority=x", "issues_from=2030-01-01", "cross_certify=maybe"),
        ("revoke", "authority=bridge", "serial=z", "reason=superseded", "ground=x"),
        ("revoke", "authority=bridge", "serial=1", "reason=tired", "ground=x"),
    ],
)
def test_what_cannot_be_asked_for(site: Path, arguments: tuple[str, ...]) -> None:
    """A sentence and a code, and nothing is kept."""
    result = _ca(site, 1, "request", *arguments)
    assert result.exit_code == 2
    assert "[request]" in result.output, result.output
    assert _waiting(site) == []


def test_strangers_do_nothing(site: Path) -> None:
    """A key that nobody has enrolled, whatever name it bears."""
    file = site / "stranger.pem"
    create_credential(file, "ca-operator-1")
    config = site / "jpki.toml"
    result = _run("ca", "run", "--as", file, "--config", config)
    assert "[consent.not-in-office]" in result.output


def test_a_lost_key_is_replaced_with_the_sealed_credential(tmp_path: Path) -> None:
    """Successor in, the lost one out, a new seal; every step is in the log, signed."""
    site = tmp_path / "site"
    assert "recovery-1.pem" in _run("init", site, "--prefecture", "08").output
    folder, config = site / "data" / "credentials", site / "jpki.toml"
    one, sealed = folder / "ca-operator-1.pem", folder / "recovery-1.pem"
    (folder / "ca-operator-2.pem").unlink()

    def agreed(by: Path, *asked: str) -> Result:
        request = _asked(site, *asked)
        words = ["ca", "approve", request["id"], request["digest"]]
        return _run(*words, "--as", by, "--config", config)

    new, next_seal = tmp_path / "three.pem", tmp_path / "seal.pem"
    _run("ca", "credential", new, "ca-operator-3")
    _run("ca", "credential", next_seal, "recovery-2")
    enrol = ("enrol", "authority=bridge")
    steps = [
        (sealed, (*enrol, "role=ca-operator", f"credential={new}")),
        (new, ("dismiss", "operator=ca-operator-2")),
        (new, (*enrol, "role=recovery", f"credential={next_seal}")),
        (new, ("dismiss", "operator=recovery-1")),
    ]
    for by, asked in steps:
        done = agreed(by, *asked)
        assert done.exit_code == 0, done.output
    opened = agreed(sealed, "dismiss", "operator=recovery-2")
    assert "[consent.not-in-office]" in opened.output
    verified = _run("audit", "verify", "--config", config)
    assert verified.exit_code == 0, verified.output
    settings, clock = load(config), ProcessClock()
    office = open_office(settings, open_register(settings, clock))
    with office.store.read() as uow:
        entries = [entry for entry in uow.audit.walk() if "consent" in entry.act]
    approvers = [e.actor for e in entries if e.act == "consent.approved"][-4:]
    assert approvers == ["recovery-1", *["ca-operator-3"] * 3]
    office.store.close()
    assert one.exists()


@pytest.mark.parametrize(
    "asked",
    [
        ("cross-certify", "issuer=governor-08", "subject=bridge"),
        ("found", "authority=governor-13"),
    ],
)
def test_the_sealed_credential_approves_nothing_else(
    site: Path, asked: tuple[str, ...]
) -> None:
    """Nor does it ask for anything, whatever it is."""
    request = _asked(site, *asked)
    sealed = site / "data" / "credentials" / "recovery-1.pem"
    end = ("--as", sealed, "--config", site / "jpki.toml")
    refused = _run("ca", "approve", request["id"], request["digest"], *end)
    assert refused.exit_code == 2
    assert "[permission]" in refused.output
    alone = _run("ca", "request", "dismiss", "operator=ca-operator-2", *end)
    assert "[permission]" in alone.output
    assert _ca(site, 1, "refuse", request["id"]).exit_code == 0
