"""Lists to be made: revocations as columns, and who signs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from jpki import data
from jpki.der import oids
from jpki.keys.software import SoftwareSigner, generate_private_key
from jpki.model.names import Attribute, Name, StringType
from jpki.model.suites import suite
from jpki.x509.issuers import IssuerView
from jpki.x509.large_crls import prepare_large_crl
from jpki.x509.revocation_columns import NO_DATE, RevocationColumns

__all__ = [
    "AT",
    "COLUMNS",
    "Issuer",
    "loaded",
    "resident",
    "revocations",
    "saved",
]

AT: Final = datetime(2026, 4, 1, tzinfo=UTC)
COLUMNS: Final = ("serials", "revoked_at", "reasons", "invalid_since")

_NAME: Final = Name.of(
    Attribute(oids.COUNTRY, "JP", StringType.PRINTABLE),
    Attribute(oids.ORGANIZATION, "JPKI Reference Test"),
    Attribute(oids.ORGANIZATIONAL_UNIT, "Tokyo-to"),
)

_SHARES: Final = {3: 0.7, 5: 0.17, 4: 0.1, 1: 0.03}
"""Reasons: moved or renamed, died or left, renewed, stolen."""


def revocations(
    count: int, *, mixed: bool = False, ordered: bool = True
) -> RevocationColumns:
    """So many of five years, with serial numbers of nine octets drawn at random.

    Args:
        mixed: a hundredth has no reason, and the stolen have invalidity dates, so
            entries of three lengths alternate.
        ordered: by serial number.
    """
    rng = np.random.default_rng(count)
    serials = np.zeros((count, 20), np.uint8)
    serials[:, 11:] = rng.integers(0, 256, (count, 9), np.uint8)
    serials[:, 11] = serials[:, 11] & 0x3F | 0x40
    end = int(AT.timestamp())
    at = rng.integers(end - 5 * 365 * 86_400, end, count)
    reasons = rng.choice(np.array([*_SHARES], np.uint8), count, p=[*_SHARES.values()])
    dates = None
    if mixed:
        dates = np.where(reasons == 1, at - 3600, NO_DATE)
        reasons[rng.random(count) < 0.01] = 0
    columns = RevocationColumns(
        serials=serials, revoked_at=at, reasons=reasons, invalid_since=dates
    )
    return columns.in_order() if ordered else columns


class Issuer:
    """An authority with an RSA-2048 key, which signs complete lists."""

    def __init__(self) -> None:
        own = suite("rsa2048-sha256")
        self.private_key = generate_private_key(own)
        self.signer = SoftwareSigner(self.private_key, own)
        self._view = IssuerView(
            name=_NAME,
            alternative_name=None,
            key_identifier=bytes(20),
            certificate_issuer=_NAME,
            certificate_serial=1,
            suite=own,
        )
        self._profile = data.crl_profile("crl")

    def crl(self, entries: RevocationColumns) -> memoryview:
        """The signed list."""
        large = prepare_large_crl(
            self._profile,
            issuer=self._view,
            number=int(AT.timestamp()),
            this_update=AT,
            entries=entries,
        )
        return large.signed(self.signer.sign(large.tbs))


def saved(columns: RevocationColumns, folder: Path) -> None:
    """Write the columns, one file each."""
    for name in COLUMNS:
        column = getattr(columns, name)
        if column is not None:
            np.save(folder / f"{name}.npy", column)


def loaded(folder: Path) -> RevocationColumns:
    """The columns that were written there."""
    files = {name: folder / f"{name}.npy" for name in COLUMNS}
    return RevocationColumns(
        **{name: np.load(path) for name, path in files.items() if path.exists()}
    )


def _memory(folder: Path) -> Mapping[str, int]:
    """Octets: of the list, and of the peak above what was in use before it was made."""
    issuer = Issuer()
    issuer.crl(revocations(10_000, mixed=True))
    columns = loaded(folder)
    before = resident("VmRSS")
    size = len(issuer.crl(columns))
    return {"output": size, "growth": resident("VmHWM") - before}


def resident(which: str) -> int:
    """Octets in memory, now or at most; `getrusage` would count the parent's, too."""
    status = Path("/proc/self/status").read_text("ascii")
    (line,) = (line for line in status.splitlines() if line.startswith(f"{which}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(_memory(Path(sys.argv[1]))))
