"""カードの返納: first the authority revokes, then the card is erased.

In this order, because an interruption in between leaves a card whose certificates are
revoked. Begun again, the authority has nothing left to revoke and the card is erased.
"""

from __future__ import annotations

from dataclasses import dataclass

from jpki.authority.remote.answers import Surrender
from jpki.authority.workstation.steps import (
    Progress,
    Workstation,
    nothing_happens,
    require_card_of,
)
from jpki.cards.session import CardSession
from jpki.model.codes import ResidentCode

__all__ = ["SurrenderedCard", "surrender_card"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SurrenderedCard:
    """A card that is good for nothing any more."""

    card: str
    """Its serial number."""
    ended: Surrender


def surrender_card(
    station: Workstation,
    session: CardSession,
    *,
    resident: ResidentCode,
    progress: Progress = nothing_happens,
) -> SurrenderedCard:
    """Revoke all certificates of the resident and erase the card.

    Raises:
        WrongCard: it bears another resident's certificate.
        APDUError: 6300, the card is of another issuer; nothing was done.
        RemoteRefusal, ServiceUnavailable: what the authority says; the card is as
            before.
        CardError: the card went away after the revocation; do it again.
    """
    require_card_of(session, station.client.holdings(resident))
    # A card that this counter cannot erase is not taken back.
    session.authenticate_counter(station.issuer_secret)
    ended = station.client.surrender(resident, session.serial)
    progress("revoked")
    session.erase()
    progress("erased")
    return SurrenderedCard(card=session.serial, ended=ended)
