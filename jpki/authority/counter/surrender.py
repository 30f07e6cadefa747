"""返納: a resident gives the card back, and with it everything that it was good for.

Surrendering is the resident's application for revocation (失効申請, 平成14年法律第153号
art. 9) of all certificates at once. What is erased from the card itself is the
counter's business, afterwards: a card that still works while its certificates are
revoked does no harm; the other way about, a stolen copy would.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jpki.authority.auditing.checkpoints import seal_if_due
from jpki.authority.auditing.journaling import journal
from jpki.authority.counter.applications import give_up
from jpki.authority.counter.holdings import require_own_resident
from jpki.authority.office import Office, whole_second
from jpki.authority.office.roles import counter_of
from jpki.errors import RequestError
from jpki.model.codes import ResidentCode
from jpki.model.operators import Caller
from jpki.model.purposes import Purpose
from jpki.model.revocation import RevocationReason
from jpki.store.authority_records import (
    ApplicationRecord,
    CertificateState,
    JournalEntry,
)

__all__ = ["GROUND", "Surrendered", "surrender"]

GROUND: Final = "card surrendered"
_MAX_CARD: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Surrendered:
    """What the surrender of a card ended; nothing where all of it had ended before."""

    revoked: tuple[JournalEntry, ...]
    cancelled: tuple[ApplicationRecord, ...]


def surrender(
    office: Office, resident: ResidentCode, card: str, *, at: datetime, by: Caller
) -> Surrendered:
    """Revoke what the resident holds and cancel what is under way, all or nothing.

    To ask again changes nothing.

    Args:
        office: the authorities.
        resident: who gives the card back.
        card: its serial number, for the log.
        at: when.
        by: the counter's operator.

    Raises:
        PermissionDenied: not a counter operator.
        UnknownResident, WrongMunicipality, RegistryUnavailable: not this counter's
            resident, or the register does not answer.
        ApplicationConflict: a certificate is being signed at this moment.
        RequestError: the card's serial number is none.
    """
    moment = whole_second(at)
    counter = counter_of(by, "take a card back")
    if not (card.isascii() and card.isalnum() and len(card) <= _MAX_CARD):
        raise RequestError("a card's serial number is 1 to 16 letters and digits")
    require_own_resident(office, resident, counter)
    with office.store.write() as uow:
        under_way = (uow.applications.live(resident, purpose) for purpose in Purpose)
        cancelled = tuple(
            give_up(uow, found, at=moment, by=by)
            for found in under_way
            if found is not None
        )
        revoked = tuple(
            journal(
                uow,
                certificate,
                RevocationReason.CESSATION_OF_OPERATION,
                ground=GROUND,
                at=moment,
                by=by.id,
            )
            for certificate in uow.certificates.of_resident(resident)
            if certificate.state is CertificateState.ISSUED
            and certificate.not_after >= moment
            and uow.journal.find(certificate.authority, certificate.serial) is None
        )
        if revoked or cancelled:
            uow.audit.append(
                at=moment,
                by=by.id,
                act="card.surrendered",
                subject=card,
                details={
                    "municipality": str(counter),
                    "revoked": len(revoked),
                    "cancelled": len(cancelled),
                },
            )
            seal_if_due(office, uow, moment)
            uow.commit()
    office.step("card.surrendered")
    return Surrendered(revoked=revoked, cancelled=cancelled)
