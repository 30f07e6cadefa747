"""A verifier's memory: CRLs of 47 authorities on a shelf, and verdicts with each.

The lists lie in files, as a verifier keeps them (`jpki.verify.shelf`); what is measured
is all that the process holds, interpreter and libraries included.
"""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.issue_work import NOT_BEFORE, Work
from benchmarks.verify_work import crl_of
from jpki.verify.shelf import Shelf

__all__ = ["memory"]

_AUTHORITIES: Final = 47
_EACH: Final = 40
"""Certificates of each authority that are judged."""
_MOST: Final = 150.0
"""MiB."""

_VERIFY: Final = """
import pickle, sys
from pathlib import Path
from jpki.verify import (
    AcceptAnyAlgorithm, PathJob, Pool, Memory, TrustAnchor, Valid, verify_path
)
from jpki.verify.crls import RevocationList
from jpki.verify.shelf import Shelf
from jpki.x509.parse import parse_certificate
folder = Path(sys.argv[1])
shelf, memory, pools, entries = Shelf(folder / "shelf"), Memory(), [], 0
for number in range(int(sys.argv[2])):
    authority, certificates, at = pickle.loads((folder / str(number)).read_bytes())
    crl = shelf.find_list(str(number)).crl
    entries += len(crl)
    pools.append(Pool((), [RevocationList(crl)]))
    for der in certificates:
        job = PathJob(
            anchors=(TrustAnchor.of(parse_certificate(authority)),),
            end_entity=parse_certificate(der),
            at=at,
            algorithms=AcceptAnyAlgorithm(),
            pool=pools[-1],
        )
        assert isinstance(verify_path(job, memory), Valid)
lines = Path("/proc/self/status").read_text("ascii").splitlines()
print(entries, sum(int(one.split()[1]) for one in lines if one.startswith("VmRSS:")))
"""


def memory(revoked: int) -> Figure:
    """Resident memory of such a process with so many entries in all its lists."""
    each = -(-revoked // _AUTHORITIES)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shelf = Shelf(folder / "shelf")
        for number in range(_AUTHORITIES):
            work = Work("rsa2048-sha256", _EACH, random.Random(number))
            shelf.put_list(str(number), crl_of(work, each), "", NOT_BEFORE)
            held = work.authority(), work.issue_all(), NOT_BEFORE.replace(day=3)
            (folder / str(number)).write_bytes(pickle.dumps(held))
        line = [sys.executable, "-c", _VERIFY, made, str(_AUTHORITIES)]
        told = subprocess.run(line, check=True, capture_output=True, text=True)
    entries, resident = map(int, told.stdout.split())
    return Figure(
        name=f"memory with 47 authorities and {entries:,} revoked",
        value=resident / 1024,
        unit="MiB",
        target=Target("at most", _MOST),
    )
