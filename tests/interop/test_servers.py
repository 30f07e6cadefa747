"""Other programs ask the running servers: OpenSSL, GnuTLS and certvalidator."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathValidationError, RevokedError
from pyhanko_certvalidator.policy_decl import PKIXValidationParams

from jpki import data
from jpki.authority.publication.directory import authority_certificates
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.pem import ders, pem
from tests.support.installation import (
    GOVERNOR,
    Installation,
    new_key,
    request_for,
    running_installation,
    send,
)

_POLICY: Final = data.topology().governor_policy


@dataclass(kw_only=True)
class Site:
    """A running installation and what a verifier has of it, in files."""

    installation: Installation
    folder: Path
    good: bytes
    revoked: bytes
    """By a move to another house."""

    @property
    def url(self) -> str:
        """Of the responder."""
        return f"{self.installation.status_url}/ocsp"

    def file(self, name: str) -> Path:
        """One of the files by its name."""
        return self.folder / name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two residents' certificates, one of them revoked; lists and chains in files."""
    folder = tmp_path_factory.mktemp("interop")
    with running_installation(folder / "site") as installation:
        good = installation.certified()
        resident = installation.newcomer()
        moved = installation.certified(resident)
        installation.move(resident)
        certificates = {"good": good.certificate, "revoked": moved.certificate}
        chain = b""
        home = installation.issuer.subject_der
        for entry in authority_certificates(installation.office):
            if entry.self_signed:
                certificates[entry.authority] = entry.certificate
            # OpenSSL does not look for a way: it takes the first issuer of each name.
            elif (
                entry.authority == "governor-13"
                or parse_certificate(entry.certificate).subject_der == home
            ):
                chain += pem(entry.certificate, "CERTIFICATE")
        for name, raw in certificates.items():
            (folder / f"{name}.pem").write_bytes(pem(raw, "CERTIFICATE"))
        (folder / "chain.pem").write_bytes(chain)
        _keep_lists(installation, folder, moved.serial)
        yield Site(
            installation=installation,
            folder=folder,
            good=good.certificate,
            revoked=moved.certificate,
        )


def _keep_lists(installation: Installation, folder: Path, serial: int) -> None:
    """All current lists, as soon as the governor's carries this serial number."""
    port = installation.settings.revocation.port
    deadline = time.monotonic() + 10
    listed = False
    while not listed and time.monotonic() < deadline:
        every = b""
        for entry in send(port, "GET", "/crls").document["crls"]:
            der = send(port, "GET", entry["path"]).body
            name = f"{entry['authority']}-{entry['scope']}"
            (folder / f"{name}.crl").write_bytes(der)
            (folder / f"{name}.crl.pem").write_bytes(pem(der, "X509 CRL"))
            every += pem(der, "X509 CRL")
            listed = listed or parse_crl(der).lookup(serial) is not None
        (folder / "lists.pem").write_bytes(every)
    assert listed


def _run(*command: str | Path, ok: bool = True) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    output = result.stdout + result.stderr
    assert (result.returncode == 0) == ok, output
    return output


# -- OpenSSL --------------------------------------------------------------------------


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
@pytest.mark.parametrize("status", ["good", "revoked", "unknown"])
def test_openssl_asks_the_responder(site: Site, status: str, digest: str) -> None:
    """With a nonce, which comes back; the answer verifies."""
    issuer = site.file(f"{GOVERNOR}.pem")
    subject: tuple[str | Path, str | Path]
    if status == "unknown":
        subject = ("-serial", "0x1234567890abcdef")
    else:
        subject = ("-cert", site.file(f"{status}.pem"))
    output = _run(
        *("openssl", "ocsp", digest, "-issuer", issuer, *subject),
        *("-CAfile", issuer, "-url", site.url, "-nonce"),
    )
    assert "Response verify OK" in output
    assert f"{subject[1]}: {status}" in output
    assert "nonce" not in output.lower()
    assert ("Reason: affiliationChanged" in output) is (status == "revoked")


@pytest.mark.needs("openssl")
def test_openssl_asks_about_two_at_once(site: Site) -> None:
    """One request, one answer, two states."""
    issuer = site.file(f"{GOVERNOR}.pem")
    output = _run(
        *("openssl", "ocsp", "-issuer", issuer, "-CAfile", issuer, "-url", site.url),
        *("-cert", site.file("good.pem"), "-cert", site.file("revoked.pem")),
    )
    assert f"{site.file('good.pem')}: good" in output
    assert f"{site.file('revoked.pem')}: revoked" in output


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("authority", [GOVERNOR, "governor-13", "bridge"])
def test_openssl_verifies_every_list(site: Site, authority: str) -> None:
    """Against the authority's self-signed certificate."""
    for scope in ("crl", "arl"):
        file = site.file(f"{authority}-{scope}.crl")
        if not file.exists():
            continue
        anchor = site.file(f"{authority}.pem")
        output = _run(
            *("openssl", "crl", "-inform", "DER", "-in", file),
            *("-CAfile", anchor, "-noout"),
        )
        assert "verify OK" in output


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("anchor", [GOVERNOR, "governor-13"])
def test_openssl_verifies_with_lists_and_policy(site: Site, anchor: str) -> None:
    """At home, and from the other prefecture through the bridge."""

    def verify(name: str, *more: str, ok: bool) -> str:
        return _run(
            *("openssl", "verify", "-x509_strict", "-crl_check"),
            *("-explicit_policy", "-policy", *(more or (_POLICY,))),
            *("-CAfile", site.file(f"{anchor}.pem")),
            *("-untrusted", site.file("chain.pem")),
            *("-CRLfile", site.file("lists.pem")),
            site.file(f"{name}.pem"),
            ok=ok,
        )

    assert verify("good", ok=True).endswith(": OK\n")
    assert "certificate revoked" in verify("revoked", ok=False)
    assert "no explicit policy" in verify("good", "2.999.9", ok=False)


@pytest.mark.needs("openssl")
def test_openssls_request_is_certified(site: Site) -> None:
    """A card of another maker: the PKCS#10 request comes from OpenSSL."""
    client = site.installation.client()
    filed = client.file_application(site.installation.newcomer(), "by OpenSSL")
    config, request = site.file("request.cnf"), site.file("request.der")
    config.write_text(
        "[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\n[dn]\nCN=x\n"
        f"[at]\nchallengePassword={filed.challenge}\n"
    )
    _run(
        *("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-sha256"),
        *("-config", config, "-keyout", site.file("request.key")),
        *("-outform", "DER", "-out", request),
    )
    issued = client.certify(filed.id, request.read_bytes())
    assert issued.application.state == "issued"


# -- GnuTLS ---------------------------------------------------------------------------


@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("name", ["good", "revoked"])
def test_gnutls_asks_the_responder(site: Site, name: str) -> None:
    """And verifies the answer against the governor's certificate."""
    issuer = site.file(f"{GOVERNOR}.pem")
    output = subprocess.run(
        [
            *("ocsptool", f"--ask={site.url}", "--nonce"),
            *("--load-cert", str(site.file(f"{name}.pem"))),
            *("--load-issuer", str(issuer), "--load-trust", str(issuer)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    assert f"Certificate Status: {name}" in output
    assert "Success" in output


@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("authority", [GOVERNOR, "governor-13", "bridge"])
def test_gnutls_verifies_every_list(site: Site, authority: str) -> None:
    """Against the authority's self-signed certificate."""
    output = _run(
        *(
            "certtool",
            "--verify-crl",
            "--infile",
            site.file(f"{authority}-crl.crl.pem"),
        ),
        *("--load-ca-certificate", site.file(f"{authority}.pem")),
    )
    assert "Verified" in output
    assert "Not verified" not in output


# -- certvalidator --------------------------------------------------------------------


def _validate(site: Site, leaf: bytes, policy: str, *, by_ocsp: bool) -> None:
    """Validate from the other prefecture, with revocation required of all."""
    lists = ders(site.file("lists.pem").read_bytes(), "X509 CRL")
    answers = []
    if by_ocsp:
        home = parse_certificate(leaf).issuer_der
        lists = [raw for raw in lists if parse_crl(raw).issuer_der != home]
        status = site.installation.status()
        answers = [status.ocsp(parse_certificate(leaf), site.installation.issuer)]
    (anchor,) = ders(site.file("governor-13.pem").read_bytes(), "CERTIFICATE")
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(anchor)],
        crls=[asn1_crl.CertificateList.load(raw) for raw in lists],
        ocsps=[asn1_ocsp.OCSPResponse.load(raw) for raw in answers],
        allow_fetching=False,
        revocation_mode="require",
    )
    validator: Any = CertificateValidator(  # its methods bear no types
        asn1.Certificate.load(leaf),
        intermediate_certs=[
            asn1.Certificate.load(raw)
            for raw in ders(site.file("chain.pem").read_bytes(), "CERTIFICATE")
        ],
        validation_context=context,
        pkix_params=PKIXValidationParams(
            user_initial_policy_set=frozenset({policy}), initial_explicit_policy=True
        ),
    )
    asyncio.run(validator.async_validate_usage({"non_repudiation"}))


@pytest.mark.parametrize("by_ocsp", [False, True], ids=["crl", "ocsp"])
def test_certvalidator_comes_to_the_same_verdicts(site: Site, by_ocsp: bool) -> None:
    """Through the bridge: good, revoked, and without the policy asked for."""
    _validate(site, site.good, _POLICY, by_ocsp=by_ocsp)
    with pytest.raises(RevokedError, match="affiliation"):
        _validate(site, site.revoked, _POLICY, by_ocsp=by_ocsp)
    with pytest.raises(PathValidationError, match="policies"):
        _validate(site, site.good, "2.999.9", by_ocsp=by_ocsp)


def test_a_certificate_can_be_had_after_all_that(site: Site) -> None:
    """Whatever the others asked, the servers still serve."""
    client = site.installation.client()
    filed = client.file_application(site.installation.newcomer(), "after all")
    client.certify(filed.id, request_for(filed.challenge, new_key()))
    site.installation.check_books()
