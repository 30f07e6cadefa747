"""Where an authority's files are, and opening its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jpki.errors import ConfigurationError, EncodingError
from jpki.keys.files import file_uri, open_signer
from jpki.keys.software import SoftwareSigner
from jpki.service.secrets import passphrase_from
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.pem import ders

__all__ = ["Place"]

_MAX_CERTIFICATE_FILE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that `jpki tsa init` made."""

    folder: Path

    @property
    def root(self) -> Path:
        """The root's certificate, PEM: what a verifier trusts."""
        return self.folder / "root.pem"

    @property
    def authority(self) -> Path:
        """The authority's certificate, PEM."""
        return self.folder / "tsa.pem"

    @property
    def crl(self) -> Path:
        """The root's newest list, DER."""
        return self.folder / "root.crl"

    @property
    def root_key(self) -> Path:
        """The root's key, encrypted."""
        return self.folder / "keys" / "root.pem"

    @property
    def authority_key(self) -> Path:
        """The authority's key, encrypted."""
        return self.folder / "keys" / "tsa.pem"

    @property
    def passphrase(self) -> Path:
        """What encrypts them."""
        return self.folder / "keys" / "passphrase.txt"

    def certificate(self, file: Path) -> Certificate:
        """The one certificate in this file.

        Raises:
            ConfigurationError: there is none.
        """
        try:
            with file.open("rb") as stream:
                content = stream.read(_MAX_CERTIFICATE_FILE)
            (der,) = ders(content, "CERTIFICATE")
            return parse_certificate(der)
        except (OSError, ValueError, EncodingError) as error:
            reason = getattr(error, "strerror", None) or "holds no certificate"
            raise ConfigurationError(
                str(self.folder), file.name, reason, hint="jpki tsa init DIR makes one"
            ) from None

    def signer(self, file: Path) -> SoftwareSigner:
        """The key in this file.

        Raises:
            ConfigurationError, KeyProviderError: it cannot be opened.
        """
        return open_signer(file_uri(file), passphrase_from(self.passphrase))
