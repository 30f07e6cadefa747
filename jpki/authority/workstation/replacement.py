"""更新 and 再発行: a new key and certificate in the place of an old one.

A renewal comes in the last three months of the old certificate, which is in force until
the new one is issued; that revokes it as superseded. A reissue comes after the old one
was revoked, as by a move: the four items are then others (記載事項変更), and the new
certificate for signatures has what the register says now. The card loses the old key
when it makes the new one.
"""

from __future__ import annotations

from jpki.authority.counter.applications import ApplicationKind
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

__all__ = ["reissue", "renew"]


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
    return _replaced(
        station,
        session,
        ApplicationKind.RENEWAL,
        resident=resident,
        idempotency_key=idempotency_key,
        password=password,
        purpose=purpose,
        progress=progress,
    )


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
    return _replaced(
        station,
        session,
        ApplicationKind.REISSUE,
        resident=resident,
        idempotency_key=idempotency_key,
        password=password,
        purpose=purpose,
        progress=progress,
    )


def _replaced(
    station: Workstation,
    session: CardSession,
    kind: ApplicationKind,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    password: Secret,
    purpose: Purpose,
    progress: Progress,
) -> Enrolment:
    holdings = station.client.holdings(resident)
    require_card_of(session, holdings)
    application, known = apply_for(
        station, holdings, resident, kind, purpose, idempotency_key
    )
    return carry_through(
        station,
        session,
        application,
        known=known,
        password=password,
        progress=progress,
    )
