"""Signature certificates issued in one process, beside the bare signature.

One certificate is: the profile filled with a resident's items and key, the lint of the
exact bytes, the signature, and the whole put together. The limit is the same key
signing the bytes of the same certificates, and doing nothing else. Every certificate
has another name, birth, key and serial number. Rates are for each second of computing
on one core.

Certificates are made in groups: all are prepared, as they are recorded together before
they are signed; then all are signed, and then put together.

What is to be shown is a few hundredths of the signature's time, and the time of the
very same signature wanders by more from one second to the next. So a group is issued
directly beside a group that is only signed, many times, each of the two first in
every other round; the share of the limit is the median of the rounds' ratios. The rate
is that share of the limit's median rate.

The peers make the same fields and extensions, without lint: pyca's
`CertificateBuilder`, asn1crypto's objects signed by the same key, and
`openssl ca -batch`, which also checks each request and keeps its index. django-ca is
left out: it issues only from within a Django project with its database, which then
would be what is measured.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, Target
from benchmarks.issue_peers import Asn1cryptoPeer, OpenSSLPeer, PycaPeer
from benchmarks.issue_work import GROUP, Work
from benchmarks.timing import alternating, cpu_seconds, neighbours

__all__ = ["run"]

_TARGETS: Final = {"rsa2048-sha256": 0.95, "p256-sha256": 0.5, "p384-sha384": 0.9}
"""Of the bare signature's rate. A signature of P-256 takes hardly longer than the rest
of the work."""


def run(quick: bool) -> Sequence[Figure]:
    """Issue in turns with the signature, for each kind of authority's key."""
    return [_figure(suite_id, quick=quick) for suite_id in _TARGETS]


def _figure(suite_id: str, *, quick: bool) -> Figure:
    count, rounds = (GROUP, 10) if quick else (4 * GROUP, 600)
    work = Work(suite_id, count, random.Random(suite_id))
    signed = neighbours(work.sign, work.issue, rounds, cpu_seconds)
    limit = GROUP / signed.first
    pyca, asn1crypto = PycaPeer(work), Asn1cryptoPeer(work)
    with tempfile.TemporaryDirectory(prefix="jpki-issue-") as directory:
        openssl = OpenSSLPeer(work, Path(directory))
        seconds = alternating(
            {
                pyca.name: pyca.issue,
                asn1crypto.name: asn1crypto.issue,
                openssl.name: openssl.issue,
            },
            rounds=2 if quick else 5,
            clock=cpu_seconds,
        )
    return Figure(
        name=f"signature certificates, {suite_id}",
        value=signed.ratio * limit,
        unit="1/s",
        limit=limit,
        peers={name: count / each for name, each in seconds.items()},
        target=Target("at least", _TARGETS[suite_id], of_limit=True),
    )
