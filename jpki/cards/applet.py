"""A whole card as a program: APDU octets in, APDU octets out, one file as its chip.

Whatever bytes come in, an ISO status word goes out. What the commands do is in
`jpki.cards.commands`; here are power, memory and the framing of answers.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU, StatusWord
from jpki.cards.card_types import CardType
from jpki.cards.commands import Application, Refused
from jpki.cards.counter import counter_key
from jpki.cards.state import CardImage, CardMemory, CardState, encode_state
from jpki.durable import HeldFile, create_file
from jpki.errors import CardError, CardGone, Conflict, EncodingError
from jpki.model.ports import Random

__all__ = ["VirtualCard"]


class VirtualCard:
    """A card with its power on. Close it to let another program use its file."""

    def __init__(self, image: CardImage, *, random: Random = os.urandom) -> None:
        """Insert the card that `image` holds.

        A chip has its own source of chance, hence the default for `random`.

        Raises:
            CardError: the image is damaged.
        """
        self._memory = CardMemory(image)
        self._random = random
        self._lock = threading.Lock()
        self._open = True
        self._power_on()

    def _power_on(self) -> None:
        self._application = Application(self._memory, self._random)
        self._rest = b""

    @classmethod
    def create(
        cls,
        path: Path,
        card_type: CardType,
        *,
        serial: str,
        issuer_secret: bytes,
        random: Random = os.urandom,
    ) -> VirtualCard:
        """Make a blank card: no keys, no PINs, no certificates.

        Raises:
            CardError: a file is there already or cannot be written, or a bad serial.
        """
        state = CardState(
            card_type=card_type,
            serial=serial,
            counter_key=counter_key(issuer_secret, serial),
            pins={},
            keys={},
            files={},
        )
        try:
            create_file(path, encode_state(state))
        except FileExistsError:
            raise CardError(f"{path} exists; cards are never overwritten") from None
        except OSError as error:
            raise CardError(f"{path}: {error.strerror}") from None
        return cls.open(path, random=random)

    @classmethod
    def open(cls, path: Path, *, random: Random = os.urandom) -> VirtualCard:
        """Insert the card whose memory is this file.

        Raises:
            CardGone: no such file.
            CardError: in use by another program, damaged, or unreadable.
        """
        try:
            image = HeldFile(path)
        except FileNotFoundError:
            raise CardGone(f"there is no card at {path}") from None
        except Conflict:
            raise CardError(f"the card at {path} is in use") from None
        except OSError as error:
            raise CardError(f"{path}: {error.strerror}") from None
        try:
            return cls(image, random=random)
        except CardError:
            image.close()
            raise

    @property
    def card_type(self) -> CardType:
        """Which generation this card is."""
        return self._memory.state.card_type

    @property
    def atr(self) -> bytes:
        """Answer to reset, as a reader with contacts sees it."""
        return self.card_type.atr

    def __repr__(self) -> str:
        return f"VirtualCard({self.card_type.id}, {self._memory.state.serial})"

    def __enter__(self) -> VirtualCard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the card out: power is lost and the file is free."""
        with self._lock:
            self._open = False
            self._memory.close()

    def reset(self) -> None:
        """Power off and on again: every right won is lost."""
        with self._lock:
            self._power_on()

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU with one response APDU.

        Raises:
            CardGone: the card was closed. Nothing else, whatever the bytes.
        """
        with self._lock:
            if not self._open:
                raise CardGone("the card was taken out")
            return bytes(self._answer(command))

    def _answer(self, raw: bytes) -> ResponseAPDU:
        try:
            command = CommandAPDU.parse(raw)
        except EncodingError:
            return ResponseAPDU(StatusWord.WRONG_LENGTH)
        try:
            if command.ins == Instruction.GET_RESPONSE:
                answer = self._pending(command)
            else:
                self._rest = b""
                answer = self._application.process(command)
        except Refused as refused:
            return ResponseAPDU(refused.status)
        except OSError:
            return ResponseAPDU(StatusWord.MEMORY_FAILURE)
        wanted = command.le or 0
        now, self._rest = answer[:wanted], answer[wanted:]
        if not self._rest:
            return ResponseAPDU(StatusWord.OK, now)
        more = min(len(self._rest), 256) & 0xFF
        return ResponseAPDU(StatusWord.MORE_DATA | more, now)

    def _pending(self, command: CommandAPDU) -> bytes:
        """What is left of the last answer (GET RESPONSE, ISO/IEC 7816-4 11.7.1)."""
        if command.cla:
            raise Refused(StatusWord.UNKNOWN_CLASS)
        if command.p1 or command.p2:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        if command.le is None or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        if not self._rest:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        return self._rest
