"""The database is lost and a day-old backup restored; the journal outside survives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

from jpki.cli import main
from jpki.errors import ServiceUnavailable
from jpki.store.authority_records import ListName
from jpki.x509.parse import Certificate, parse_certificate
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    founded_installation,
    within,
)
from tests.support.postgres import drop_database, new_database, rename_database

_READERS = ("ca_server", "ocsp_crl")


class _Files:
    """Backups of a database in a file."""

    def __init__(self, folder: Path) -> None:
        self.url = None
        self._backup = folder / "backup.sqlite"

    @staticmethod
    def _file(site: Installation) -> Path:
        return Path(site.settings.authority.database.removeprefix("sqlite:///"))

    def backup(self, site: Installation) -> None:
        shutil.copy(self._file(site), self._backup)

    def restore(self, site: Installation) -> None:
        file = self._file(site)
        for leftover in file.parent.glob(f"{file.name}*"):
            leftover.unlink()
        shutil.copy(self._backup, file)


class _Servers:
    """Backups of a database on PostgreSQL."""

    def __init__(self) -> None:
        self.url: str | None = new_database()
        self._backup = ""

    def backup(self, site: Installation) -> None:
        self._backup = new_database(self.url)

    def restore(self, site: Installation) -> None:
        assert self.url is not None
        drop_database(self.url)
        rename_database(self._backup, str(make_url(self.url).database))


@contextmanager
def _all_down(site: Installation) -> Iterator[None]:
    for module in reversed(SERVERS):
        site.kill(module)
    site.office.store.close()
    yield
    site.office.store.close()


def _lists(site: Installation, certificates: list[Certificate]) -> bool:
    published = site.status().crl(GOVERNOR)
    return all(published.lookup(x.serial) is not None for x in certificates)


def _run(site: Installation, *arguments: str) -> Result:
    config = str(site.layout.config)
    return CliRunner().invoke(main, [*arguments, "--config", config])


def _is_revoked(site: Installation, certificate: Certificate) -> bool:
    return site.status().revocation(certificate, site.issuer)[0] is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))],
)
def test_every_revocation_comes_back_and_lists_still_rise(
    kind: str, tmp_path: Path
) -> None:
    """Nobody serves the old database; after the replay all is as it had been told."""
    kept = _Files(tmp_path) if kind == "sqlite" else _Servers()
    with founded_installation(tmp_path / "site", database=kept.url) as site:
        site.start(*SERVERS)
        certificates = [
            parse_certificate(site.certified().certificate) for _ in range(3)
        ]
        with _all_down(site):
            kept.backup(site)
        site.start(*SERVERS)
        certificates.append(parse_certificate(site.certified().certificate))
        client = site.client()
        for certificate in certificates[1:]:
            client.revoke(GOVERNOR, certificate.serial, "keyCompromise", "stolen")
        assert all(_is_revoked(site, x) for x in certificates[1:])
        with _all_down(site), site.office.store.read() as uow:
            numbers = {
                record.authority: uow.crls.last_number(record.authority)
                for record in uow.crls.in_force()
            }
        site.office.store.close()
        kept.restore(site)

        for module in _READERS:
            with pytest.raises(ServiceUnavailable) as refused:
                site.start(module)
            assert "journal" in str(refused.value)
        operator = str(site.layout.data / "credentials" / "ca-operator-1.pem")
        done = _run(site, "revocation", "replay", "--as", operator, "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        names = {f"{GOVERNOR}/{x.serial:x}" for x in certificates[1:]}
        assert set(told["revoked"]) == names
        assert told["recovered"] == [f"{GOVERNOR}/{certificates[3].serial:x}"]

        site.start(*SERVERS)
        assert [_is_revoked(site, x) for x in certificates] == [False, *[True] * 3]
        assert within(10, lambda: _lists(site, certificates[1:]))
        with site.office.store.read() as uow:
            for authority, number in numbers.items():
                assert uow.crls.last_number(authority) >= number
            newest = uow.crls.standing(ListName(GOVERNOR, 1, "crl"))
        assert newest is not None and newest.number > numbers[GOVERNOR]
        site.check_books()
        verified = _run(site, "audit", "verify", "--json")
        assert verified.exit_code == 0, verified.output
