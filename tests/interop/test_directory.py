"""The directory of lists in OpenLDAP: found where certificates say, octet by octet."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from jpki.cli import main
from jpki.cli.supervisor import free_ports
from jpki.x509.general_names import DirectoryName
from jpki.x509.names import rfc4514
from jpki.x509.parse import parse_certificate
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    founded_installation,
    listens,
    send,
    within,
)

_CONFIG = """\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
database mdb
suffix "c=JP"
rootdn "cn=admin,c=JP"
directory {folder}/db
"""


@contextmanager
def _directory(folder: Path, ldif: Path) -> Iterator[str]:
    """OpenLDAP with what stands in this file; its address."""
    (folder / "db").mkdir(parents=True)
    config = folder / "slapd.conf"
    config.write_text(_CONFIG.format(folder=folder))
    line = ["/usr/sbin/slapadd", "-f", str(config), "-l", str(ldif)]
    added = subprocess.run(line, capture_output=True, text=True, check=False)
    assert added.returncode == 0, added.stderr
    (port,) = free_ports(1)
    url = f"ldap://127.0.0.1:{port}/"
    with subprocess.Popen(
        ["/usr/sbin/slapd", "-f", str(config), "-h", url, "-d", "0"]
    ) as server:
        try:
            assert within(20, lambda: listens(port))
            yield url
        finally:
            server.terminate()


def _found(url: str, name: str, attribute: str) -> list[bytes]:
    """What an LDAP client reads there."""
    line = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", url]
    line += ["-b", name, "-s", "base", "(objectClass=*)", attribute]
    told = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    return [
        base64.b64decode(line.partition(":: ")[2])
        for line in told.splitlines()
        if line.startswith(f"{attribute}:: ")
    ]


def _list(installation: Installation, scope: str) -> bytes:
    port = installation.settings.revocation.port
    return send(port, "GET", f"/crls/{GOVERNOR}/1/{scope}.crl").body


@pytest.mark.slow
@pytest.mark.needs("ldap", "ldap-tools")
def test_a_certificate_leads_to_its_list(tmp_path: Path) -> None:
    """By the directory name in it; so do the issuer's name and its certificate."""
    with founded_installation(tmp_path / "site") as made:
        config = made.layout.config
        lines = "[authority]\ncrl_delta_minutes = 60"
        config.write_text(config.read_text().replace("[authority]", lines))
        made.start(*SERVERS)
        issued = made.certified()
        port = made.settings.revocation.port
        for scope in ("crl-08220", "delta"):
            address = f"/crls/{GOVERNOR}/1/{scope}.crl"
            assert within(20, lambda: send(port, "GET", address).status == 200)  # noqa: B023
        time.sleep(1)
        ldif = tmp_path / "lists.ldif"
        written = CliRunner().invoke(
            main, ["revocation", "ldif", "--output", str(ldif), "--config", str(config)]
        )
        assert written.exit_code == 0, written.output
        assert all(len(line) <= 76 for line in ldif.read_text("ascii").splitlines())
        certificate = parse_certificate(issued.certificate)
        (point,) = certificate.crl_distribution_points
        (name,) = point.full_name
        assert isinstance(name, DirectoryName)
        issuer = rfc4514(certificate.issuer)
        crl, arl = "certificateRevocationList;binary", "authorityRevocationList;binary"
        with _directory(tmp_path / "ldap", ldif) as url:
            (shard,) = _found(url, rfc4514(name.name), crl)
            assert shard == _list(made, "crl-08220")
            assert _found(url, issuer, crl) == [_list(made, "crl")]
            assert _found(url, issuer, arl) == [_list(made, "arl")]
            assert _found(url, issuer, "deltaRevocationList;binary") == [
                _list(made, "delta")
            ]
            assert _found(url, issuer, "cACertificate;binary") == [
                issued.authority_certificate
            ]


def test_ldif_without_a_directory(tmp_path: Path) -> None:
    """It goes to standard output; a file that cannot be written is told."""
    runner, site = CliRunner(), tmp_path / "site"
    assert runner.invoke(main, ["init", str(site), "--prefecture", "08"]).exit_code == 0
    config = str(site / "jpki.toml")
    told = runner.invoke(main, ["revocation", "ldif", "--config", config])
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("dn: C=JP\nobjectClass: top\n")
    assert "objectClass: pkiCA\n" in told.stdout
    output = ["--output", str(tmp_path / "no" / "file")]
    failed = runner.invoke(main, ["revocation", "ldif", "--config", config, *output])
    assert failed.exit_code == 1
    assert "No such file" in failed.output
