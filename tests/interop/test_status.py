"""Other programs ask a running `ocsp_crl` in every era, and agree: one table."""

from __future__ import annotations

import json
import subprocess

import pytest

from jpki.authority.publication.directory import authority_certificates
from jpki.x509.pem import pem
from tests.support.forwarder import forwarder
from tests.support.status_asking import ASKING, ask_java
from tests.support.status_sites import QUESTIONS, StatusSite
from tests.support.status_table import (
    ERAS,
    EXCEPTIONS,
    PROGRAMS,
    WAYS,
    Program,
    expected,
    usual,
)

pytestmark = [pytest.mark.slow, pytest.mark.needs("faketime")]

Sites = dict[str, StatusSite]

_PROGRAMS = [
    pytest.param(
        program,
        id=program.name,
        marks=[pytest.mark.needs(program.component)] if program.component else [],
    )
    for program in PROGRAMS.values()
]


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_program_says_what_the_table_says(
    program: Program, status_sites: Sites
) -> None:
    """Of good, revoked and unknown, in all eras; what it does not know it refuses."""
    verdicts = ASKING[program.name](list(status_sites.values()))
    assert verdicts == {
        (name, era, question): expected(name, era, question)
        for name, way in WAYS.items()
        if way.program == program.name
        for era in ERAS
        for question in QUESTIONS
    }


@pytest.mark.parametrize("program", _PROGRAMS)
def test_the_table_was_made_with_this_version(program: Program) -> None:
    """Another version may judge otherwise: look at the table then."""
    done = subprocess.run(program.command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(program.version)


@pytest.mark.needs("java")
def test_java_asks_by_get(status_sites: Sites) -> None:
    """Its requests are short; slashes of base64 come through (RFC 6960 A.1)."""
    site = status_sites["jlis"]
    port = site.installation.settings.revocation.port
    with forwarder(port) as front:
        verdicts = ask_java([site], f"{front.url}/ocsp")
    assert verdicts == {
        (way, site.era, question): expected(way, site.era, question)
        for way in ("Java PKIX, OCSP",)
        for question in QUESTIONS
    }
    assert {method for method, _ in front.requests} == {"GET"}
    assert len(front.requests) == len(QUESTIONS)


@pytest.mark.needs("openssl")
@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("era", [era for era in ERAS if era != "post-quantum"])
def test_every_list_that_is_served_verifies(era: str, status_sites: Sites) -> None:
    """By `openssl crl` and `certtool --verify-crl`: those of all authorities."""
    site = status_sites[era]
    for known in authority_certificates(site.installation.office):
        if known.self_signed:
            text = pem(known.certificate, "CERTIFICATE")
            (site.folder / f"{known.authority}.pem").write_bytes(text)
    served = json.loads(site.get("/crls"))["crls"]
    assert len(served) >= 4
    for entry in served:
        (site.folder / "served.pem").write_bytes(
            pem(site.get(entry["path"]), "X509 CRL")
        )
        anchor = f"{entry['authority']}.pem"
        output = site.run(
            *("openssl", "crl", "-in", "served.pem", "-noout", "-CAfile", anchor)
        )
        assert output == "verify OK\n", entry
        output = site.run(
            *("certtool", "--verify-crl", "--verify-allow-broken"),
            *("--load-ca-certificate", anchor, "--infile", "served.pem"),
        )
        assert "Verification output: Verified. The certificate is trusted." in output


def test_every_exception_says_something_else_than_usual() -> None:
    """So an exception that is needed no more fails where the program is asked."""
    for exception in EXCEPTIONS:
        for way in exception.ways:
            assert any(
                exception.says != usual(way, question)
                for question in exception.questions
            )
