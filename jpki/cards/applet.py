"""A whole card as a program: APDU octets in, APDU octets out, one file as its chip.

Whatever bytes come in, an ISO status word goes out. What the commands do is said by
the card's applications (`jpki.cards.chip`); here are power, memory, and the framing of
commands that come in parts and of answers that are fetched in parts.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Final

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU, StatusWord
from jpki.cards.application import ISO, PROPRIETARY, Refused
from jpki.cards.card_types import CardType
from jpki.cards.chip import Chip
from jpki.cards.counter import counter_key
from jpki.cards.holder import Holder, personalised
from jpki.cards.state import CardImage, CardMemory, CardState, encode_state
from jpki.durable import HeldFile, create_file
from jpki.errors import CardError, CardGone, Conflict, EncodingError
from jpki.model.ports import Random

__all__ = ["VirtualCard"]

_MORE: Final = 0x10
"""In the class octet: this is not the last part of the command."""
_CHAINED: Final = (ISO | _MORE, PROPRIETARY | _MORE)
_LONGEST_CHAIN: Final = 8192  # twice what a certificate file holds


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
        self._chip = Chip(self._memory, self._random)
        self._rest = b""
        self._begun: CommandAPDU | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        card_type: CardType,
        *,
        serial: str,
        issuer_secret: bytes,
        holder: Holder | None = None,
        random: Random = os.urandom,
    ) -> VirtualCard:
        """Make a blank card: no keys and certificates, no PINs of theirs.

        With a holder, what is printed on the card stands in its chip as well.

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
            applications={}
            if holder is None
            else personalised(card_type, holder, serial, random),
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
            raise CardError(
                f"the card at {path} is in use",
                hint="another program has it: end that, or wait for it",
            ) from None
        except OSError as error:
            raise CardError(f"{path}: {error.strerror}") from None
        try:
            return cls(image, random=random)
        except CardError as error:
            image.close()
            raise CardError(f"{path}: {error.message}", hint=error.hint) from None

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
                self._begun = None
                answer = self._pending(command)
            else:
                self._rest = b""
                answer = self._process(command)
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

    def _process(self, command: CommandAPDU) -> bytes:
        """One command, or a part of one (ISO/IEC 7816-4 5.3.3)."""
        begun, self._begun = self._begun, None
        more = self.card_type.command_chaining and command.cla in _CHAINED
        if more:
            command = replace(command, cla=command.cla & ~_MORE)
        if begun is not None:
            if _header(begun) != _header(command):
                raise Refused(StatusWord.LAST_OF_CHAIN_EXPECTED)
            command = replace(command, data=begun.data + command.data)
        if not more:
            return self._chip.process(command)
        if len(command.data) > _LONGEST_CHAIN:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._begun = command
        return b""

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


def _header(command: CommandAPDU) -> tuple[int, int, int, int]:
    return command.cla, command.ins, command.p1, command.p2
