"""Time-stamp authorities for tests: a root, a key and a list each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from jpki.keys.memory import generate_key
from jpki.keys.software import PrivateKey, SoftwareSigner, generate_private_key
from jpki.model.revocation import Revocation
from jpki.model.suites import suite
from jpki.timestamping.authority import TimeStampAuthority
from jpki.timestamping.founding import found, list_of
from jpki.x509.parse import Certificate, parse_certificate

__all__ = ["TimeAuthority", "time_authority"]


def drawn(seed: str) -> Callable[[int], bytes]:
    """Octets that look random and are the same in each run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed} {count}".encode()).digest(size)

    return draw


@dataclass(frozen=True, kw_only=True)
class TimeAuthority:
    """One root with one authority beneath it."""

    root_key: SoftwareSigner
    key: SoftwareSigner
    private_key: PrivateKey
    root: bytes
    certificate: bytes
    name: str

    @property
    def parsed_root(self) -> Certificate:
        """The anchor."""
        return parse_certificate(self.root)

    @property
    def parsed(self) -> Certificate:
        """The authority's certificate."""
        return parse_certificate(self.certificate)

    @property
    def unprotected_key(self) -> bytes:
        """The authority's private key for a program that has no other way, PEM."""
        return self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    def at(self, instant: datetime, **others: object) -> TimeStampAuthority:
        """The authority with its clock standing at this instant."""
        values: dict[str, object] = {"accuracy": timedelta(seconds=1), **others}
        return TimeStampAuthority(
            signer=self.key,
            certificate=self.certificate,
            clock=lambda: instant,
            random=drawn(f"{self.name} {instant}"),
            **values,  # type: ignore[arg-type]  # tests name the fields themselves
        )

    def crl(
        self,
        at: datetime,
        *entries: Revocation,
        lifetime: timedelta | None = None,
    ) -> bytes:
        """The root's list of this instant."""
        return list_of(
            self.parsed_root,
            self.root_key,
            number=int(at.timestamp()),
            this_update=at,
            next_update=None if lifetime is None else at + lifetime,
            entries=entries,
        )


@cache
def time_authority(
    founded: datetime, suite_id: str = "rsa2048-sha256", name: str = "one"
) -> TimeAuthority:
    """The authority of this name, founded then; one for the whole test run."""
    root, private = generate_key(suite(suite_id)), generate_private_key(suite(suite_id))
    key = SoftwareSigner(private, suite(suite_id))
    made = found(root, key, at=founded, random=drawn(name))
    return TimeAuthority(
        root_key=root,
        key=key,
        private_key=private,
        root=made.root,
        certificate=made.authority,
        name=name,
    )
