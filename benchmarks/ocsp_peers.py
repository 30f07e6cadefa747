"""Other OCSP responders: cfssl's of signed answers; two that sign each of theirs."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from benchmarks.wrk import Measured
from jpki.cli.supervisor import free_ports
from jpki.errors import ServiceUnavailable
from jpki.model.suites import Digest
from jpki.x509.ocsp import build_request, cert_id
from jpki.x509.parse import parse_certificate
from jpki.x509.pem import ders

__all__ = ["CertomancerPeer", "OneByOne", "OpenSSLPeer", "cfssl", "version"]

_START_SECONDS = 10.0


def version(program: str) -> str:
    """The name of a peer, with its version."""
    line = [program, "version"]
    done = subprocess.run(line, check=True, capture_output=True, text=True)
    words = done.stdout.split()
    return f"{program} {words[1]}"


@contextmanager
def cfssl(folder: Path, answers: Sequence[bytes]) -> Iterator[str]:
    """The URL of `cfssl ocspserve` with these answers, on one processor."""
    file = folder / "answers.txt"
    file.write_text("\n".join(base64.b64encode(each).decode() for each in answers))
    (port,) = free_ports(1)
    with _running(
        ["cfssl", "ocspserve", "-address=127.0.0.1", f"-port={port}",
         f"-responses={file}", "-loglevel=5"],
        port,
        GOMAXPROCS="1",
    ):  # fmt: skip
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OneByOne:
    """One request after the other, each on a connection of its own.

    `openssl ocsp` serves one connection at a time, and wrk gets no answer from it;
    certomancer closes each.
    """

    bodies: Sequence[bytes]

    def run(self, url: str, seconds: int) -> Measured:
        """Load this server for so long."""
        address = urllib.parse.urlsplit(url)
        fields = {"Content-Type": "application/ocsp-request"}
        waits, octets = [], 0
        began = time.monotonic()
        for body in itertools.cycle(self.bodies):
            asked = time.monotonic()
            if asked - began > seconds:
                break
            connection = http.client.HTTPConnection(
                str(address.hostname), address.port, timeout=10
            )
            connection.request("POST", address.path or "/", body, fields)
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                raise ServiceUnavailable(url, f"said {answer.status}")
            octets += len(answer.read())
            connection.close()
            waits.append(time.monotonic() - asked)
        return Measured(
            rate=len(waits) / (asked - began),
            octets=octets / len(waits),
            half=median(waits),
            most=quantiles(waits, n=100, method="inclusive")[98],
        )


class OpenSSLPeer:
    """`openssl ocsp -port` with an authority of its own and an RSA-2048 key."""

    def __init__(self, folder: Path, serials: Sequence[int]) -> None:
        self._folder = folder / "openssl"
        self._folder.mkdir()
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ibaraki-ken")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        self._certificate = certificate.public_bytes(Encoding.DER)
        (self._folder / "authority.pem").write_bytes(
            certificate.public_bytes(Encoding.PEM)
        )
        (self._folder / "authority.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self._folder / "index.txt").write_text(
            "".join(f"V\t300101000000Z\t\t{n:X}\tunknown\t/CN={n:x}\n" for n in serials)
        )
        self._serials = serials

    def requests(self) -> Sequence[bytes]:
        """One question about each, with a nonce."""
        return _requests(self._certificate, self._serials)

    @contextmanager
    def running(self) -> Iterator[str]:
        """The URL."""
        (port,) = free_ports(1)
        with _running(
            ["openssl", "ocsp", "-port", f"{port}", "-index", "index.txt",
             "-CA", "authority.pem", "-rsigner", "authority.pem",
             "-rkey", "authority.key", "-resp_key_id", "-nmin", "15", "-ignore_err"],
            port,
            folder=self._folder,
        ):  # fmt: skip
            yield f"http://127.0.0.1:{port}"


class CertomancerPeer:
    """The responder of certomancer, with an authority of its own and an RSA-2048 key.

    Its file describes the whole PKI, with an entry for every certificate: a few do.
    """

    def __init__(self, folder: Path, serials: Sequence[int]) -> None:
        self._folder = folder / "certomancer"
        self._folder.mkdir()
        key = rsa.generate_private_key(65537, 2048)
        (self._folder / "key.pem").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self._port,) = free_ports(1)
        described = _described(serials, f"http://127.0.0.1:{self._port}")
        # Every JSON document is one of YAML.
        (self._folder / "peer.yml").write_text(json.dumps(described))
        self._serials = serials

    def requests(self) -> Sequence[bytes]:
        """One question about each, with a nonce."""
        line = [*self._program(), "summon", "peer", "authority"]
        made = subprocess.run(line, cwd=self._folder, check=True, capture_output=True)
        (certificate,) = ders(made.stdout, "CERTIFICATE")
        return _requests(certificate, self._serials)

    @contextmanager
    def running(self) -> Iterator[str]:
        """The URL."""
        line = [*self._program(), "animate", "--port", f"{self._port}"]
        with _running(line, self._port, folder=self._folder):
            yield f"http://127.0.0.1:{self._port}/peer/ocsp/status"

    def _program(self) -> Sequence[str]:
        return [sys.executable, "-m", "certomancer", "--config", "peer.yml"]


def _described(serials: Sequence[int], url: str) -> Mapping[str, object]:
    """The PKI of an authority that has issued these, in certomancer's words."""
    now = datetime.now(UTC).replace(microsecond=0)
    validity = {
        "valid-from": (now - timedelta(days=1)).isoformat(),
        "valid-to": (now + timedelta(days=1)).isoformat(),
    }
    common = {"issuer": "authority", "authority-key": "one", "validity": validity}
    subjects = {f"subject-{serial:x}": serial for serial in serials}
    names = ("authority", *subjects)
    service = {
        "for-issuer": "authority",
        "responder-cert": "authority",
        "signing-key": "one",
        "issuer-cert": "authority",
    }
    return {
        "external-url-prefix": url,
        "keysets": {"peer": {"path-prefix": ".", "keys": {"one": {"path": "key.pem"}}}},
        "pki-architectures": {
            "peer": {
                "keyset": "peer",
                "entities": {name: {"common-name": name} for name in names},
                "certs": {
                    name: {
                        **common,
                        "subject": name,
                        "subject-key": "one",
                        "serial": subjects.get(name, 1),
                    }
                    for name in names
                },
                "services": {"ocsp": {"status": service}},
            }
        },
    }


def _requests(authority: bytes, serials: Sequence[int]) -> Sequence[bytes]:
    """A question about each certificate of this authority, with a nonce."""
    own = parse_certificate(authority)
    return [
        build_request(
            [cert_id(own.subject_der, own.public_key, serial, Digest.SHA1)],
            number.to_bytes(32, "big"),
        )
        for number, serial in enumerate(serials)
    ]


@contextmanager
def _running(
    line: Sequence[str], port: int, folder: Path | None = None, **environment: str
) -> Iterator[None]:
    process = subprocess.Popen(
        line,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await_answers(line[0], process, port)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_answers(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/MA")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise ServiceUnavailable(name, "gave no answer")
