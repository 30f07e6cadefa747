"""暗証番号の再設定: the resident chooses again, by the counter's right.

The card needs no old password for it, and a blocked one comes back. The authority has
no part in it: it never knew a password.
"""

from __future__ import annotations

from jpki.authority.workstation.steps import Progress, Workstation, nothing_happens
from jpki.cards.pins import new_pin
from jpki.cards.session import CardSession
from jpki.errors import CardError, WrongCard
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose

__all__ = ["reset_password"]


def reset_password(
    station: Workstation,
    session: CardSession,
    *,
    password: Secret,
    purpose: Purpose = Purpose.SIGNATURE,
    progress: Progress = nothing_happens,
) -> int:
    """Set a new password and see that it works.

    Returns:
        The tries that the card then takes.

    Raises:
        WrongCard: there is no key that a password could guard.
        PINFormatError: such a password cannot be set; nothing was changed.
        CardError: what the card says. Each password is then the old or the new one.
    """
    chosen = password()
    new_pin(chosen, session.card_type.slot(purpose).pin)
    session.authenticate_counter(station.issuer_secret)
    try:
        session.read_public_key(purpose, station.suite(purpose))
    except WrongCard:
        raise WrongCard(
            f"the card has no {purpose.value} key yet",
            hint="apply for a certificate: the password is set with it",
        ) from None
    session.set_pin(purpose, lambda: chosen)
    session.verify_pin(purpose, lambda: chosen)
    progress("password-set")
    tries = session.pin_tries_left(purpose)
    if tries != session.card_type.slot(purpose).pin.tries:
        raise CardError("the card does not give all tries back")
    return tries
