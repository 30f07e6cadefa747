"""What a key may be used for, as certificates say it."""

from __future__ import annotations

from enum import Enum

__all__ = ["KeyUsage"]


class KeyUsage(Enum):
    """Bits of the key usage extension (RFC 5280 4.2.1.3), by position."""

    DIGITAL_SIGNATURE = 0
    NON_REPUDIATION = 1
    KEY_ENCIPHERMENT = 2
    DATA_ENCIPHERMENT = 3
    KEY_AGREEMENT = 4
    KEY_CERT_SIGN = 5
    CRL_SIGN = 6
    ENCIPHER_ONLY = 7
    DECIPHER_ONLY = 8

    @property
    def label(self) -> str:
        """The ASN.1 name, such as `nonRepudiation`."""
        if self is KeyUsage.CRL_SIGN:
            return "cRLSign"
        first, *rest = self.name.lower().split("_")
        return first + "".join(word.capitalize() for word in rest)
