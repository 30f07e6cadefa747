"""Other implementations judge what the profiles make: OpenSSL, GnuTLS, pyca.

Every certificate, CRL and OCSP answer of every era is parsed; where the program knows
the algorithm, its signature is checked as well.
"""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from jpki import data
from jpki.der import oids
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import Digest
from jpki.x509.large_crls import prepare_large_crl
from jpki.x509.ocsp import build_request, cert_id, parse_request
from jpki.x509.parse import parse_certificate
from jpki.x509.requests import assemble, request_info
from jpki.x509.revocation_columns import columns_of
from tests.support.reference_pki import FOUNDED, ReferencePKI, reference_pki

_OPENSSL_ERAS: Final = [era for era in FOUNDED if era != "post-quantum"]
"""Debian 12's OpenSSL 3.0 has no ML-DSA."""

_SHA256: Final = "prefectural-sha256"
_POLICY: Final = data.topology().governor_policy


def _run(*command: str | Path, ok: bool = True) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    output = result.stdout + result.stderr
    assert (result.returncode == 0) == ok, output
    return output


def _files(pki: ReferencePKI, folder: Path, *names: str) -> list[Path]:
    """These certificates as PEM files."""
    paths = []
    for name in names:
        der = folder / f"{name}.der"
        der.write_bytes(pki.certificates[name])
        pem = folder / f"{name}.pem"
        _run("openssl", "x509", "-inform", "DER", "-in", der, "-out", pem)
        paths.append(pem)
    return paths


def _revoked(pki: ReferencePKI) -> Revocation:
    return Revocation(
        serial=parse_certificate(pki.certificates["signature"]).serial,
        at=pki.at,
        reason=RevocationReason.AFFILIATION_CHANGED,
        invalidity_date=pki.at,
    )


def _moment(pki: ReferencePKI) -> str:
    """Two hours after the authorities were founded, as `openssl -attime` has it."""
    return str(int((pki.at + timedelta(hours=2)).timestamp()))


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", FOUNDED)
def test_openssl_parses_every_certificate(era: str, tmp_path: Path) -> None:
    """And finds the names that were meant."""
    for name, raw in reference_pki(era).certificates.items():
        path = tmp_path / f"{name}.der"
        path.write_bytes(raw)
        text = _run("openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-text")
        assert "JPKI Reference Test" in text
        assert "<unsupported>" not in text
        assert "Unable to" not in text or era == "post-quantum"


@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("era", FOUNDED)
def test_gnutls_parses_every_certificate(era: str, tmp_path: Path) -> None:
    """GnuTLS is stricter than others about DER."""
    for name, raw in reference_pki(era).certificates.items():
        path = tmp_path / f"{name}.der"
        path.write_bytes(raw)
        text = _run("certtool", "--certificate-info", "--inder", "--infile", path)
        assert "JPKI Reference Test" in text


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", _OPENSSL_ERAS)
def test_openssl_accepts_a_resident_under_their_own_authority(
    era: str, tmp_path: Path
) -> None:
    """With strict checks, a required policy, and a CRL that does not list them."""
    pki = reference_pki(era)
    anchor, leaf = _files(pki, tmp_path, "a", "signature")
    crl = tmp_path / "a.crl"
    crl.write_bytes(pki.crl(pki.a))
    pem = tmp_path / "a.crl.pem"
    _run("openssl", "crl", "-inform", "DER", "-in", crl, "-out", pem)
    _run(
        *("openssl", "verify", "-x509_strict", "-check_ss_sig", "-crl_check"),
        *("-auth_level", "0", "-attime", _moment(pki)),
        *("-policy", _POLICY, "-explicit_policy"),
        *("-CAfile", anchor, "-CRLfile", pem, leaf),
    )


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", _OPENSSL_ERAS)
@pytest.mark.parametrize("role", ["crl", "crl-partition"])
def test_openssl_sees_a_revocation(era: str, role: str, tmp_path: Path) -> None:
    """In the complete list, and in the partition of the resident's municipality."""
    pki = reference_pki(era)
    anchor, leaf = _files(pki, tmp_path, "a", "signature")
    der, pem = tmp_path / "crl.der", tmp_path / "crl.pem"
    der.write_bytes(pki.crl(pki.a, _revoked(pki), role=role))
    _run("openssl", "crl", "-inform", "DER", "-in", der, "-out", pem)
    output = _run(
        *("openssl", "verify", "-crl_check", "-auth_level", "0"),
        *("-attime", _moment(pki), "-CAfile", anchor, "-CRLfile", pem, leaf),
        ok=False,
    )
    assert "certificate revoked" in output


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", ["prefectural-sha1", _SHA256])
def test_openssl_accepts_a_resident_of_another_prefecture_through_the_bridge(
    era: str, tmp_path: Path
) -> None:
    """The policy survives both mappings; another policy is refused."""
    pki = reference_pki(era)
    anchor, leaf, first, second = _files(
        pki, tmp_path, "b", "signature", "b-to-bridge", "bridge-to-a"
    )
    untrusted = tmp_path / "untrusted.pem"
    untrusted.write_text(first.read_text() + second.read_text())

    def verify(policy: str, *, ok: bool) -> str:
        return _run(
            *("openssl", "verify", "-x509_strict", "-auth_level", "0"),
            *("-attime", _moment(pki), "-policy", policy, "-explicit_policy"),
            *("-trusted", anchor, "-untrusted", untrusted, "-show_chain", leaf),
            ok=ok,
        )

    output = verify(_POLICY, ok=True)
    assert "depth=3" in output
    assert "BridgeCA" in output
    assert "no explicit policy" in verify("2.999.9", ok=False)


@pytest.mark.needs("openssl")
def test_openssl_finds_a_list_for_every_certificate_of_the_bridged_path(
    tmp_path: Path,
) -> None:
    """A partition for the resident, authority lists for the others; each counts."""
    pki = reference_pki(_SHA256)
    assert pki.bridge is not None
    anchor, leaf, first, second = _files(
        pki, tmp_path, "b", "signature", "b-to-bridge", "bridge-to-a"
    )
    untrusted = tmp_path / "untrusted.pem"
    untrusted.write_text(first.read_text() + second.read_text())
    cross = parse_certificate(pki.certificates["bridge-to-a"])
    gone = Revocation(
        serial=cross.serial, at=pki.at, reason=RevocationReason.CA_COMPROMISE
    )

    def verify(*revoked: Revocation, ok: bool) -> str:
        assert pki.bridge is not None
        lists = tmp_path / "lists.pem"
        text = ""
        for number, crl in enumerate(
            (
                pki.crl(pki.a, role="crl-partition"),
                pki.crl(pki.bridge, *revoked, role="arl"),
                pki.crl(pki.b, role="arl"),
            )
        ):
            der, pem = tmp_path / f"{number}.crl", tmp_path / f"{number}.pem"
            der.write_bytes(crl)
            _run("openssl", "crl", "-inform", "DER", "-in", der, "-out", pem)
            text += pem.read_text()
        lists.write_text(text)
        return _run(
            *("openssl", "verify", "-x509_strict", "-crl_check_all"),
            *("-attime", _moment(pki), "-policy", _POLICY, "-explicit_policy"),
            *("-trusted", anchor, "-untrusted", untrusted, "-CRLfile", lists, leaf),
            ok=ok,
        )

    verify(ok=True)
    assert "certificate revoked" in verify(gone, ok=False)


@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("era", ["prefectural-sha1", _SHA256, "jlis", "next-gen"])
def test_gnutls_parses_and_verifies_crls(era: str, tmp_path: Path) -> None:
    """With entries of every kind."""
    pki = reference_pki(era)
    der = tmp_path / "a.crl"
    der.write_bytes(pki.crl(pki.a, _revoked(pki)))
    text = _run("certtool", "--crl-info", "--inder", "--infile", der)
    assert "Revoked certificates (1)" in text
    assert "Issuer: OU=" in text


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", _OPENSSL_ERAS)
@pytest.mark.parametrize("revoked", [False, True])
def test_openssl_accepts_the_ocsp_answer(
    era: str, revoked: bool, tmp_path: Path
) -> None:
    """Request by OpenSSL, read by us; answer by us, verified by OpenSSL."""
    pki = reference_pki(era)
    anchor, leaf = _files(pki, tmp_path, "a", "signature")
    request, answer = tmp_path / "request.der", tmp_path / "answer.der"
    _run(
        *("openssl", "ocsp", "-issuer", anchor, "-cert", leaf),
        *("-reqout", request),
    )
    asked = parse_request(request.read_bytes())
    status = _revoked(pki) if revoked else None
    answer.write_bytes(pki.ocsp(status, asked=asked.entries[0], nonce=asked.nonce))
    trust = ("-CAfile", anchor, "-attime", _moment(pki))
    output = _run(
        *("openssl", "ocsp", "-reqin", request, "-respin", answer, *trust),
    )
    assert "Response verify OK" in output
    assert "nonce" not in output.lower()
    output = _run(
        *("openssl", "ocsp", "-issuer", anchor, "-cert", leaf, "-respin", answer),
        *("-no_nonce", *trust, "-validity_period", "900000000"),
    )
    assert f"{leaf}: {'revoked' if revoked else 'good'}" in output
    assert ("affiliationChanged" in output) is revoked


@pytest.mark.needs("gnutls")
@pytest.mark.parametrize("era", ["prefectural-sha1", _SHA256, "jlis", "next-gen"])
def test_gnutls_parses_the_ocsp_answer(era: str, tmp_path: Path) -> None:
    """ocsptool prints what the answer says."""
    pki = reference_pki(era)
    answer = tmp_path / "answer.der"
    answer.write_bytes(pki.ocsp(_revoked(pki)))
    text = _run("ocsptool", "--response-info", "--infile", answer)
    assert "Certificate Status: revoked" in text


@pytest.mark.needs("openssl")
def test_openssl_verifies_our_request_for_certification(tmp_path: Path) -> None:
    """PKCS#10 with a challenge and no name."""
    key = reference_pki(_SHA256).keys["signature"]
    info = request_info(key.public_key, "application-0001")
    path = tmp_path / "request.der"
    path.write_bytes(assemble(info, key.suite, key.sign(info)))
    text = _run(
        *("openssl", "req", "-inform", "DER", "-in", path, "-noout", "-text"),
        *("-verify",),
    )
    assert "verify OK" in text
    assert "application-0001" in text


@pytest.mark.parametrize("era", FOUNDED)
def test_pyca_reads_the_same_values(era: str) -> None:
    """Serial number, times, names and extensions, by an implementation in Rust."""
    for raw in reference_pki(era).certificates.values():
        ours = parse_certificate(raw)
        theirs = x509.load_der_x509_certificate(raw)
        assert ours.serial == theirs.serial_number
        assert (ours.not_before, ours.not_after) == (
            theirs.not_valid_before_utc,
            theirs.not_valid_after_utc,
        )
        assert ours.subject_der == theirs.subject.public_bytes()
        assert ours.issuer_der == theirs.issuer.public_bytes()
        assert ours.tbs == theirs.tbs_certificate_bytes
        assert list(ours.extensions) == [
            extension.oid.dotted_string for extension in theirs.extensions
        ]


@pytest.mark.parametrize("era", FOUNDED)
def test_pyca_reads_our_crl_and_ocsp_messages(era: str) -> None:
    """Entries, numbers, and a request that is asked back."""
    pki = reference_pki(era)
    line = _revoked(pki)
    crl = x509.load_der_x509_crl(pki.crl(pki.a, line))
    entry = crl.get_revoked_certificate_by_serial_number(line.serial)
    assert entry is not None
    assert entry.revocation_date_utc == line.at
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.affiliation_changed
    issuer = pki.a.parsed
    asked = cert_id(issuer.subject_der, issuer.public_key, line.serial, Digest.SHA256)
    request = ocsp.load_der_ocsp_request(build_request([asked], b"n" * 32))
    assert request.serial_number == line.serial
    assert request.extensions[0].oid.dotted_string == oids.OCSP_NONCE
    answer = ocsp.load_der_ocsp_response(pki.ocsp(line))
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert answer.revocation_time_utc == line.at


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("era", _OPENSSL_ERAS)
def test_openssl_crosses_from_one_key_of_an_authority_to_the_other(
    era: str, tmp_path: Path
) -> None:
    """Who trusts one key only accepts the other, and with it the same policies.

    National certificates name the certificate of their issuer's key, not only the key:
    OpenSSL accepts no other certificate of the same key in its place.
    """
    pki = reference_pki(era)
    names = ("a", "a-2", "a-old-with-new", "a-new-with-old", "signature")
    old, new, old_with_new, new_with_old, leaf = _files(pki, tmp_path, *names)
    begins = parse_certificate(pki.certificates["a-2"]).not_before
    common = (
        *("openssl", "verify", "-x509_strict", "-auth_level", "0"),
        *("-attime", str(int(begins.timestamp()))),
    )
    policy = ("-policy", _POLICY, "-explicit_policy")
    named = parse_certificate(pki.certificates["signature"]).authority_key_identifier
    assert named is not None
    _run(
        *(*common, *policy, "-trusted", new, "-untrusted", old_with_new, leaf),
        ok=named.serial is None,
    )
    _run(*common, "-trusted", old, new_with_old)
    _run(*common, "-trusted", new, leaf, ok=False)


def test_openssl_reads_a_large_crl_and_checks_its_signature(tmp_path: Path) -> None:
    """Made from columns, with serial numbers of every length and both forms of time."""
    pki = reference_pki(_SHA256)
    reasons = list(RevocationReason)
    entries = [
        Revocation(
            serial=(1 << (8 * octets - 1)) - 1 - step,
            at=pki.at + timedelta(days=5000 * step),
            reason=reasons[(octets + step) % len(reasons)],
            invalidity_date=pki.at if step else None,
        )
        for octets in range(1, 21)
        for step in range(3)
    ]
    large = prepare_large_crl(
        data.crl_profile("crl"),
        issuer=pki.a.view,
        number=7,
        this_update=pki.at + timedelta(days=15_000),
        entries=columns_of(entries).in_order(),
    )
    path = tmp_path / "large.crl"
    path.write_bytes(large.signed(pki.a.signer.sign(large.tbs)))
    (authority,) = _files(pki, tmp_path, "a")
    shown = _run(
        *("openssl", "crl", "-inform", "DER", "-in", path),
        *("-CAfile", authority, "-noout", "-text"),
    )
    assert "verify OK" in shown
    found = re.findall(r"Serial Number: ([0-9A-F]+)\n +Revocation Date: (.+)", shown)
    assert [(int(serial, 16), " ".join(date.split())) for serial, date in found] == [
        (entry.serial, f"{entry.at:%b} {entry.at.day} {entry.at:%H:%M:%S %Y} GMT")
        for entry in sorted(entries, key=lambda entry: entry.serial)
    ]
