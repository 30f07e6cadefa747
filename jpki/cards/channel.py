"""Commands to a powered card and typed errors back: what sessions are made of."""

from __future__ import annotations

from typing import Final

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU, StatusWord
from jpki.cards.counter import CHALLENGE_OCTETS, counter_cryptogram, counter_key
from jpki.cards.rules import FileId
from jpki.cards.status import error_of_status, tries_of_status
from jpki.cards.traffic import log_exchange
from jpki.cards.transport import CardTransport
from jpki.errors import APDUError, CardError, EncodingError

__all__ = ["CHUNK", "LARGEST_ANSWER", "LARGEST_FILE", "CardChannel"]

CHUNK: Final = 256
LARGEST_FILE: Final = 0x8000
"""Offsets of READ BINARY have 15 bits."""
LARGEST_ANSWER: Final = LARGEST_FILE
_WRITTEN: Final = 255
"""Octets that a short command takes."""


class CardChannel:
    """One powered card. Knows which file is selected, and how long answers may be."""

    def __init__(self, transport: CardTransport) -> None:
        self._transport = transport
        self._current: FileId | None = None
        self._long = True
        """Until the card says that it has no extended lengths."""

    def close(self) -> None:
        """Power the card down; every right won is lost."""
        self._transport.close()

    # -- selecting ------------------------------------------------------------------

    def select_application(self, application: bytes) -> bool:
        """Whether the card has it; every right won so far is given up then."""
        self._current = None
        answer = self.exchange(
            CommandAPDU(ins=Instruction.SELECT, p1=0x04, p2=0x0C, data=application)
        )
        return answer.status == StatusWord.OK

    def select_file(self, file: FileId) -> None:
        """Make a file of the application the current one.

        Raises:
            WrongCard: there is none.
        """
        if file != self._current:
            self._current = None
            name = file.to_bytes(2)
            self.command(Instruction.SELECT, p1=0x02, p2=0x0C, data=name)
            self._current = file

    # -- the current file -----------------------------------------------------------

    def read(self, offset: int, size: int) -> bytes:
        """Exactly so many octets.

        Raises:
            APDUError: 6982, a PIN is needed first; 6B00, there are none.
            CardError: the card gave another number of them.
        """
        data = self.command(
            Instruction.READ_BINARY, p1=offset >> 8, p2=offset & 0xFF, le=size
        )
        if len(data) != size:
            raise CardError(f"the card gave {len(data)} octets of {size}")
        return data

    def read_up_to(self, size: int, head: bytes) -> bytes:
        """All octets before `size`, of which the first are known.

        Raises:
            CardError: as `read`.
        """
        if size > LARGEST_FILE:
            raise CardError(f"a file of {size} octets is none")
        content = head[:size]
        while len(content) < size:
            content += self._read_on(len(content), size - len(content))
        return content

    def _read_on(self, offset: int, size: int) -> bytes:
        """All that is left at once, or as much as a short command takes."""
        if size > CHUNK and self._long:
            try:
                return self.read(offset, size)
            except APDUError as error:
                if error.status_word != StatusWord.WRONG_LENGTH:
                    raise
                self._long = False
        return self.read(offset, min(CHUNK, size))

    def write(self, content: bytes) -> None:
        """Write the file anew: at once, or in as many parts as the card needs."""
        if len(content) > _WRITTEN and self._long:
            try:
                self.command(Instruction.UPDATE_BINARY, data=content)
            except APDUError as error:
                if error.status_word != StatusWord.WRONG_LENGTH:
                    raise
                self._long = False
            else:
                return
        for at in range(0, len(content), _WRITTEN):
            part = content[at : at + _WRITTEN]
            self.command(Instruction.UPDATE_BINARY, p1=at >> 8, p2=at & 0xFF, data=part)

    # -- PINs -----------------------------------------------------------------------

    def tries_left(self, file: FileId) -> int:
        """How many wrong PINs the card still takes. 0: blocked, or never set."""
        self.select_file(file)
        answer = self.exchange(CommandAPDU(ins=Instruction.VERIFY, p2=0x80))
        tries = tries_of_status(answer.status)
        if tries is None:
            raise APDUError(answer.status, "VERIFY")
        return tries

    def verify(self, file: FileId, pin: bytes) -> None:
        """Win what this PIN opens.

        Raises:
            PINError: wrong, with the tries left.
            PINBlocked: no tries left.
        """
        self.select_file(file)
        self.command(Instruction.VERIFY, p2=0x80, data=pin)

    def change_pin(self, pin: bytes) -> None:
        """Another one in the place of that which was just verified."""
        self.command(Instruction.CHANGE_REFERENCE_DATA, p1=0x01, p2=0x80, data=pin)

    def set_pin(self, file: FileId, pin: bytes) -> None:
        """As a counter that proved itself: also lifts a block."""
        self.select_file(file)
        self.command(Instruction.RESET_RETRY_COUNTER, p1=0x02, p2=0x80, data=pin)

    def authenticate_counter(self, issuer_secret: bytes, serial: str) -> None:
        """Prove to be a counter of the issuer of the card with this serial number.

        Raises:
            APDUError: 6300, this issuer did not make this card.
        """
        key = counter_key(issuer_secret, serial)
        challenge = self.command(Instruction.GET_CHALLENGE, le=CHALLENGE_OCTETS)
        if len(challenge) != CHALLENGE_OCTETS:
            raise CardError(f"a challenge of {len(challenge)} octets")
        answer = counter_cryptogram(key, challenge)
        self.command(Instruction.EXTERNAL_AUTHENTICATE, data=answer)

    # -- commands -------------------------------------------------------------------

    def command(
        self,
        ins: Instruction,
        *,
        cla: int = 0x00,
        p1: int = 0,
        p2: int = 0,
        data: bytes = b"",
        le: int | None = None,
    ) -> bytes:
        """The whole answer to a command.

        Raises:
            CardError: as `error_of_status` says, or the answer does not end.
        """
        answer = self.exchange(
            CommandAPDU(cla=cla, ins=ins, p1=p1, p2=p2, data=data, le=le)
        )
        collected = answer.data
        while answer.status & 0xFF00 == StatusWord.MORE_DATA:
            more = answer.status & 0xFF or CHUNK
            answer = self.exchange(CommandAPDU(ins=Instruction.GET_RESPONSE, le=more))
            collected += answer.data
            if not answer.data or len(collected) > LARGEST_ANSWER:
                raise CardError("the card's answer does not end")
        if answer.status != StatusWord.OK:
            raise error_of_status(answer.status, ins.name.replace("_", " "))
        return collected

    def exchange(self, command: CommandAPDU) -> ResponseAPDU:
        """One command, one answer, whatever its status word.

        Raises:
            CardError: the answer is none, or the card went away.
        """
        try:
            answer = ResponseAPDU.parse(self._transport.transmit(bytes(command)))
        except EncodingError as error:
            raise CardError(f"{error}") from None
        log_exchange(command, answer)
        return answer
