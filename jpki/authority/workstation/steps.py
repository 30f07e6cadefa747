"""The workstation, which application is meant, and whose card is in the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from jpki.authority.counter.applications import ApplicationKind
from jpki.authority.remote.answers import FiledApplication, ResidentHoldings
from jpki.authority.remote.client import AuthorityClient
from jpki.cards.session import CardSession
from jpki.errors import CertificateLive, IssuanceError, WrongCard
from jpki.model.calendar import day_in_japan
from jpki.model.codes import ResidentCode
from jpki.model.eras import Era
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite, suite
from jpki.x509.parse import parse_certificate

__all__ = [
    "Progress",
    "Workstation",
    "apply_for",
    "nothing_happens",
    "require_card_of",
]

Progress = Callable[[str], None]
"""Told the name of each point that a procedure has passed: `filed` or `taken-up`,
`key-generated` or `key-found`, `password-set`, `issued`, `written`, `delivered`;
`revoked`, `erased`."""


def nothing_happens(_point: str) -> None:
    """Nobody is interested in points."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workstation:
    """One counter's means; may be shared by threads."""

    client: AuthorityClient
    """The operator's access to the authority."""
    era: Era
    """Decides the keys that are made."""
    issuer_secret: bytes = field(repr=False)
    """By which the counter proves itself to cards (鍵ペア生成装置の認証鍵)."""

    def suite(self, purpose: Purpose) -> SignatureSuite:
        """Of new keys for this purpose.

        Raises:
            IssuanceError: the era has no such certificates.
        """
        if purpose.value not in self.era.profiles:
            raise IssuanceError(
                f"no {purpose.value} certificates are issued in era {self.era.id}"
            )
        return suite(self.era.suites[purpose.value])


def apply_for(
    station: Workstation,
    holdings: ResidentHoldings,
    resident: ResidentCode,
    kind: ApplicationKind,
    purpose: Purpose,
    idempotency_key: str,
) -> tuple[FiledApplication, bool]:
    """File an application, or find the one that is open for this resident.

    Args:
        station: the counter's.
        holdings: what the authority says of the resident.
        resident: who applies.
        kind: what the counter means it to be; the authority sees to it as well.
        purpose: of the certificate.
        idempotency_key: the same one finds the application again.

    Returns:
        The application, and whether it was open before.

    Raises:
        CertificateLive: the resident has a certificate that is not to be replaced, or
            not yet; carries the instant from which on it can be.
        RemoteRefusal, ServiceUnavailable: what the authority says.
    """
    known = holdings.under_way(purpose)
    if known is not None:
        return known, True
    live = holdings.live(purpose)
    early = live is not None and holdings.at < live.renewable_from
    if live is not None and (early or kind is not ApplicationKind.RENEWAL):
        first = day_in_japan(live.renewable_from)
        raise CertificateLive(
            "the resident's certificate lives until "
            f"{day_in_japan(live.not_after)} (Japan)",
            renewable_from=live.renewable_from if early else None,
            hint=f"it can be renewed from {first} on" if early else "renew it instead",
        )
    client = station.client
    return client.file_application(resident, idempotency_key, purpose, kind), False


def require_card_of(session: CardSession, holdings: ResidentHoldings) -> None:
    """See that the card is this resident's, as far as that shows without a password.

    The certificate for signatures is hidden by its password; the one for authentication
    is not. Where there is none to be seen, the operator alone judges.

    Raises:
        WrongCard: it bears a certificate that the resident never got.
    """
    theirs = {(held.purpose, held.serial) for held in holdings.certificates}
    for purpose, slot in session.card_type.slots.items():
        if slot.certificate_after_pin:
            continue
        try:
            found = parse_certificate(session.read_certificate(purpose))
        except WrongCard:
            continue
        if (purpose, found.serial) not in theirs:
            raise WrongCard(
                "the card bears the certificate of another resident",
                hint="take this resident's own card, or another resident's code",
            )
