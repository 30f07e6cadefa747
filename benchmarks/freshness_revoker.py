"""Revokes at a steady rate, and tells when each group was committed.

    python -m benchmarks.freshness_revoker CONFIG RATE SECONDS

One line of JSON for each group: its last serial number, and the monotonic time of its
commit, which is the same for all processes of a machine. At the end one more: how many
were revoked, and in how many seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.ocsp_rig import GOVERNOR, OPERATOR, serial_numbers
from jpki.authority import RevocationRequest, revoke_all
from jpki.authority.office import Office
from jpki.model.revocation import RevocationReason
from jpki.service.clock import ProcessClock
from jpki.service.office import open_office, open_register
from jpki.service.settings import load

__all__ = ["last_of_groups"]

_GROUPS: Final = 20
"""In a second."""


def last_of_groups(rate: int, seconds: int) -> Sequence[int]:
    """The serial number that is told of each group."""
    size = rate // _GROUPS
    return serial_numbers(rate * seconds)[size - 1 :: size]


def _main(config: str, rate: int, seconds: int) -> None:
    settings, clock = load(Path(config)), ProcessClock()
    office = open_office(settings, open_register(settings, clock))
    serials = serial_numbers(rate * seconds)
    size = rate // _GROUPS
    _revoke(office, serials[:size])
    began = time.monotonic()
    for number, start in enumerate(range(size, len(serials), size)):
        # Whoever is late goes on at once, and makes up for it.
        time.sleep(max(0.0, began + number / _GROUPS - time.monotonic()))
        _revoke(office, serials[start : start + size])
    took = time.monotonic() - began
    print(json.dumps({"revoked": len(serials) - size, "seconds": took}), flush=True)
    office.store.close()


def _revoke(office: Office, serials: Sequence[int]) -> None:
    wishes = [
        RevocationRequest(
            authority=GOVERNOR,
            serial=serial,
            reason=RevocationReason.AFFILIATION_CHANGED,
            ground="moved",
        )
        for serial in serials
    ]
    for answer in revoke_all(office, wishes, at=ProcessClock()(), by=OPERATOR):
        if isinstance(answer, Exception):
            raise answer
    told = {"serial": serials[-1], "committed": time.monotonic()}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
