"""What commands read from files that people give: documents, certificates, CRLs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError, EncodingError
from jpki.verify.crls import RevocationList
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from jpki.x509.pem import ders

__all__ = ["certificates_in", "crls_in", "read_file", "response_in"]

_MAX_FILE: Final = 64 * 1024 * 1024


def read_file(file: Path) -> bytes:
    """The whole of it.

    Raises:
        ConfigurationError: it cannot be read, or is too large.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(_MAX_FILE + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigurationError(str(file), "(file)", reason) from None
    if len(content) > _MAX_FILE:
        raise ConfigurationError(str(file), "(file)", f"larger than {_MAX_FILE} octets")
    return content


def certificates_in(file: Path) -> list[Certificate]:
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


def crls_in(file: Path) -> list[RevocationList]:
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


def response_in(file: Path) -> OCSPResponse:
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
