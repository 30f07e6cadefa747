"""異動等失効: what a change in the register does to certificates, from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jpki.data.tables import Table
from jpki.model.events import EventKind
from jpki.model.revocation import RevocationReason

__all__ = ["Ground", "read_grounds"]

_REASONS: Final[dict[str, RevocationReason | None]] = {
    "none": None,
    **{reason.label: reason for reason in RevocationReason},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Why each kind of certificate is revoked; None: it is not."""

    signature: RevocationReason | None
    authentication: RevocationReason | None
    law: str


def read_grounds(table: Table) -> Mapping[EventKind, Ground]:
    """A ground for every kind of event.

    Raises:
        ProfileError: a kind is missing or unknown, or a reason is.
    """
    grounds: dict[EventKind, Ground] = {}
    for kind in EventKind:
        item = table.table(kind.value)
        grounds[kind] = Ground(
            signature=item.choice("signature", _REASONS),
            authentication=item.choice("authentication", _REASONS),
            law=item.string("law"),
        )
        item.finish()
    table.string("source")
    table.remark("unconfirmed")
    table.finish()
    return MappingProxyType(grounds)
