"""OpenSSL as another judge, and another maker, of CMS signatures."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["CONTENT", "openssl_accepts", "openssl_signed"]

CONTENT: Final = "転居届\r\n".encode()
"""What `openssl_signed` signs."""


def openssl_accepts(
    folder: Path, signed: bytes, content: bytes, trusted: bytes
) -> bool:
    """Whether `openssl cms -verify` finds the detached CAdES signature good."""
    (folder / "signed.der").write_bytes(signed)
    (folder / "content").write_bytes(content)
    (folder / "trusted.pem").write_text(ssl.DER_cert_to_PEM_cert(trusted))
    command = ["openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER"]
    command += ["-in", "signed.der", "-content", "content", "-out", "verified"]
    # The signer's certificate itself is the anchor: trust is not what is tested here.
    command += ["-CAfile", "trusted.pem", "-partial_chain", "-purpose", "any"]
    command += ["-no_check_time", "-auth_level", "0"]
    done = subprocess.run(command, cwd=folder, capture_output=True)
    accepted = done.returncode == 0
    assert not accepted or (folder / "verified").read_bytes() == content
    return accepted


def openssl_signed(folder: Path, *options: str) -> tuple[bytes, bytes]:
    """A detached signature that OpenSSL made, and its certificate."""
    key, pem = folder / "key.pem", folder / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout"]
    make += [str(key), "-out", str(pem), "-subj", "/CN=Signer", "-days", "1"]
    subprocess.run(make, check=True, capture_output=True)
    (folder / "content").write_bytes(CONTENT)
    command = ["openssl", "cms", "-sign", "-binary", "-in", "content"]
    command += ["-signer", str(pem), "-inkey", str(key), "-outform", "DER"]
    subprocess.run(
        [*command, "-out", "signed.der", *options],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    der = subprocess.run(
        ["openssl", "x509", "-in", str(pem), "-outform", "DER"],
        check=True,
        capture_output=True,
    ).stdout
    return (folder / "signed.der").read_bytes(), der
