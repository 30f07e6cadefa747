"""OpenSSL judges our timestamps, and we judge OpenSSL's."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from pkilint.bin import lint_crl, lint_pkix_cert

from jpki.documents.timestamp_info import imprint_of
from jpki.documents.timestamp_messages import (
    PKIFailure,
    TimestampRequest,
    encode_request,
    read_request,
    read_response,
)
from jpki.documents.timestamps import parse_token, read_token
from jpki.errors import DocumentError
from jpki.model.suites import SUITES, Digest
from jpki.service.clock import ProcessClock
from jpki.x509.pem import pem
from tests.support.time_authority import TimeAuthority, time_authority

COVERED = "転居届\r\n".encode()
_CONFIGURATION = """\
[tsa]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 2.999.1
other_policies = 2.999.2
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500, microsecs:100
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = {binding}
clock_precision_digits = {digits}
"""


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, check=False
    )


def _authority(suite_id: str = "rsa2048-sha256") -> TimeAuthority:
    yesterday = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    return time_authority(yesterday.replace(hour=0, minute=0, second=0), suite_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is covered, and OpenSSL's request for it."""
    (tmp_path / "data").write_bytes(COVERED)
    return tmp_path


def _verified(folder: Path, response: bytes, root: bytes, *by: str) -> bool:
    (folder / "response").write_bytes(response)
    (folder / "root.pem").write_bytes(pem(root, "CERTIFICATE"))
    done = _run(folder, "ts", "-verify", *by, "-in", "response", "-CAfile", "root.pem")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("suite_id", ["rsa2048-sha256", "p256-sha256", "p384-sha384"])
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_openssl_accepts_our_timestamps(
    folder: Path, suite_id: str, digest: str
) -> None:
    """`openssl ts -query` is understood, and `-verify` takes the answer."""
    query = ["ts", "-query", "-data", "data", f"-{digest}", "-cert", "-out", "query"]
    assert _run(folder, *query).returncode == 0
    ours = _authority(suite_id)
    request = (folder / "query").read_bytes()
    assert read_request(request).imprint == imprint_of(COVERED, Digest(digest))
    response = ours.at(ProcessClock()()).answer(request)
    assert _verified(folder, response, ours.root, "-queryfile", "query")
    assert _verified(folder, response, ours.root, "-data", "data")
    (folder / "data").write_bytes(COVERED + b" ")
    assert not _verified(folder, response, ours.root, "-data", "data")


@pytest.mark.needs("openssl")
def test_openssl_reads_our_messages(folder: Path) -> None:
    """It prints our request as we meant it, and our refusal with its reason."""
    request = encode_request(
        TimestampRequest(
            imprint=imprint_of(COVERED, Digest.SHA256), policy="2.999.77", nonce=77
        )
    )
    (folder / "query").write_bytes(request)
    shown = _run(folder, "ts", "-query", "-in", "query", "-text").stdout
    assert b"Policy OID: 2.999.77" in shown
    assert b"Nonce: 0x4D" in shown
    assert b"Certificate required: yes" in shown
    ours = _authority()
    refusal = ours.at(ProcessClock()()).answer(request)
    (folder / "response").write_bytes(refusal)
    shown = _run(folder, "ts", "-reply", "-in", "response", "-text").stdout
    assert b"Status: Rejected" in shown
    assert b"requested TSA policy is not supported" in shown


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("binding", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("digits", ["0", "6"])
def test_we_accept_openssls_timestamps(folder: Path, binding: str, digits: str) -> None:
    """With either form of signing-certificate, with and without fractions."""
    theirs = _authority()
    asked = TimestampRequest(imprint=imprint_of(COVERED, Digest.SHA384), nonce=1234567)
    response = read_response(
        _openssl_reply(folder, theirs, encode_request(asked), binding, digits)
    )
    assert response.token is not None
    info = parse_token(response.token).info
    assert (info.policy, info.nonce, info.ordering) == ("2.999.1", 1234567, True)
    assert info.accuracy == timedelta(seconds=1, milliseconds=500, microseconds=100)
    stamp = read_token(response.token, COVERED)
    assert abs(stamp.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert stamp.signature.certificate == theirs.certificate
    with pytest.raises(DocumentError):
        read_token(response.token, COVERED + b" ")


@pytest.mark.needs("openssl")
def test_we_understand_openssls_refusal(folder: Path) -> None:
    """A digest that it does not take gives badAlg, without a token."""
    asked = TimestampRequest(imprint=imprint_of(COVERED, Digest.SHA1))
    response = read_response(
        _openssl_reply(folder, _authority(), encode_request(asked), "sha256", "0")
    )
    assert response.failures == {PKIFailure.BAD_ALGORITHM.value}
    assert response.token is None


def _openssl_reply(
    folder: Path, authority: TimeAuthority, request: bytes, binding: str, digits: str
) -> bytes:
    (folder / "query").write_bytes(request)
    text = _CONFIGURATION.format(folder=folder, binding=binding, digits=digits)
    (folder / "tsa.cnf").write_text(text)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.pem").write_bytes(pem(authority.certificate, "CERTIFICATE"))
    (folder / "key.pem").write_bytes(authority.unprotected_key)
    done = _run(
        folder,
        *("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa"),
        *("-queryfile", "query", "-signer", "tsa.pem", "-inkey", "key.pem"),
        *("-out", "reply"),
    )
    assert done.returncode == 0, done.stderr
    return (folder / "reply").read_bytes()


def test_asn1crypto_reads_the_same() -> None:
    """An independent parser finds the same, and re-encodes to the same octets."""
    ours = _authority()
    asked = TimestampRequest(imprint=imprint_of(COVERED, Digest.SHA256), nonce=5)
    at = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)
    at = max(at, ours.parsed.not_before + timedelta(hours=1)).replace(
        microsecond=250_000
    )
    response = ours.at(at).answer(encode_request(asked))
    theirs = tsp.TimeStampResp.load(response, strict=True)
    assert theirs.dump(force=True) == response
    signed = theirs["time_stamp_token"]["content"]
    info = signed["encap_content_info"]["content"].parsed
    assert isinstance(signed, cms.SignedData)
    assert info["gen_time"].native == at
    assert info["nonce"].native == 5
    assert info["message_imprint"]["hashed_message"].native == asked.imprint.value
    assert info["tsa"].chosen.untag().dump() == ours.parsed.subject_der


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("suite_id", sorted(SUITES))
def test_pkilint_finds_nothing(
    suite_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In root, authority and list, at the severity of warnings."""
    ours = _authority(suite_id)
    for name, raw in (("root", ours.root), ("authority", ours.certificate)):
        path = tmp_path / f"{name}.der"
        path.write_bytes(raw)
        lint_pkix_cert.main(["lint", "-s", "WARNING", str(path)])
        assert capsys.readouterr().out.strip() == "", name
    path = tmp_path / "list.crl"
    path.write_bytes(ours.crl(ProcessClock()()))
    lint_crl.main(["lint", "-t", "CRL", "-p", "PKIX", "-s", "WARNING", str(path)])
    assert capsys.readouterr().out.strip() == ""
