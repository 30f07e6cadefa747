"""新規発行: a certificate for somebody who has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from jpki.authority.counter.applications import ApplicationKind
from jpki.authority.remote.answers import FiledApplication
from jpki.authority.workstation.oncard import Enrolment, put_on_card
from jpki.authority.workstation.steps import (
    Progress,
    Workstation,
    apply_for,
    nothing_happens,
)
from jpki.cards.session import CardSession
from jpki.errors import ApplicationConflict, CertificateLive, RemoteRefusal
from jpki.model.codes import ResidentCode
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = ["carry_through", "enrol"]

_HAS_SOMETHING: Final = {ApplicationConflict.code, CertificateLive.code}


def enrol(
    station: Workstation,
    session: CardSession,
    *,
    resident: ResidentCode,
    idempotency_key: str,
    password: Secret,
    purpose: Purpose = Purpose.SIGNATURE,
    progress: Progress = nothing_happens,
) -> Enrolment:
    """File, generate the key on the card, get the certificate, write it, deliver it.

    Args:
        station: the counter's.
        session: with the resident's card.
        resident: who applies.
        idempotency_key: of this application; the same one finds it again.
        password: asks the resident for the new password.
        purpose: which of the card's two keys.
        progress: told what is done.

    Raises:
        CertificateLive: the resident has one; it is renewed, or revoked first.
        PINFormatError: such a password cannot be set.
        RemoteRefusal, ServiceUnavailable: what the authority says.
        CardError: what the card says. The application is still open then, and is taken
            up by calling this again, or cancelled.
    """
    try:
        # Most have nothing yet: who has is asked about only where this is refused.
        application = station.client.file_application(
            resident, idempotency_key, purpose, ApplicationKind.NEW
        )
        known = False
    except RemoteRefusal as refusal:
        if refusal.reason_code not in _HAS_SOMETHING:
            raise
        application, known = apply_for(
            station,
            station.client.holdings(resident),
            resident,
            ApplicationKind.NEW,
            purpose,
            idempotency_key,
        )
    return carry_through(
        station,
        session,
        application,
        known=known,
        password=password,
        progress=progress,
    )


def carry_through(
    station: Workstation,
    session: CardSession,
    application: FiledApplication,
    *,
    known: bool,
    password: Secret,
    progress: Progress,
) -> Enrolment:
    """Any application from where it stands to delivery; `known`, if it was open."""
    progress("taken-up" if known else "filed")
    done = put_on_card(
        station, session, application, password=password, progress=progress
    )
    delivered = station.client.confirm_delivery(application.id)
    progress("delivered")
    return replace(done, application=delivered)
