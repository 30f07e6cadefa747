"""The office: what every use case of an authority works with, handed in once.

Nothing below a composition root reads a clock or draws random numbers: an operation
takes one instant `at`, and says `by` whom it is done. `step` is told where a procedure
stands, so that tests can stop a process exactly there.

In this room is what an office consists of, and no use case: its keys (`keyrings`,
`signed_by`), the people in it (`in_office`, `roles`), and what authorities, keys and
lists are called (`identifiers`, `addresses`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from jpki import data
from jpki.data.authority_names import Topology
from jpki.errors import RegistryUnavailable, RequestError
from jpki.model.codes import ResidentCode
from jpki.model.eras import Era
from jpki.model.ports import Random, Signer
from jpki.model.profiles import CertificateProfile, CRLProfile
from jpki.model.purposes import Purpose
from jpki.model.residents import Provided
from jpki.model.suites import SignatureSuite
from jpki.store import AuthorityStore

__all__ = ["Keyring", "Office", "Provision", "Step", "whole_second"]


class Keyring(Protocol):
    """Where an authority's private keys are; it knows them by URI."""

    def generate(self, suite: SignatureSuite, label: str) -> tuple[str, Signer]:
        """Make a key that outlives the process; its URI, and the key ready to sign."""
        ...

    def open(self, uri: str) -> Signer:
        """The key of this URI."""
        ...

    def opened(self, uri: str) -> Signer | None:
        """The key of this URI, if nobody has to wait for it."""
        ...


Provision = Callable[[ResidentCode, Purpose], Provided]
"""Asks the register. Raises UnknownResident, NotEligible or RegistryUnavailable."""

Step = Callable[[str], None]
"""Told the name of each point that a procedure passes."""


def _no_register(_code: ResidentCode, _purpose: Purpose) -> Provided:
    raise RegistryUnavailable("none is configured")


def _walk_on(_: str) -> None:
    """Nobody is interested in steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """One database of authorities, their keys, and the era they work in."""

    store: AuthorityStore
    keyring: Keyring
    era: Era
    random: Random
    ocsp_url: str
    """Goes into certificates (id-ad-ocsp)."""
    crls_url: str = "http://127.0.0.1:8402/crls"
    """Below it are the lists; goes into certificates whose profile wants an address."""
    provide: Provision = _no_register
    issuance_approval: bool = False
    """Whether an approver must agree before a citizen's certificate is issued."""
    crl_shards: int = 16
    """Over how many lists certificates are spread whose profile names `{shard}`."""
    crl_budget: int = 10_000_000
    """Octets that a list should not grow beyond."""
    crl_deltas: timedelta | None = None
    """How old a delta CRL becomes at most; None where there are only complete ones."""
    crl_indirect: bool = False
    """Whether the bridge lists what all authorities have revoked, and certificates
    name that list beside their own."""
    step: Step = _walk_on
    topology: Topology = field(default_factory=data.topology)
    certificate_profile: Callable[[str], CertificateProfile] = data.certificate_profile
    crl_profile: Callable[[str], CRLProfile] = data.crl_profile


def whole_second(at: datetime) -> datetime:
    """The instant as certificates and CRLs can say it.

    Raises:
        RequestError: the time has no zone.
    """
    if at.tzinfo is None:
        raise RequestError("an instant without zone")
    return at.astimezone(UTC).replace(microsecond=0)
