"""Files that `jpki verify` reads: certificates, CRLs, OCSP responses, documents."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jpki.errors import ConfigurationError, EncodingError
from jpki.verify.crls import RevocationList
from jpki.x509.ocsp import OCSPResponse, parse_response
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from jpki.x509.pem import ders

__all__ = ["read_certificates", "read_crls", "read_file", "read_response", "read_token"]

_MAX_FILE: Final = 64 * 1024 * 1024
_LONGEST_TOKEN: Final = 4096


def read_certificates(file: Path) -> list[Certificate]:
    """One certificate or more, PEM or DER.

    Raises:
        ConfigurationError: it cannot be read, or holds none.
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
    """CRLs, PEM or DER.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        lists = ders(read_file(file), "X509 CRL")
        return [RevocationList(parse_crl(der)) for der in lists]
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "CRL", error.message, hint="PEM or DER, X.509"
        ) from None


def read_response(file: Path) -> OCSPResponse:
    """An OCSP response, DER.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return parse_response(read_file(file))
    except EncodingError as error:
        raise ConfigurationError(
            str(file), "OCSP response", error.message, hint="DER, RFC 6960"
        ) from None


def read_token(file: Path) -> str:
    """The token of a registered verifier.

    Raises:
        ConfigurationError: the file holds none.
    """
    try:
        token = read_file(file).decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or len(token) > _LONGEST_TOKEN:
        raise ConfigurationError(str(file), "token", "holds none")
    return token


def read_file(file: Path, limit: int = _MAX_FILE) -> bytes:
    """The whole file.

    Raises:
        ConfigurationError: it cannot be read, or is larger than the limit.
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
