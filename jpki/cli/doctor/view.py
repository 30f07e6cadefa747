"""What the checks of the books look at: one snapshot at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jpki.service.settings import Settings
from jpki.store import AuthorityUnitOfWork
from jpki.store.authority_records import (
    CertificateRecord,
    CertificateState,
    KeyGenerationRecord,
)

__all__ = ["View"]


@dataclass(frozen=True, slots=True)
class View:
    """The authorities' books, and the settings they are used with."""

    settings: Settings
    uow: AuthorityUnitOfWork
    at: datetime

    def generations(self) -> tuple[KeyGenerationRecord, ...]:
        """All keys of all authorities."""
        return self.uow.authorities.every_generation()

    def counts(self, record: CertificateRecord) -> bool:
        """Whether the certificate is issued and not revoked."""
        return (
            record.state is CertificateState.ISSUED
            and self.uow.journal.find(record.authority, record.serial) is None
        )

    def holds(self, record: CertificateRecord) -> bool:
        """Whether it counts and is in its time."""
        return self.counts(record) and record.not_before <= self.at <= record.not_after
