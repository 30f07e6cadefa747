"""Serial numbers: which one a certificate gets. Pure; whoever asks keeps the count."""

from __future__ import annotations

from enum import Enum
from typing import Final

from jpki.errors import IssuanceError
from jpki.model.ports import Random

__all__ = ["LAST_COUNTED", "RANDOM_OCTETS", "SerialScheme", "next_serial"]

RANDOM_OCTETS: Final = 9
"""70 random bits under two fixed ones, so that all are positive and of one length. At
least 64 are needed (CA/Browser Forum Baseline Requirements 7.1)."""

LAST_COUNTED: Final = (1 << 31) - 1
"""The largest positive INTEGER of four octets: no random number is as small."""


class SerialScheme(Enum):
    """How an authority numbers its certificates."""

    MODERN = "modern"
    """At random: nobody can guess the next one."""
    JPKI_COMPAT = "jpki-compat"
    """Counted in four octets over all generations of the authority's keys, which are
    numbered among the residents' certificates: the certificates of the national
    authority for signatures bear 01, 0132C4AB and 067C6A21 (2015, 2019, 2023)."""


def next_serial(scheme: SerialScheme, *, random: Random, last: int) -> int:
    """The serial number of the authority's next certificate.

    Args:
        last: the highest that the authority has ever reserved, with any of its keys;
            0 if there is none. Read and reserved in one transaction.

    Raises:
        IssuanceError: four octets are used up.
    """
    if scheme is SerialScheme.MODERN:
        octets = bytearray(random(RANDOM_OCTETS))
        octets[0] = octets[0] & 0x3F | 0x40
        return int.from_bytes(octets, "big")
    if last >= LAST_COUNTED:
        raise IssuanceError(
            f"the counter of serial numbers is used up ({last:x})",
            hint="number certificates at random: serial scheme modern",
        )
    return last + 1
