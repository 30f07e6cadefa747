"""再発行: a certificate in the place of one that a change of the register revoked.

Such as a move: the four items are then others (記載事項変更), which revoked the old
certificate for signatures; the new one has what the register says now.
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

__all__ = ["reissue"]


def reissue(
    station: Workstation,
    session: CardSession,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    password: Secret,
    purpose: Purpose = Purpose.SIGNATURE,
    progress: Progress = nothing_happens,
) -> Enrolment:
    """As `enrol`, for somebody whose certificate was revoked or has expired.

    Raises:
        CertificateLive: it was not, or the authority has not heard of the change yet.
        WrongCard: the card bears another resident's certificate.
        RemoteRefusal: also where the resident never had one.
        JpkiError: whatever `enrol` raises.
    """
    holdings = station.client.holdings(resident)
    require_card_of(session, holdings)
    application, known = apply_for(
        station, holdings, resident, ApplicationKind.REISSUE, purpose, idempotency_key
    )
    return carry_through(
        station,
        session,
        application,
        known=known,
        password=password,
        progress=progress,
    )
