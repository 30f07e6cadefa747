"""Which list a certificate names, fixed when it is issued.

A profile's distribution point says it: the issuer's own name is the complete list; a
name with the municipality makes a shard of each, as the service has it; one with
`{shard}` spreads certificates evenly by their serial numbers. What certificates really
name is recorded, and lists are made with exactly that, so that a changed profile or
number of shards concerns new certificates only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from jpki.model.profiles import (
    CertificateProfile,
    CRLDistributionPointsRule,
    placeholders,
    template_texts,
)
from jpki.x509.contents import point_of
from jpki.x509.issuers import IssuerView

__all__ = ["Part", "part_of", "spread"]

_HASHED: Final = "shard"


class Part(NamedTuple):
    """What certificates of some kind and place name."""

    name: str
    """What to call the shard."""
    point: bytes
    """DistributionPointName, DER."""


def spread(profile: CertificateProfile, shards: int, serial: int) -> Mapping[str, str]:
    """The value of `{shard}` for this serial number, where the profile names it."""
    if _HASHED not in _named(profile):
        return {}
    digest = hashlib.sha256(serial.to_bytes(20)).digest()
    return {_HASHED: f"{int.from_bytes(digest[:8]) % shards + 1} of {shards}"}


def part_of(
    profile: CertificateProfile, issuer: IssuerView, values: Mapping[str, str]
) -> Part | None:
    """What such certificates name; None where it is the complete list, or none.

    Raises:
        RuleViolation: a value that the profile needs is not there.
    """
    point = point_of(profile, issuer, values)
    if point is None:
        return None
    named = _named(profile)
    if _HASHED in named:
        return Part(values[_HASHED].replace(" ", "-"), point)
    if named & {"municipality", "municipality_code"}:
        return Part(values["municipality_code"], point)
    if "prefecture" in named:
        return Part(values["municipality_code"][:2], point)
    return Part("all", point)


@lru_cache(maxsize=256)
def _named(profile: CertificateProfile) -> frozenset[str]:
    """The placeholders in the distribution point."""
    return frozenset().union(
        *(
            placeholders(text)
            for rule in profile.extensions
            if isinstance(rule, CRLDistributionPointsRule)
            for text in template_texts(rule)
        )
    )
