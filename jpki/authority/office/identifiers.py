"""How authorities and keys are called in the books, and which one certifies whom."""

from __future__ import annotations

import hashlib
from typing import Final

from jpki.authority.office import Office
from jpki.model.codes import MunicipalityCode
from jpki.model.eras import Era
from jpki.model.places import Prefecture
from jpki.model.purposes import Purpose

__all__ = [
    "BRIDGE",
    "authority_for",
    "governor_id",
    "has_bridge",
    "key_digest",
    "key_label",
    "national_id",
]

BRIDGE: Final = "bridge"
"""The bridge authority's identifier."""


def governor_id(prefecture: Prefecture) -> str:
    """The identifier of a governor's authority, such as `governor-08`."""
    return f"governor-{prefecture.code}"


def national_id(purpose: Purpose) -> str:
    """The identifier of a national authority, such as `national-signature`."""
    return f"national-{purpose.value}"


def has_bridge(era: Era) -> bool:
    """Whether this era has governors' authorities and a bridge, or national ones."""
    return BRIDGE in era.suites


def authority_for(era: Era, municipality: MunicipalityCode, purpose: Purpose) -> str:
    """The authority that certifies the residents of this municipality."""
    if has_bridge(era):
        return f"governor-{municipality.prefecture}"
    return national_id(purpose)


def key_digest(public_key: bytes) -> bytes:
    """By which one public key is known in the books."""
    return hashlib.sha256(public_key).digest()


def key_label(office: Office, owner: str) -> str:
    """A name for a new key that no other key bears."""
    return f"{owner}-{office.random(8).hex()}"
