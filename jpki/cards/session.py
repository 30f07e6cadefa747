"""A conversation with a JPKI card: typed calls and errors over any transport.

One session belongs to one thread and one powered card. It never hashes: what a card
signs is handed in as DigestInfo.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU, StatusWord
from jpki.cards.card_types import CardType, FileId, card_type_of_label, card_types
from jpki.cards.counter import CHALLENGE_OCTETS, counter_cryptogram, counter_key
from jpki.cards.pins import existing_pin, new_pin
from jpki.cards.presence import PRESENCE_ORDER, PRESENT
from jpki.cards.public_keys import public_key_info
from jpki.cards.status import error_of_status, tries_of_status
from jpki.cards.token import TOKEN_INFO_SIZE, TokenInfo
from jpki.cards.traffic import log_exchange
from jpki.cards.transport import CardTransport
from jpki.errors import APDUError, CardError, EncodingError, WrongCard
from jpki.model.ports import Secret
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite

__all__ = ["CardSession"]

_CHUNK: Final = 256
_LARGEST_FILE: Final = 0x8000  # offsets of READ BINARY have 15 bits
_LARGEST_ANSWER: Final = 4096  # no answer of a JPKI card comes near
_TOKEN_FILE: Final = 0x0006


class CardSession:
    """The JPKI application of a card, selected. Ends the transport when closed."""

    def __init__(self, transport: CardTransport) -> None:
        """Select the application and learn which card this is.

        Raises:
            WrongCard: no JPKI application, or a generation not known here.
            CardError: the card talks nonsense or went away.
        """
        self._transport = transport
        self._current: FileId | None = None
        self._long_answers = True
        """Until the card says that it has no extended lengths."""
        self._select_application()
        self._token = self._read_token()
        self._type = card_type_of_label(self._token.label)

    def __enter__(self) -> CardSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Power the card down; every right won is lost."""
        self._transport.close()

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
        self._select_file(self._type.presence_file)
        marks = self._read_binary(0, 3)
        present = (mark == PRESENT for mark in marks)
        return dict(zip(PRESENCE_ORDER, present, strict=False))

    def pin_tries_left(self, purpose: Purpose) -> int:
        """How many wrong PINs the card still takes. 0: blocked, or never set."""
        self._select_file(self._type.slot(purpose).pin.file)
        answer = self._exchange(CommandAPDU(ins=Instruction.VERIFY, p2=0x80))
        tries = tries_of_status(answer.status)
        if tries is None:
            raise APDUError(answer.status, "VERIFY")
        return tries

    # -- what the holder may do -----------------------------------------------------

    def verify_pin(self, purpose: Purpose, pin: Secret) -> None:
        """Win the right to use the key, and to read the signature certificate.

        Raises:
            PINFormatError: cannot be right; nothing was sent.
            PINError: wrong, with the tries left.
            PINBlocked: no tries left.
        """
        rule = self._type.slot(purpose).pin
        data = existing_pin(pin(), rule)
        self._select_file(rule.file)
        self._command(Instruction.VERIFY, p2=0x80, data=data)

    def change_pin(self, purpose: Purpose, current: Secret, new: Secret) -> None:
        """Set a new PIN after verifying the current one.

        Raises:
            PINFormatError: one of them has no acceptable form; nothing was sent.
            PINError, PINBlocked: the current one is wrong.
        """
        data = new_pin(new(), self._type.slot(purpose).pin)
        self.verify_pin(purpose, current)
        self._command(Instruction.CHANGE_REFERENCE_DATA, p1=0x01, p2=0x80, data=data)

    def sign(self, purpose: Purpose, digest_info: bytes) -> bytes:
        """The raw signature over a DigestInfo, made by the card's key.

        Raises:
            APDUError: 6982, the PIN was not verified in this session.
            WrongCard: no key was ever made for this purpose.
        """
        self._select_file(self._type.slot(purpose).key)
        return self._command(
            Instruction.PERFORM_SECURITY_OPERATION,
            cla=0x80,
            p2=0x80,
            data=digest_info,
            le=_CHUNK,
        )

    # -- what the municipal counter may do ------------------------------------------

    def authenticate_counter(self, issuer_secret: bytes) -> None:
        """Prove to be a counter of the card's issuer.

        Raises:
            APDUError: 6300, this issuer did not make this card.
        """
        key = counter_key(issuer_secret, self.serial)
        challenge = self._command(Instruction.GET_CHALLENGE, le=CHALLENGE_OCTETS)
        if len(challenge) != CHALLENGE_OCTETS:
            raise CardError(f"a challenge of {len(challenge)} octets")
        self._command(
            Instruction.EXTERNAL_AUTHENTICATE,
            data=counter_cryptogram(key, challenge),
        )

    def generate_key_pair(self, purpose: Purpose, suite: SignatureSuite) -> bytes:
        """Make a key pair on the card; the old key and its certificate are gone.

        Returns:
            The public key as SubjectPublicKeyInfo, DER.

        Raises:
            WrongCard: the chip makes no such keys.
        """
        slot = self._type.slot(purpose)
        if suite not in slot.suites:
            raise WrongCard(f"a {self._type.id} card makes no {suite.id} key")
        self._select_file(slot.key)
        bits = int(suite.parameter)
        template = self._command(
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR,
            p1=0x80,
            p2=0x80,
            data=bits.to_bytes(2, "big"),
            le=_LARGEST_ANSWER,
        )
        return public_key_info(template)

    def read_public_key(self, purpose: Purpose) -> bytes:
        """The public half of the key pair that is on the card, as generation gave it.

        Returns:
            SubjectPublicKeyInfo, DER.

        Raises:
            WrongCard: no key was ever made for this purpose.
        """
        self._select_file(self._type.slot(purpose).key)
        template = self._command(
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR,
            p1=0x81,
            p2=0x80,
            le=_LARGEST_ANSWER,
        )
        return public_key_info(template)

    def erase(self) -> None:
        """Take keys, PINs and certificates off the card, all at once and for good."""
        self._command(Instruction.TERMINATE_DF)

    def set_pin(self, purpose: Purpose, new: Secret) -> None:
        """Let the holder choose a PIN and lift a block.

        Raises:
            PINFormatError: no acceptable form; nothing was sent.
        """
        rule = self._type.slot(purpose).pin
        data = new_pin(new(), rule)
        self._select_file(rule.file)
        self._command(Instruction.RESET_RETRY_COUNTER, p1=0x02, p2=0x80, data=data)

    def write_certificates(
        self, purpose: Purpose, certificate: bytes, ca_certificate: bytes
    ) -> None:
        """Put the citizen's and the CA's certificate on the card, both or neither."""
        slot = self._type.slot(purpose)
        self._write(slot.ca_certificate, ca_certificate)
        self._write(slot.certificate, certificate)
        self._command(Instruction.ACTIVATE_FILE)

    # -- files ----------------------------------------------------------------------

    def _select_application(self) -> None:
        self._current = None
        wanted = {kind.application for kind in card_types().values()}
        for application in sorted(wanted):
            answer = self._exchange(
                CommandAPDU(ins=Instruction.SELECT, p1=0x04, p2=0x0C, data=application)
            )
            if answer.status == StatusWord.OK:
                return
        raise WrongCard("this card carries no JPKI application")

    def _select_file(self, file: FileId) -> None:
        if file != self._current:
            self._current = None
            name = file.to_bytes(2, "big")
            self._command(Instruction.SELECT, p1=0x02, p2=0x0C, data=name)
            self._current = file

    def _read_token(self) -> TokenInfo:
        self._select_file(_TOKEN_FILE)
        try:
            return TokenInfo.parse(self._read_binary(0, TOKEN_INFO_SIZE))
        except EncodingError as error:
            raise WrongCard(f"token information: {error}") from None

    def _read_der(self, file: FileId) -> bytes:
        """A file that holds one DER value and padding, as OpenSC reads it."""
        self._select_file(file)
        header = self._read_binary(0, 4)
        if header[:2] != b"\x30\x82":
            raise WrongCard("there is no certificate in this file of the card")
        size = 4 + int.from_bytes(header[2:], "big")
        if size > _LARGEST_FILE:
            raise CardError(f"a certificate of {size} octets is none")
        content = header
        while len(content) < size:
            content += self._read_on(len(content), size - len(content))
        return content

    def _read_on(self, offset: int, size: int) -> bytes:
        """All that is left at once, or as much as a short command takes."""
        if size > _CHUNK and self._long_answers:
            try:
                return self._read_binary(offset, size)
            except APDUError as error:
                if error.status_word != StatusWord.WRONG_LENGTH:
                    raise
                self._long_answers = False
        return self._read_binary(offset, min(_CHUNK, size))

    def _read_binary(self, offset: int, size: int) -> bytes:
        data = self._command(
            Instruction.READ_BINARY, p1=offset >> 8, p2=offset & 0xFF, le=size
        )
        if len(data) != size:
            raise CardError(f"the card gave {len(data)} octets of {size}")
        return data

    def _write(self, file: FileId, content: bytes) -> None:
        if len(content) > self._type.file_size:
            raise CardError(f"{len(content)} octets do not fit this card's files")
        self._select_file(file)
        self._command(Instruction.UPDATE_BINARY, data=content)

    # -- commands -------------------------------------------------------------------

    def _command(
        self,
        ins: Instruction,
        *,
        cla: int = 0x00,
        p1: int = 0,
        p2: int = 0,
        data: bytes = b"",
        le: int | None = None,
    ) -> bytes:
        answer = self._exchange(
            CommandAPDU(cla=cla, ins=ins, p1=p1, p2=p2, data=data, le=le)
        )
        collected = answer.data
        while answer.status & 0xFF00 == StatusWord.MORE_DATA:
            more = answer.status & 0xFF or _CHUNK
            answer = self._exchange(CommandAPDU(ins=Instruction.GET_RESPONSE, le=more))
            collected += answer.data
            if not answer.data or len(collected) > _LARGEST_ANSWER:
                raise CardError("the card's answer does not end")
        if answer.status != StatusWord.OK:
            raise error_of_status(answer.status, ins.name.replace("_", " "))
        return collected

    def _exchange(self, command: CommandAPDU) -> ResponseAPDU:
        try:
            answer = ResponseAPDU.parse(self._transport.transmit(bytes(command)))
        except EncodingError as error:
            raise CardError(f"{error}") from None
        log_exchange(command, answer)
        return answer
