"""How much work one verdict may take. Every limit is named, with its ground.

A verdict that runs out of budget is indeterminate: hostile input can cost at most
this much, and can never buy an acceptance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "MAX_CROWD",
    "MAX_DELEGATIONS",
    "MAX_DELEGATION_DEPTH",
    "MAX_EFFORT",
    "MAX_NAME_COMPARISONS",
    "MAX_PATHS",
    "MAX_PATH_LENGTH",
    "MAX_PATIENCE",
    "MAX_POOL_NODES",
    "MAX_STEPS",
    "Budget",
    "WorkExceeded",
]

MAX_PATH_LENGTH: Final = 20
"""Certificates below the anchor. Bridges join two hierarchies: real paths have up to
seven (anchor, link, bridge, bridge, bridge, authority, subscriber)."""

MAX_EFFORT: Final = 40_000
"""Public-key operations, each counted as so many RSA-2048 checks as it takes: about a
second. All of NIST PKITS in one pool needs fewer than 60 a verdict; a thousand
strangers who bear the issuer's name, each with a P-384 key, need 25,000."""

MAX_PATHS: Final = 200
"""Complete candidate paths to the anchors that are validated."""

MAX_STEPS: Final = 4000
"""Times a path under construction is led on by one certificate; in a mesh where all
certify all there are more ways than could ever be tried."""

MAX_CROWD: Final = 8
"""Possible issuers of one certificate that are tried one after the other; where there
are more, those whom an anchor's signatures lead to are found out first."""

MAX_PATIENCE: Final = 200
"""Steps after which that is done in any case: so much for a mesh of strangers."""

MAX_POOL_NODES: Final = 250_000
"""Pairs of issuer and subject that are looked at while paths are built."""

MAX_DELEGATIONS: Final = 200
"""Checks of whether a CRL or OCSP signer was certified for it."""

MAX_DELEGATION_DEPTH: Final = 4
"""Whose word hangs on whose word, and so on."""

MAX_NAME_COMPARISONS: Final = 250_000
"""Names against constraints: below half a second of string comparisons."""


class WorkExceeded(Exception):
    """A limit was reached. Becomes an indeterminate verdict, never leaves `verify`."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(slots=True)
class Budget:
    """Counts the work of one verdict."""

    signatures: int = 0
    effort: int = 0
    paths: int = 0
    steps: int = 0
    nodes: int = 0
    delegations: int = 0
    names: int = 0

    def signature(self, cost: int = 1) -> None:
        """Account for one signature check that takes as long as `cost` of RSA-2048."""
        self.signatures += 1
        self.effort += cost
        _bound("signatures", self.effort, MAX_EFFORT)

    def path(self) -> None:
        """Account for one candidate path."""
        self.paths += 1
        _bound("paths", self.paths, MAX_PATHS)

    def step(self) -> None:
        """Account for leading a path on by one certificate."""
        self.steps += 1
        _bound("steps", self.steps, MAX_STEPS)

    def node(self) -> None:
        """Account for one pair of issuer and subject."""
        self.nodes += 1
        _bound("certificates", self.nodes, MAX_POOL_NODES)

    def delegation(self) -> None:
        """Account for one look into who may sign CRLs or OCSP responses."""
        self.delegations += 1
        _bound("delegations", self.delegations, MAX_DELEGATIONS)

    def compare_names(self, count: int) -> None:
        """Account for that many name comparisons."""
        self.names += count
        _bound("names", self.names, MAX_NAME_COMPARISONS)


def _bound(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise WorkExceeded(f"{what} > {limit}")
