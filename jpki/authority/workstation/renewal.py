"""更新: a new key and certificate in the last three months of the old one.

The old certificate is in force until the new one is issued; that revokes it as
superseded. The card loses the old key when it makes the new one.
"""

from __future__ import annotations

from jpki.authority.applications import ApplicationKind
from jpki.authority.workstation.enrolment import carry_through
from jpki.authority.workstation.oncard import Enrolment
from jpki.authority.workstation.steps import (
    Progress,
    Workstation,
    apply_for,
    nothing_happens,
    require_card_of,
)
from jpki.cards.session import CardSession
from jpki.model.codes import ResidentCode
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = ["renew"]


def renew(
    station: Workstation,
    session: CardSession,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    password: Secret,
    purpose: Purpose = Purpose.SIGNATURE,
    progress: Progress = nothing_happens,
) -> Enrolment:
    """As `enrol`, for somebody whose certificate is about to expire.

    Raises:
        CertificateLive: it is too early; carries the instant from which on it is not.
        WrongCard: the card bears another resident's certificate.
        RemoteRefusal: also where there is nothing to renew.
        JpkiError: whatever `enrol` raises.
    """
    holdings = station.client.holdings(resident)
    require_card_of(session, holdings)
    application, known = apply_for(
        station, holdings, resident, ApplicationKind.RENEWAL, purpose, idempotency_key
    )
    return carry_through(
        station,
        session,
        application,
        known=known,
        password=password,
        progress=progress,
    )
