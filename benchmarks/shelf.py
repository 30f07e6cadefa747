"""A verifier's list of a million revocations, from the shelf: loading, look-up, memory.

The limit of loading is SHA-256 over the file, without which nobody could say that it is
what was laid there. Memory is what a process that loads the list and looks serial
numbers up holds more than one that does not. Peers parse the same list and look the
same serial numbers up.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from cryptography import x509

from benchmarks.crl_work import AT, Issuer, revocations
from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating
from jpki.verify.shelf import Shelf
from jpki.x509.certificate_lists import CertificateList
from jpki.x509.parse import parse_crl

__all__ = ["run"]

_NAME: Final = "http://127.0.0.1/crl"
_MIB: Final = 1 << 20

_LOAD: Final = """
import json, sys
from pathlib import Path
from jpki.verify.shelf import Shelf
def resident():
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
folder, serials = Path(sys.argv[1]), json.loads(sys.argv[2])
before = resident()
crl = Shelf(folder).find_list(sys.argv[3]).crl
found = [crl.find(serial) is not None for serial in serials]
assert all(found)
print(resident() - before)
"""


def run(quick: bool) -> Sequence[Figure]:
    """Lay a list down, and take it from the shelf as processes do."""
    count = 100_000 if quick else 1_000_000
    columns = revocations(count, mixed=True)
    octets = bytes(Issuer().crl(columns))
    serials = [
        int.from_bytes(row.tobytes(), "big")
        for row in columns.serials[:: count // 2000]
    ]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "shelf"
        Shelf(folder).put_list(_NAME, octets, '"tag"', AT)
        (file,) = folder.glob("*.crl")
        seconds = alternating(
            {
                "load": lambda: _loaded(folder),
                "limit": lambda: hashlib.sha256(file.read_bytes()).digest(),
                "parse_crl": lambda: parse_crl(octets),
                "pyca": lambda: len(x509.load_der_x509_crl(octets)),
            },
            rounds=3 if quick else 7,
        )
        crl, theirs = _loaded(folder), x509.load_der_x509_crl(octets)
        ours = _micros(lambda: [crl.find(serial) for serial in serials], len(serials))
        some = serials[:20]
        peer = _micros(
            lambda: [
                theirs.get_revoked_certificate_by_serial_number(serial)
                for serial in some
            ],
            len(some),
        )
        resident = _resident(folder, serials)
    size = f"{count:,} entries, {len(octets) / _MIB:.0f} MiB"
    return [
        Figure(
            name=f"load from the shelf ({size})",
            value=seconds["load"],
            unit="s",
            limit=seconds["limit"],
            peers={
                "parse_crl": seconds["parse_crl"],
                "pyca, no look-up yet": seconds["pyca"],
            },
            target=Target("at most", 0.3),
        ),
        Figure(
            name=f"look-up ({size})",
            value=ours,
            unit="µs",
            peers={"pyca": peer},
            target=Target("at most", 100),
        ),
        Figure(
            name=f"memory ({size})",
            value=resident / _MIB,
            unit="MiB",
            limit=len(octets) / _MIB,
            target=Target("at most", 40_000_000 / _MIB),
        ),
    ]


def _loaded(folder: Path) -> CertificateList:
    found = Shelf(folder).find_list(_NAME)
    assert found is not None
    return found.crl


def _micros(look: object, count: int) -> float:
    assert callable(look)
    look()
    began = perf_counter()
    look()
    return (perf_counter() - began) / count * 1e6


def _resident(folder: Path, serials: Sequence[int]) -> int:
    """Octets that a process holds for the list, after looking in all parts of it."""
    line = [sys.executable, "-c", _LOAD, str(folder), json.dumps(serials), _NAME]
    told = subprocess.run(line, check=True, capture_output=True, text=True)
    return int(told.stdout) * 1024
