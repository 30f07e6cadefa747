"""What all applications of a card do alike, after ISO/IEC 7816-4 and JICSAP.

Files are selected and read, PINs are verified and changed, and a counter proves itself.
Which files and PINs there are says each application (`jpki.cards.commands`,
`jpki.cards.data_application`). A command ends in data or in `Refused`. A try counter is
on disk, lowered, before a PIN is compared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Final, Generic, TypeVar

from jpki.cards.apdu import CommandAPDU, Instruction, StatusWord
from jpki.cards.counter import CHALLENGE_OCTETS, is_counter_cryptogram
from jpki.cards.rules import FileId, PINRule
from jpki.cards.state import CardMemory, CardState, StoredPIN
from jpki.model.ports import Random

__all__ = ["ISO", "PROPRIETARY", "Application", "Handler", "Refused", "parameters"]

ISO: Final = 0x00
PROPRIETARY: Final = 0x80
_LONGEST_PIN: Final = 16  # JICSAP 6.4.9
_SALT_OCTETS: Final = 16

Handler = Callable[[CommandAPDU], bytes]
Name = TypeVar("Name", bound=Hashable)
"""What an application calls its PINs by."""


class Refused(Exception):
    """Ends a command with a status word other than 9000."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


class Application(ABC, Generic[Name]):
    """One application, from its selection to the next, or to the loss of power."""

    def __init__(self, memory: CardMemory, random: Random) -> None:
        self._memory = memory
        self._commit = memory.commit
        self._random = random
        self._current: FileId | None = None
        self._verified: set[Name] = set()
        self._counter = False
        self._challenge: bytes | None = None
        self._commands: dict[int, tuple[int, Handler]] = {
            Instruction.SELECT: (ISO, self._select),
            Instruction.READ_BINARY: (ISO, self._read),
            Instruction.VERIFY: (ISO, self._verify),
            Instruction.CHANGE_REFERENCE_DATA: (ISO, self._change_pin),
            Instruction.GET_CHALLENGE: (ISO, self._get_challenge),
            Instruction.EXTERNAL_AUTHENTICATE: (ISO, self._authenticate_counter),
            Instruction.RESET_RETRY_COUNTER: (ISO, self._set_pin),
        }

    @property
    def _state(self) -> CardState:
        return self._memory.state

    # -- what there is in an application --------------------------------------------

    @abstractmethod
    def _has(self, file: FileId) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def _content(self, file: FileId) -> bytes:
        """What READ BINARY gives of it.

        Raises:
            Refused: it is of another kind, or not open.
        """

    @abstractmethod
    def _pin_in(self, file: FileId) -> tuple[Name, PINRule] | None:
        """The PIN that this file is; None where it is none."""

    @abstractmethod
    def _stored_pin(self, name: Name) -> StoredPIN | None:
        """What the card keeps of a PIN; None where none was set."""

    @abstractmethod
    def _with_pin(self, name: Name, pin: StoredPIN) -> CardState:
        """The card with this PIN."""

    # -- commands -------------------------------------------------------------------

    def process(self, command: CommandAPDU) -> bytes:
        """Carry out one command; the answer may be longer than the command asks for.

        Raises:
            Refused: with the status word that says why.
            OSError: the memory could not be written; the command did not happen.
        """
        if command.cla not in (ISO, PROPRIETARY):
            raise Refused(StatusWord.UNKNOWN_CLASS)
        known = self._commands.get(command.ins)
        if known is None:
            raise Refused(StatusWord.UNKNOWN_INSTRUCTION)
        cla, handler = known
        if command.cla != cla:
            raise Refused(StatusWord.UNKNOWN_CLASS)
        return handler(command)

    # -- files ----------------------------------------------------------------------

    def _select(self, command: CommandAPDU) -> bytes:
        """An elementary file; applications are selected by `jpki.cards.chip`."""
        parameters(command, 0x02, 0x0C)
        if len(command.data) != 2:
            raise Refused(StatusWord.WRONG_LENGTH)
        file = int.from_bytes(command.data)
        if not self._has(file):
            raise Refused(StatusWord.FILE_NOT_FOUND)
        self._current = file
        return b""

    def _locate(self, command: CommandAPDU) -> tuple[FileId, int]:
        """The file and offset that P1-P2 of READ or UPDATE BINARY name."""
        if command.p1 & 0x80:
            if command.p1 & 0x60:
                raise Refused(StatusWord.WRONG_PARAMETERS)
            file = command.p1 & 0x1F
            if not self._has(file):
                raise Refused(StatusWord.FILE_NOT_FOUND)
            self._current = file
            return file, command.p2
        if self._current is None:
            raise Refused(StatusWord.NO_CURRENT_FILE)
        return self._current, command.p1 << 8 | command.p2

    def _read(self, command: CommandAPDU) -> bytes:
        if command.le is None or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        file, offset = self._locate(command)
        content = self._content(file)
        if offset >= len(content):
            raise Refused(StatusWord.WRONG_OFFSET)
        return content[offset : offset + command.le]

    # -- PINs -----------------------------------------------------------------------

    def _named(self, command: CommandAPDU) -> FileId:
        """The file of a PIN or key that P2 names: the current one, or by 80|SFI."""
        if command.p2 & 0xE0 != 0x80:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        file = command.p2 & 0x1F or self._current
        if file is None:
            raise Refused(StatusWord.NO_CURRENT_FILE)
        return file

    def _pin(self, command: CommandAPDU) -> tuple[Name, PINRule]:
        found = self._pin_in(self._named(command))
        if found is None:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        return found

    def _verify(self, command: CommandAPDU) -> bytes:
        if command.p1:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        name, rule = self._pin(command)
        stored = self._stored_pin(name)
        tries = stored.tries_left if stored else 0
        if not command.data:
            # The same after a successful VERIFY: clients rely on it (OpenSC PR 959).
            raise Refused(StatusWord.RETRIES_LEFT | tries)
        if len(command.data) > _LONGEST_PIN:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._verified.discard(name)
        if stored is None or not tries:
            raise Refused(StatusWord.REFERENCE_DATA_UNUSABLE)
        self._commit(self._with_pin(name, replace(stored, tries_left=tries - 1)))
        if not stored.matches(command.data):
            raise Refused(StatusWord.RETRIES_LEFT | tries - 1)
        self._commit(self._with_pin(name, replace(stored, tries_left=rule.tries)))
        self._verified.add(name)
        return b""

    def _change_pin(self, command: CommandAPDU) -> bytes:
        if command.p1 != 0x01:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        return self._change(command)

    def _change(self, command: CommandAPDU) -> bytes:
        name, rule = self._pin(command)
        if name not in self._verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        if rule.printed:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        self._store_pin(name, rule, command.data)
        return b""

    def _store_pin(self, name: Name, rule: PINRule, pin: bytes) -> None:
        if not 0 < len(pin) <= _LONGEST_PIN:
            raise Refused(StatusWord.WRONG_LENGTH)
        if not rule.may_become(pin):
            raise Refused(StatusWord.WRONG_DATA)
        stored = StoredPIN.of(pin, self._random(_SALT_OCTETS), rule.tries)
        self._commit(self._with_pin(name, stored))

    # -- the counter ----------------------------------------------------------------

    def _get_challenge(self, command: CommandAPDU) -> bytes:
        parameters(command, 0, 0)
        if command.le is None or command.le > 256 or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._challenge = self._random(command.le)
        return self._challenge

    def _authenticate_counter(self, command: CommandAPDU) -> bytes:
        parameters(command, 0, 0)
        challenge, self._challenge = self._challenge, None
        self._counter = False
        if challenge is None or len(challenge) < CHALLENGE_OCTETS:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        key = self._state.counter_key
        if not is_counter_cryptogram(key, challenge, command.data):
            raise Refused(StatusWord.AUTHENTICATION_FAILED)
        self._counter = True
        return b""

    def _require_counter(self) -> None:
        if not self._counter:
            raise Refused(StatusWord.SECURITY_STATUS)

    def _set_pin(self, command: CommandAPDU) -> bytes:
        """Also lifts a block."""
        if command.p1 != 0x02:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        name, rule = self._pin(command)
        self._require_counter()
        self._verified.discard(name)
        self._store_pin(name, rule, command.data)
        return b""


def parameters(command: CommandAPDU, p1: int, p2: int) -> None:
    """Refuse all others.

    Raises:
        Refused: 6A86.
    """
    if (command.p1, command.p2) != (p1, p2):
        raise Refused(StatusWord.WRONG_PARAMETERS)
