"""`jpki doctor` names what is broken, and the next step, and mends nothing."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from jpki.authority import publish
from jpki.cli import main
from jpki.cli.doctor.command import diagnose
from jpki.cli.doctor.findings import Finding, Level
from jpki.cli.doctor.places import FEW_OCTETS, TOO_FEW_OCTETS, free_space
from jpki.cli.supervisor import Supervisor
from jpki.keys.pkcs11.module import module_at
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load
from tests.support.installation import founded_installation
from tests.support.offices import GOVERNOR, Crash, CrashAt
from tests.support.tokens import SOFTHSM, SoftHSM


@dataclass(frozen=True, slots=True)
class Patient:
    """A copy of an installation, to be broken."""

    folder: Path

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "jpki.toml"

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    @property
    def passphrase(self) -> Path:
        """Of the authorities' keys."""
        return self.data / "secrets" / "ca-keys.txt"

    def forget_passphrases(self) -> None:
        """Make it quick: keys that cannot be decrypted are not tried."""
        for file in (self.data / "secrets").iterdir():
            file.write_text("")

    def set(self, table: str, line: str) -> None:
        """Add a setting."""
        text = self.config.read_text()
        self.config.write_text(text.replace(f"[{table}]", f"[{table}]\n{line}"))

    def move_clock(self, by: timedelta) -> None:
        """Look at it from another time."""
        self.set(
            "common",
            f"test_system = true\nclock_offset_seconds = {round(by.total_seconds())}",
        )

    def sql(self, statement: str) -> None:
        """Change its books behind everybody's back."""
        with closing(sqlite3.connect(self.data / "authority.sqlite")) as database:
            database.execute(statement)
            database.commit()

    def examine(self) -> tuple[Finding, ...]:
        """What the doctor finds."""
        return tuple(diagnose(self.config))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that is founded and closed."""
    folder = tmp_path_factory.mktemp("doctor") / "healthy"
    with founded_installation(folder):
        pass
    return folder


@pytest.fixture
def patient(healthy: Path, tmp_path: Path) -> Patient:
    """A copy of it; the books know where the copied keys are."""
    made = Patient(Path(shutil.copytree(healthy, tmp_path / "patient")))
    for table in ("key_generation", "responder"):
        made.sql(
            f"UPDATE {table} SET key_uri = "
            f"replace(key_uri, 'file://{healthy}/', 'file://{made.folder}/')"
        )
    return made


def test_a_healthy_installation(patient: Patient) -> None:
    """Nothing to complain of; every check has a line, in both languages."""
    said = CliRunner().invoke(
        main, ["doctor", "--config", str(patient.config), "--json", "--lang", "en"]
    )
    document = json.loads(said.output)
    assert (said.exit_code, document["problems"], document["warnings"]) == (0, 0, 0)
    assert {finding["level"] for finding in document["findings"]} == {"ok"}
    assert {finding["check"] for finding in document["findings"]} == {
        *("settings", "directory", "directory.space", "passphrase", "database"),
        *("clock", "keys", "certificate.authority", "certificate.responder"),
        *("certificate.cross", "certificate.operator", "crl", "crl.size", "pending"),
        "port",
    }


def test_it_speaks_japanese(patient: Patient) -> None:
    """As people read it: a mark, the check, the sentence, the next step."""
    patient.forget_passphrases()
    japanese = CliRunner().invoke(
        main, ["doctor", "--config", str(patient.config), "--lang", "ja"]
    )
    assert "✗ passphrase             パスフレーズを読めない" in japanese.output
    assert "  → " in japanese.output
    assert japanese.output.endswith("問題 4 件、注意 0 件\n")


def _garbage(patient: Patient) -> None:
    (patient.data / "authority.sqlite").write_bytes(b"no database" * 1000)


def _no_data(patient: Patient) -> None:
    patient.data.rename(patient.folder / "elsewhere")


BROKEN: Final[dict[str, tuple[Callable[[Patient], object], str, str, str]]] = {
    "unknown setting": (
        lambda it: it.set("common", "colour = 1"),
        *("settings", "problem", "unknown key"),
    ),
    "no settings": (
        lambda it: it.config.unlink(),
        *("settings", "problem", "No such file"),
    ),
    "no data directory": (_no_data, "directory", "problem", "no data directory"),
    "data directory for all": (
        lambda it: it.data.chmod(0o777),
        *("directory.mode", "problem", "0777"),
    ),
    "keys folder for all": (
        lambda it: (it.data / "keys").chmod(0o755),
        *("directory.mode", "problem", "0755"),
    ),
    "no passphrase": (
        lambda it: it.passphrase.unlink(),
        *("passphrase", "problem", "ca-keys.txt"),
    ),
    "passphrase for all": (
        lambda it: it.passphrase.chmod(0o644),
        *("passphrase", "problem", "0644"),
    ),
    "no database": (
        lambda it: (it.data / "authority.sqlite").unlink(),
        *("database", "problem", "no database"),
    ),
    "no register": (
        lambda it: (it.data / "registry.sqlite").unlink(),
        *("database", "warning", "no database"),
    ),
    "no such kind of database": (
        lambda it: it.set("authority", 'database = "mysql://here"'),
        *("database", "problem", "neither SQLite nor PostgreSQL"),
    ),
    "not a database": (_garbage, "database", "problem", "not a database"),
    "database for all": (
        lambda it: (it.data / "authority.sqlite").chmod(0o644),
        *("database.mode", "problem", "0644"),
    ),
    "old schema": (
        lambda it: it.sql("UPDATE alembic_version SET version_num = 'r0001'"),
        *("database.schema", "problem", "has schema r0001, the newest is"),
    ),
    "newer schema": (
        lambda it: it.sql("UPDATE alembic_version SET version_num = 'r9999'"),
        *("database.schema", "problem", "does not know"),
    ),
    "journal": (
        lambda it: it.sql("PRAGMA journal_mode = DELETE"),
        *("database.journal", "warning", "delete"),
    ),
    "clock turned back": (
        lambda it: it.move_clock(timedelta(days=-30)),
        *("clock", "problem", "before the newest entry"),
    ),
    "stale CRL": (
        lambda it: it.move_clock(timedelta(days=30)),
        *("crl", "problem", "ended at"),
    ),
    "CRL never published": (
        lambda it: it.sql("DELETE FROM crl"),
        *("crl", "problem", "never published"),
    ),
    "responder about to end": (
        lambda it: it.move_clock(timedelta(days=350)),
        *("certificate.responder", "warning", "ends on"),
    ),
    "responder at its end": (
        lambda it: it.move_clock(timedelta(days=400)),
        *("certificate.responder", "problem", "no responder"),
    ),
    "operator at its end": (
        lambda it: it.move_clock(timedelta(days=400)),
        *("certificate.operator", "problem", "ended on"),
    ),
    "authority about to end": (
        lambda it: it.move_clock(timedelta(days=3600)),
        *("certificate.authority", "warning", "ends on"),
    ),
    "no address": (
        lambda it: it.set("registry", f'host = "{"a" * 64}"'),
        *("port", "problem", "registry_stub"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(patient: Patient, name: str) -> None:
    """With how bad it is and the next step; a problem means exit status 1."""
    break_it, check, level, words = BROKEN[name]
    patient.forget_passphrases()
    break_it(patient)
    before = set(patient.folder.rglob("*"))
    said = CliRunner().invoke(
        main, ["doctor", "--config", str(patient.config), "--json", "--lang", "en"]
    )
    findings = json.loads(said.output)["findings"]
    assert any(
        finding["check"] == check
        and finding["level"] == level
        and words in finding["message"]
        for finding in findings
    ), said.output
    for finding in findings:
        assert ("step" in finding) == (finding["level"] != "ok")
    assert said.exit_code == 1
    made = set(patient.folder.rglob("*")) - before
    assert {path.suffix for path in made} <= {".sqlite-shm", ".sqlite-wal"}


def test_keys_that_are_broken_are_named(patient: Patient) -> None:
    """One is gone, one is open to others, one is another's; the rest is well."""
    keys = patient.data / "keys"
    gone, opened, swapped = (
        next(keys.glob(f"{name}-*.pem"))
        for name in ("governor-08", "bridge", "governor-13")
    )
    swapped.write_bytes(gone.read_bytes())
    gone.unlink()
    opened.chmod(0o644)
    shutil.rmtree(patient.data / "responder-keys")
    found = [finding for finding in patient.examine() if finding.check == "keys"]
    assert {finding.level for finding in found} == {Level.PROBLEM}
    said = [finding.message.en for finding in found]
    assert sum("no key at" in text for text in said) == 4
    assert sum("can be read by other users" in text for text in said) == 1
    assert sum("not that of its certificate" in text for text in said) == 1


def test_a_wrong_passphrase(patient: Patient) -> None:
    """It opens nothing, and the finding says why."""
    patient.passphrase.write_text("not this one")
    shutil.rmtree(patient.data / "responder-keys")
    assert any("wrong passphrase" in found.message.en for found in patient.examine())


def test_an_empty_database(patient: Patient) -> None:
    """A schema without authorities is a warning, not a problem."""
    for file in patient.data.glob("authority.sqlite*"):
        file.unlink()
    settings = load(patient.config)
    office = open_office(settings, open_register(settings, ProcessClock()))
    office.store.close()
    (finding,) = (found for found in patient.examine() if found.check == "books")
    assert finding.level is Level.WARNING


@pytest.mark.parametrize(
    ("room", "level"), [(0.5, Level.OK), (0.9, Level.WARNING), (1.1, Level.PROBLEM)]
)
def test_lists_that_outgrow_their_budget(
    room: float, level: Level, patient: Patient
) -> None:
    """Told from 80 % on, and as a problem beyond."""
    settings = load(patient.config)
    office = open_office(settings, open_register(settings, ProcessClock()))
    with office.store.read() as uow:
        longest = max(octets for _, octets in uow.crls.sizes().values())
        record = uow.crls.in_force()[0]
        assert uow.crls.sizes()[record.name][1] == len(uow.crls.bytes_of(record))
    office.store.close()
    patient.forget_passphrases()
    budget = 10 * longest
    patient.set("authority", f"crl_budget_octets = {budget}")
    # As long as a list with many entries.
    patient.sql(
        f"UPDATE crl_piece SET octets = zeroblob({round(room * budget)}) WHERE place = "
        f"1 AND number = {record.number} AND authority = '{record.authority}'"
    )
    found = [each for each in patient.examine() if each.check == "crl.size"]
    assert [each.level for each in found] == [level]


def test_what_a_crash_left_behind(patient: Patient) -> None:
    """A number that was recorded and not signed is shown when it is old enough."""
    clock = ProcessClock()
    settings = load(patient.config)
    office = open_office(settings, open_register(settings, clock))
    crashing = replace(office, step=CrashAt("publication.recorded"))
    later = clock() + timedelta(seconds=1)
    with pytest.raises(Crash):
        publish(crashing, GOVERNOR, at=later, by="test")
    office.store.close()
    patient.forget_passphrases()
    levels = [found.level for found in patient.examine() if found.check == "pending"]
    assert levels == [Level.OK]
    patient.move_clock(timedelta(minutes=11))
    levels = [found.level for found in patient.examine() if found.check == "pending"]
    assert levels == [Level.WARNING]


def test_ports(patient: Patient) -> None:
    """Another program on a port is a problem; a server of ours is not."""
    settings = load(patient.config)
    patient.forget_passphrases()
    with socket.socket() as stranger, Supervisor(patient.config, patient.data) as ours:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", settings.authority.port))
        stranger.listen()
        ours.start("registry_stub")
        said = {
            finding.message.en: finding.level
            for finding in patient.examine()
            if finding.check == "port"
        }
    where = "127.0.0.1:{} ({}) {}"
    assert said == {
        where.format(
            settings.authority.port, "ca_server", "is taken by another program"
        ): Level.PROBLEM,
        where.format(
            settings.revocation.port, "ocsp_crl", "is free: start it with `jpki serve`"
        ): Level.OK,
        where.format(
            settings.registry.port, "registry_stub", "is served and ready"
        ): Level.OK,
    }


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (FEW_OCTETS, Level.OK),
        (FEW_OCTETS - 1, Level.WARNING),
        (TOO_FEW_OCTETS, Level.WARNING),
        (TOO_FEW_OCTETS - 1, Level.PROBLEM),
    ],
)
def test_free_space(free: int, level: Level) -> None:
    """A disk that fills is told of before it is full."""
    assert free_space(Path("/srv"), free).level is level


@pytest.fixture
def logged_out() -> Iterator[Callable[[], None]]:
    """Forgets logins: they are of the process, and a test is several."""
    module = module_at(Path(SOFTHSM))
    yield module.look_again
    module.look_again()


@pytest.mark.needs("softhsm")
def test_an_installation_on_a_token(
    softhsm: SoftHSM, tmp_path: Path, logged_out: Callable[[], None]
) -> None:
    """`jpki init --key-store` makes the keys there; the doctor examines the token."""
    token = softhsm.new_token()
    folder = tmp_path / "installation"
    words = ["--prefecture", "08", "--key-store", token.store]
    made = CliRunner().invoke(main, ["init", str(folder), *words])
    assert made.exit_code == 0, made.output
    assert not list((folder / "data").rglob("governor*.pem"))
    patient = Patient(folder)

    def told(check: str) -> str:
        logged_out()
        (finding,) = (found for found in patient.examine() if found.check == check)
        return f"{finding.level.value}: {finding.message.en}"

    assert told("token.module").startswith("ok: ")
    assert told("token.present").startswith(f"ok: token {token.label} (SoftHSM")
    assert told("token.pin") == "ok: the PIN is right"
    assert [found.level for found in patient.examine() if found.check == "keys"] == [
        Level.OK,
        Level.OK,
    ]
    pin = token.pin_file.read_text()
    token.pin_file.write_text("0000")
    assert "does not accept the PIN" in told("token.pin")
    token.pin_file.write_text(pin)
    away = token.pull_out()
    assert "token removed" in told("token.present")
    token.put_back(away)
    text = patient.config.read_text()
    patient.config.write_text(text.replace(SOFTHSM, "/nowhere/module.so"))
    assert "no PKCS #11 module" in told("token.module")


def test_a_key_store_that_is_none(tmp_path: Path) -> None:
    """It is refused before anything is made."""
    words = ["init", str(tmp_path / "new"), "--key-store", "pkcs11:token=a"]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 2
    assert "--key-store" in said.output
    assert not (tmp_path / "new").exists()
