"""Reading what is printed on a card from its chip (券面事項).

    with FaceSession(transport) as face:
        read = face.read(lambda: "1234")
        print(read.basic, read.my_number, read.record)

Three secrets open it: the PIN of 券面事項入力補助AP (four digits), 照合番号A (個人番号,
twelve digits) and 照合番号B (fourteen digits). The PIN opens all of it, since it gives
個人番号, which is 照合番号A of 券面事項確認AP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from jpki.cards.apdu import Instruction, StatusWord
from jpki.cards.application_types import ApplicationType
from jpki.cards.card_types import CardType
from jpki.cards.channel import CardChannel
from jpki.cards.face_data import (
    CARD_RECORD_OCTETS,
    HEAD_OCTETS,
    CardRecord,
    FaceRecord,
    content_size,
    read_attributes,
    read_card_record,
    read_face,
    read_my_number,
)
from jpki.cards.pins import existing_pin, new_pin
from jpki.cards.rules import PINRule
from jpki.cards.session import CardSession
from jpki.cards.transport import CardTransport
from jpki.errors import APDUError, EncodingError, PINFormatError, WrongCard
from jpki.model.ports import Secret
from jpki.model.residents import BasicInformation

__all__ = ["Face", "FaceSession"]

_TEXT: Final = "input-support"
_PICTURES: Final = "face"
_COMMON: Final = "common"
_PIN: Final = "pin"
_NUMBER_A: Final = "number-a"
_NUMBER_B: Final = "number-b"

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Face:
    """What a secret has opened."""

    my_number: str | None = field(repr=False)
    """個人番号; None where 照合番号B was given."""
    basic: BasicInformation | None
    """基本4情報; None where 照合番号A was given."""
    record: FaceRecord
    """Birth, gender, the card's last day, pictures."""


class FaceSession:
    """The applications of a card that hold its face.

    Ends the transport when closed, and where no session comes about.
    """

    def __init__(self, transport: CardTransport) -> None:
        """Learn which card this is.

        Raises:
            WrongCard: of a generation whose other applications are not public.
            CardError: the card talks nonsense or went away.
        """
        session = CardSession(transport)
        try:
            self._begin(session)
        except BaseException:
            session.close()
            raise

    @classmethod
    def of(cls, session: CardSession) -> FaceSession:
        """Go on with the card of another session, which is over then.

        Raises:
            WrongCard: of a generation whose other applications are not public.
        """
        face = cls.__new__(cls)
        face._begin(session)
        return face

    def _begin(self, session: CardSession) -> None:
        self._type = session.card_type
        if _TEXT not in self._type.applications:
            raise WrongCard(
                f"how a card of this kind holds its face is not public "
                f"({self._type.title})",
                hint="a My Number card can be asked for its face",
            )
        self._serial = session.serial
        self._channel: CardChannel = session.channel
        self._text = self._type.other(_TEXT)
        self._pictures = self._type.other(_PICTURES)

    def __enter__(self) -> FaceSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Power the card down; every right won is lost."""
        self._channel.close()

    @property
    def card_type(self) -> CardType:
        """Which generation this card is."""
        return self._type

    def card(self) -> CardRecord:
        """Number, municipality and last day of the card; no secret is needed.

        Raises:
            WrongCard: nothing is written.
        """
        application = self._type.other(_COMMON)
        self._select(application)
        self._channel.select_file(application.file("card").file)
        try:
            octets = self._channel.command(
                Instruction.READ_RECORD, p1=1, p2=0x04, le=CARD_RECORD_OCTETS
            )
        except APDUError as error:
            if error.status_word != StatusWord.RECORD_NOT_FOUND:
                raise
            raise WrongCard("nothing is written in this file of the card") from None
        return _read(read_card_record, octets)

    def read(self, secret: Secret) -> Face:
        """All that this PIN, 照合番号A or 照合番号B opens.

        Raises:
            PINFormatError: it is none of the three by its form; nothing was sent.
            PINError: wrong, with the tries left.
            PINBlocked: no tries left, or never set.
            WrongCard: nothing is written.
        """
        kind, typed = self._kind_of(secret())
        self._select(self._text)
        self._channel.verify(self._text.pin(kind).file, typed)
        number = None if kind == _NUMBER_B else self._my_number()
        basic = None if kind == _NUMBER_A else self._attributes()
        # The same number again, or the number that the PIN has opened.
        other = _NUMBER_B if number is None else _NUMBER_A
        printed = typed if number is None else number.encode()
        self._select(self._pictures)
        self._channel.verify(self._pictures.pin(other).file, printed)
        content = self._file(self._pictures, "face")
        sexes = self._pictures.sexes
        record = _read(lambda octets: read_face(octets, sexes), content)
        return Face(my_number=number, basic=basic, record=record)

    # -- the PIN --------------------------------------------------------------------

    @property
    def pin_rule(self) -> PINRule:
        """What the PIN of four digits looks like."""
        return self._text.pin(_PIN)

    def pin_tries_left(self) -> int:
        """How many wrong PINs of four digits the card still takes."""
        self._select(self._text)
        return self._channel.tries_left(self._text.pin(_PIN).file)

    def verify_pin(self, pin: Secret) -> None:
        """Whether the PIN of four digits is right.

        Raises:
            PINFormatError: cannot be right; nothing was sent.
            PINError, PINBlocked: it is not.
        """
        rule = self._text.pin(_PIN)
        typed = existing_pin(pin(), rule)
        self._select(self._text)
        self._channel.verify(rule.file, typed)

    def change_pin(self, current: Secret, new: Secret) -> None:
        """Set another PIN after verifying the current one.

        Raises:
            PINFormatError: one of them has no acceptable form; nothing was sent.
            PINError, PINBlocked: the current one is wrong.
        """
        chosen = new_pin(new(), self._text.pin(_PIN))
        self.verify_pin(current)
        self._channel.change_pin(chosen)

    def set_pin(self, issuer_secret: bytes, new: Secret) -> None:
        """As a counter of the card's issuer: let the holder choose; lifts a block.

        Raises:
            PINFormatError: no acceptable form; nothing was sent.
            APDUError: 6300, this issuer did not make this card.
        """
        rule = self._text.pin(_PIN)
        chosen = new_pin(new(), rule)
        self._select(self._text)
        self._channel.authenticate_counter(issuer_secret, self._serial)
        self._channel.set_pin(rule.file, chosen)

    # -- reading --------------------------------------------------------------------

    def _kind_of(self, typed: str) -> tuple[str, bytes]:
        for kind in (_PIN, _NUMBER_A, _NUMBER_B):
            try:
                return kind, existing_pin(typed, self._text.pin(kind))
            except PINFormatError:
                continue
        raise PINFormatError(
            "the face is opened by the PIN (4 digits), 個人番号 (12) or 照合番号B (14)",
            hint="no try was used",
        )

    def _select(self, application: ApplicationType) -> None:
        if not self._channel.select_application(application.application):
            raise WrongCard(f"this card carries no {application.title}")

    def _my_number(self) -> str:
        return _read(read_my_number, self._file(self._text, "my-number"))

    def _attributes(self) -> BasicInformation:
        content = self._file(self._text, "attributes")
        sexes = self._text.sexes
        return _read(lambda octets: read_attributes(octets, sexes), content)

    def _file(self, application: ApplicationType, name: str) -> bytes:
        self._channel.select_file(application.file(name).file)
        try:
            head = self._channel.read(0, HEAD_OCTETS)
        except APDUError as error:
            if error.status_word != StatusWord.WRONG_OFFSET:
                raise
            raise WrongCard("nothing is written in this file of the card") from None
        return self._channel.read_up_to(_read(content_size, head), head)


def _read(reader: Callable[[bytes], Value], octets: bytes) -> Value:
    try:
        return reader(octets)
    except EncodingError as error:
        raise WrongCard(error.message) from None
