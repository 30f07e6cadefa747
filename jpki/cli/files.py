"""What commands read from files that people give: documents, certificates, CRLs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError, EncodingError
from jpki.verify.crls import RevocationList
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from jpki.x509.pem import ders

__all__ = [
    "read_certificates",
    "read_crls",
    "read_file",
    "read_response",
    "require_another",
]

_MAX_FILE: Final = 64 * 1024 * 1024


def read_file(file: Path, limit: int = _MAX_FILE) -> bytes:
    """The whole of it.

    Args:
        limit: octets of the largest file that is read.

    Raises:
        ConfigurationError: it cannot be read, or is too large.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(str(file), "(file)", reason) from None
    if len(content) > limit:
        raise ConfigurationError(str(file), "(file)", f"larger than {limit} octets")
    return content


def require_another(output: Path | None, document: Path) -> None:
    """A signature must not take the place of what was signed.

    Raises:
        ConfigurationError: both are one file.
    """
    try:
        same = output is not None and output.samefile(document)
    except OSError:
        return  # One of them is not there.
    if same:
        raise ConfigurationError(
            "command line",
            "--output",
            f"{document} is the document itself and would be lost",
            hint="give the signature a name of its own",
        )


def read_certificates(file: Path) -> list[Certificate]:
    """At least one, PEM or DER.

    Raises:
        ConfigurationError: there is none, or one cannot be read.
    """
    try:
        found = [parse_certificate(der) for der in ders(read_file(file), "CERTIFICATE")]
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "certificate", error.message, hint="PEM or DER, X.509"
        ) from None
    if not found:
        raise ConfigurationError(str(file), "certificate", "holds none")
    return found


def read_crls(file: Path) -> list[RevocationList]:
    """All, PEM or DER.

    Raises:
        ConfigurationError: one cannot be read.
    """
    try:
        return [
            RevocationList(parse_crl(der)) for der in ders(read_file(file), "X509 CRL")
        ]
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "CRL", error.message, hint="PEM or DER, X.509"
        ) from None


def read_response(file: Path) -> OCSPResponse:
    """The OCSP response, DER.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return parse_response(read_file(file))
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "OCSP response", error.message, hint="DER, RFC 6960"
        ) from None
