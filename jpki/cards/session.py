"""A conversation with a JPKI card: typed calls and errors over any transport.

One session belongs to one thread and one powered card. It never hashes: what a card
signs is handed in, as DigestInfo for RSA, as the bare digest for a key on a curve
(`jpki.cards.signing.signature_input`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jpki.cards.apdu import Instruction
from jpki.cards.card_types import CardType, FileId, card_type_of_label, card_types
from jpki.cards.channel import CHUNK, LARGEST_ANSWER, CardChannel
from jpki.cards.pins import existing_pin, new_pin
from jpki.cards.presence import PRESENCE_ORDER, PRESENT
from jpki.cards.public_keys import key_bits, public_key_info
from jpki.cards.signing import signature_in_der
from jpki.cards.token import TOKEN_INFO_SIZE, TokenInfo
from jpki.cards.transport import CardTransport
from jpki.errors import CardError, EncodingError, WrongCard
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite

__all__ = ["CardSession"]

_TOKEN_FILE: Final = 0x0006
_MAKE_KEY_PAIR: Final = 0x80
_TELL_PUBLIC_KEY: Final = 0x81
"""P1 of GENERATE ASYMMETRIC KEY PAIR (ISO/IEC 7816-8)."""


class CardSession:
    """The JPKI application of a card, selected.

    Ends the transport when closed, and where no session comes about.
    """

    def __init__(self, transport: CardTransport) -> None:
        """Select the application and learn which card this is.

        Raises:
            WrongCard: no JPKI application, or a generation not known here.
            CardError: the card talks nonsense or went away.
        """
        self._channel = CardChannel(transport)
        try:
            self._select_application()
            self._token = self._read_token()
            self._type = card_type_of_label(self._token.label)
        except BaseException:
            self._channel.close()
            raise

    def __enter__(self) -> CardSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Power the card down; every right won is lost."""
        self._channel.close()

    @property
    def channel(self) -> CardChannel:
        """What goes to the card; another application may be selected through it, and
        then this session is over."""
        return self._channel

    @property
    def card_type(self) -> CardType:
        """Which generation this card is, by its token label."""
        return self._type

    @property
    def token(self) -> TokenInfo:
        """What the card says about itself."""
        return self._token

    @property
    def serial(self) -> str:
        """The card's serial number."""
        return self._token.serial

    # -- what anybody may do --------------------------------------------------------

    def select(self) -> None:
        """Select the application again: every right won so far is given up."""
        self._select_application()

    def read_certificate(self, purpose: Purpose) -> bytes:
        """The citizen's certificate, DER.

        Raises:
            WrongCard: the card has none.
            APDUError: 6982, the signature certificate needs its PIN first.
        """
        return self._read_der(self._type.slot(purpose).certificate)

    def read_ca_certificate(self, purpose: Purpose) -> bytes:
        """The certificate of the CA that issued the citizen's, DER.

        Raises:
            WrongCard: the card has none.
        """
        return self._read_der(self._type.slot(purpose).ca_certificate)

    def certificates_present(self) -> Mapping[Purpose, bool]:
        """Which certificates there are, by EF 0008; nothing where a card has none."""
        if self._type.presence_file is None:
            return {}
        self._channel.select_file(self._type.presence_file)
        marks = self._channel.read(0, 3)
        present = (mark == PRESENT for mark in marks)
        return dict(zip(PRESENCE_ORDER, present, strict=False))

    def pin_tries_left(self, purpose: Purpose) -> int:
        """How many wrong PINs the card still takes. 0: blocked, or never set."""
        return self._channel.tries_left(self._type.slot(purpose).pin.file)

    # -- what the holder may do -----------------------------------------------------

    def verify_pin(self, purpose: Purpose, pin: Secret) -> None:
        """Win the right to use the key, and to read the signature certificate.

        Raises:
            PINFormatError: cannot be right; nothing was sent.
            PINError: wrong, with the tries left.
            PINBlocked: no tries left.
        """
        rule = self._type.slot(purpose).pin
        self._channel.verify(rule.file, existing_pin(pin(), rule))

    def change_pin(self, purpose: Purpose, current: Secret, new: Secret) -> None:
        """Set a new PIN after verifying the current one.

        Raises:
            PINFormatError: one of them has no acceptable form; nothing was sent.
            PINError, PINBlocked: the current one is wrong.
        """
        data = new_pin(new(), self._type.slot(purpose).pin)
        self.verify_pin(purpose, current)
        self._channel.change_pin(data)

    def sign(self, purpose: Purpose, digest_info: bytes) -> bytes:
        """The signature made by the card's key, as certificates and CMS hold it.

        Args:
            purpose: which key.
            digest_info: DigestInfo for RSA, the digest alone for a key on a curve.

        Raises:
            APDUError: 6982, the PIN was not verified in this session.
            WrongCard: no key was ever made for this purpose.
        """
        slot = self._type.slot(purpose)
        self._channel.select_file(slot.key)
        made = self._channel.command(
            Instruction.PERFORM_SECURITY_OPERATION,
            cla=0x80,
            p2=0x80,
            data=digest_info,
            le=CHUNK,
        )
        return signature_in_der(slot.signature_form, made)

    # -- what the municipal counter may do ------------------------------------------

    def authenticate_counter(self, issuer_secret: bytes) -> None:
        """Prove to be a counter of the card's issuer.

        Raises:
            APDUError: 6300, this issuer did not make this card.
        """
        self._channel.authenticate_counter(issuer_secret, self.serial)

    def generate_key_pair(self, purpose: Purpose, suite: SignatureSuite) -> bytes:
        """Make a key pair on the card; the old key and its certificate are gone.

        Returns:
            The public key as SubjectPublicKeyInfo, DER.

        Raises:
            WrongCard: the chip makes no such keys.
        """
        bits = key_bits(suite).to_bytes(2)
        return self._public_key(purpose, suite, _MAKE_KEY_PAIR, bits)

    def read_public_key(self, purpose: Purpose, suite: SignatureSuite) -> bytes:
        """The public half of the key pair that is on the card, as generation gave it.

        Returns:
            SubjectPublicKeyInfo, DER.

        Raises:
            WrongCard: no key was ever made for this purpose, or the chip makes no such.
        """
        return self._public_key(purpose, suite, _TELL_PUBLIC_KEY)

    def _public_key(
        self, purpose: Purpose, suite: SignatureSuite, act: int, data: bytes = b""
    ) -> bytes:
        slot = self._type.slot(purpose)
        if suite not in slot.suites:
            raise WrongCard(f"a {self._type.id} card makes no {suite.id} key")
        self._channel.select_file(slot.key)
        template = self._channel.command(
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR,
            p1=act,
            p2=0x80,
            data=data,
            le=LARGEST_ANSWER,
        )
        return public_key_info(template, suite)

    def erase(self) -> None:
        """Take keys, PINs and certificates off the card, all at once and for good."""
        self._channel.command(Instruction.TERMINATE_DF)

    def set_pin(self, purpose: Purpose, new: Secret) -> None:
        """Let the holder choose a PIN and lift a block.

        Raises:
            PINFormatError: no acceptable form; nothing was sent.
        """
        rule = self._type.slot(purpose).pin
        self._channel.set_pin(rule.file, new_pin(new(), rule))

    def write_certificates(
        self, purpose: Purpose, certificate: bytes, ca_certificate: bytes
    ) -> None:
        """Put the citizen's and the CA's certificate on the card, both or neither."""
        slot = self._type.slot(purpose)
        self._write(slot.ca_certificate, ca_certificate)
        self._write(slot.certificate, certificate)
        self._channel.command(Instruction.ACTIVATE_FILE)

    # -- files ----------------------------------------------------------------------

    def _select_application(self) -> None:
        wanted = {kind.application for kind in card_types().values()}
        if any(map(self._channel.select_application, sorted(wanted))):
            return
        raise WrongCard("this card carries no JPKI application")

    def _read_token(self) -> TokenInfo:
        self._channel.select_file(_TOKEN_FILE)
        try:
            return TokenInfo.parse(self._channel.read(0, TOKEN_INFO_SIZE))
        except EncodingError as error:
            raise WrongCard(f"token information: {error}") from None

    def _read_der(self, file: FileId) -> bytes:
        """A file that holds one DER value and padding, as OpenSC reads it."""
        self._channel.select_file(file)
        header = self._channel.read(0, 4)
        if header[:2] != b"\x30\x82":
            raise WrongCard("there is no certificate in this file of the card")
        return self._channel.read_up_to(4 + int.from_bytes(header[2:]), header)

    def _write(self, file: FileId, content: bytes) -> None:
        if len(content) > self._type.file_size:
            raise CardError(f"{len(content)} octets do not fit this card's files")
        self._channel.select_file(file)
        self._channel.write(content)
