"""Other programs that make CRLs of the same revocations."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Final

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from benchmarks.crl_work import AT, Issuer
from jpki.model.revocation import RevocationReason
from jpki.x509.revocation_columns import RevocationColumns

__all__ = ["OpenSSLPeer", "PycaPeer"]

_CONFIGURATION: Final = """
[ca]
default_ca = authority
[authority]
database = index.txt
crlnumber = number
certificate = authority.pem
private_key = authority.key
default_md = sha256
unique_subject = no
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid
"""


class OpenSSLPeer:
    """`openssl ca -gencrl` over an index of as many revoked certificates."""

    def __init__(
        self, issuer: Issuer, columns: RevocationColumns, folder: Path
    ) -> None:
        self._folder = folder
        (folder / "ca.cnf").write_text(_CONFIGURATION, "utf-8")
        (folder / "number").write_text("01\n")
        key = issuer.private_key
        (folder / "authority.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tokyo-to")])
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), 1)
            .not_valid_before(AT)
            .not_valid_after(AT + timedelta(days=3650))
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
            )
            .sign(key, hashes.SHA256())
        )
        (folder / "authority.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        with (folder / "index.txt").open("w") as index:
            for entry in columns.rows():
                index.write(
                    f"R\t{AT + timedelta(days=1826):%y%m%d%H%M%SZ}\t"
                    f"{entry.at:%y%m%d%H%M%SZ},{entry.reason.label}\t"
                    f"{entry.serial:X}\tunknown\t/C=JP/CN={entry.serial:x}\n"
                )
        version = _openssl("version", folder=folder)
        self.name = " ".join(version.split()[:2]) + " ca"

    def crl(self) -> None:
        """Make the list."""
        _openssl(
            *("ca", "-gencrl", "-config", "ca.cnf", "-crldays", "2"),
            *("-out", "out.pem"),
            folder=self._folder,
        )

    def entries(self) -> int:
        """How many the list has that was made last."""
        return len(x509.load_pem_x509_crl((self._folder / "out.pem").read_bytes()))


class PycaPeer:
    """`CertificateRevocationListBuilder`; its objects are made before."""

    def __init__(self, issuer: Issuer, columns: RevocationColumns) -> None:
        self.name = f"pyca {cryptography.__version__}"
        self._key = issuer.private_key
        self._entries = [
            x509.RevokedCertificateBuilder(entry.serial, entry.at)
            .add_extension(x509.CRLReason(_FLAGS[entry.reason]), False)
            .build()
            for entry in columns.rows()
        ]

    def crl(self) -> bytes:
        """Make the list."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tokyo-to")])
        builder = x509.CertificateRevocationListBuilder(
            name, AT, AT + timedelta(days=2)
        )
        for entry in self._entries:
            builder = builder.add_revoked_certificate(entry)
        builder = builder.add_extension(x509.CRLNumber(1), False)
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)


_FLAGS: Final = {
    reason: x509.ReasonFlags[reason.name.lower()]
    for reason in RevocationReason
    if reason.name.lower() in x509.ReasonFlags.__members__
}


def _openssl(*arguments: str, folder: Path) -> str:
    program = shutil.which("openssl")
    if program is None:
        raise FileNotFoundError("openssl is not installed: apt-get install openssl")
    done = subprocess.run(
        [program, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr[-500:]}")
    return done.stdout
