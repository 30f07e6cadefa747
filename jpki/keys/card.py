"""A key on a citizen's card as a signer. The card sees only the message's hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jpki.cards.apdu import StatusWord
from jpki.cards.places import open_place, parse_card_uri
from jpki.cards.session import CardSession
from jpki.cards.signing import signature_input
from jpki.errors import APDUError, EncodingError, WrongCard
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite
from jpki.x509.keys import suite_fits
from jpki.x509.parse import parse_certificate

__all__ = ["CardSigner", "open_card_signer"]


@contextmanager
def open_card_signer(uri: str, pin: Secret) -> Iterator[CardSigner]:
    """The key that a `card:` URI names (`jpki.cards.places`), while the card is held.

        with open_card_signer("card:", ask_for_pin) as signer:
            signature = signer.sign(document)

    Nobody else speaks to the card meanwhile; in the end every right is lost.

    Args:
        uri: such as card:file=card.json;purpose=authentication.
        pin: asked when the card first wants it.

    Raises:
        CardGone: there is no card.
        WrongCard: it has no such key, or no certificate.
        PINError, PINBlocked, PINFormatError: the certificate needs the PIN.
        CardError: the URI is none, or several readers have a card.
    """
    place = parse_card_uri(uri)
    with CardSession(open_place(place)) as session:
        yield CardSigner(session, place.purpose, pin)


class CardSigner:
    """A `Signer` over one key of a card in a session.

    The PIN is asked for when the card first wants it, and again only after the card
    was reset.
    """

    def __init__(
        self,
        session: CardSession,
        purpose: Purpose,
        pin: Secret,
        *,
        public_key: bytes | None = None,
    ) -> None:
        """Take the key's public half from its certificate on the card.

        While there is no certificate yet, `public_key` is what key generation gave.

        Raises:
            WrongCard: no certificate, or a key that this card cannot have.
            PINError, PINBlocked, PINFormatError: the certificate needs the PIN.
        """
        self._session = session
        self._purpose = purpose
        self._pin = pin
        self._certificate: bytes | None = None
        try:
            if public_key is None:
                public_key = parse_certificate(self.certificate).public_key
            self._suite = self._suite_of(public_key)
        except EncodingError as error:
            raise WrongCard(f"the key on the card: {error}") from None
        self._public_key = public_key

    @property
    def suite(self) -> SignatureSuite:
        """The one suite of this card type that the key is of."""
        return self._suite

    @property
    def public_key(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self._public_key

    @property
    def certificate(self) -> bytes:
        """The citizen's certificate on the card, DER; read once.

        Raises:
            WrongCard: there is none.
            PINError, PINBlocked, PINFormatError: it needs the PIN.
        """
        if self._certificate is None:
            self._certificate = self._with_pin(self._read_certificate)
        return self._certificate

    @property
    def authority_certificate(self) -> bytes:
        """The certificate above it on the card, DER.

        Raises:
            WrongCard: there is none.
        """
        return self._session.read_ca_certificate(self._purpose)

    def sign(self, message: bytes | memoryview) -> bytes:
        """Hash here, sign there.

        Raises:
            PINError, PINBlocked, PINFormatError: it wants the PIN, which is wrong.
            CardError: the card went away or refuses.
        """
        digest = self._suite.digest
        assert digest is not None  # no card type has a suite without one
        hashed = hashlib.new(digest.value, message).digest()
        wanted = signature_input(self._suite, hashed)
        return self._with_pin(lambda: self._session.sign(self._purpose, wanted))

    def __repr__(self) -> str:
        card = self._session.serial
        return f"CardSigner({self._suite.id}, {self._purpose.value} key of {card})"

    def _read_certificate(self) -> bytes:
        return self._session.read_certificate(self._purpose)

    def _with_pin(self, step: Callable[[], bytes]) -> bytes:
        try:
            return step()
        except APDUError as error:
            if error.status_word != StatusWord.SECURITY_STATUS:
                raise
        self._session.verify_pin(self._purpose, self._pin)
        return step()

    def _suite_of(self, public_key: bytes) -> SignatureSuite:
        slot = self._session.card_type.slot(self._purpose)
        for candidate in slot.suites:
            if suite_fits(public_key, candidate):
                return candidate
        kind = self._session.card_type.id
        raise WrongCard(f"the public key is of no suite that a {kind} card has")
