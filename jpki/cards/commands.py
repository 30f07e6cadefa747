"""The commands of the JPKI application, after ISO/IEC 7816-4 and JICSAP.

What is public about the real application holds here byte for byte, as OpenSC's card
driver meets it; which files, keys and PINs there are is data (`card_types`). What is
not public (the counter's rights) is ours: `jpki.cards.counter`.

A command ends in data or in `Refused`. Private keys have no way out. A try counter is
on disk, lowered, before a PIN is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    generate_private_key,
)

from jpki.cards.apdu import CommandAPDU, Instruction, StatusWord
from jpki.cards.card_types import CardType, FileId, KeySlot
from jpki.cards.counter import CHALLENGE_OCTETS, is_counter_cryptogram
from jpki.cards.presence import PRESENCE_ORDER, PRESENT
from jpki.cards.public_keys import public_key_template
from jpki.cards.signing import compute_signature
from jpki.cards.state import CardMemory, CardState, StoredKey, StoredPIN
from jpki.cards.token import TokenInfo
from jpki.errors import EncodingError
from jpki.model.ports import Random
from jpki.model.purposes import Purpose

__all__ = ["Application", "Refused"]

_ISO: Final = 0x00
_PROPRIETARY: Final = 0x80
_LONGEST_PIN: Final = 16  # JICSAP 6.4.9
_SALT_OCTETS: Final = 16
_PUBLIC_EXPONENT: Final = 65537
_NEW_KEY: Final = 0x80  # ISO/IEC 7816-8 5.1, P1 of GENERATE ASYMMETRIC KEY PAIR
_KNOWN_KEY: Final = 0x81

_Handler = Callable[[CommandAPDU], bytes]


class Refused(Exception):
    """Ends a command with a status word other than 9000."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(slots=True)
class _Volatile:
    """What selecting the application again, or losing power, forgets."""

    selected: bool = False
    current: FileId | None = None
    verified: set[Purpose] = field(default_factory=set)
    counter: bool = False
    challenge: bytes | None = None
    drafts: dict[FileId, bytearray] = field(default_factory=dict)


class Application:
    """公的個人認証AP, from one power-on to the next."""

    def __init__(self, memory: CardMemory, random: Random) -> None:
        self._memory = memory
        self._commit = memory.commit
        self._random = random
        self._volatile = _Volatile()
        self._files = _file_roles(memory.state.card_type)
        self._commands: Final[dict[int, tuple[int, _Handler]]] = {
            Instruction.SELECT: (_ISO, self._select),
            Instruction.READ_BINARY: (_ISO, self._read),
            Instruction.VERIFY: (_ISO, self._verify),
            Instruction.CHANGE_REFERENCE_DATA: (_ISO, self._change_pin),
            Instruction.PERFORM_SECURITY_OPERATION: (_PROPRIETARY, self._sign),
            Instruction.GET_CHALLENGE: (_ISO, self._get_challenge),
            Instruction.EXTERNAL_AUTHENTICATE: (_ISO, self._authenticate_counter),
            Instruction.RESET_RETRY_COUNTER: (_ISO, self._set_pin),
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR: (_ISO, self._generate),
            Instruction.UPDATE_BINARY: (_ISO, self._update),
            Instruction.ACTIVATE_FILE: (_ISO, self._activate),
            Instruction.TERMINATE_DF: (_ISO, self._terminate),
        }

    @property
    def _state(self) -> CardState:
        return self._memory.state

    def process(self, command: CommandAPDU) -> bytes:
        """Carry out one command; the answer may be longer than the command asks for.

        Raises:
            Refused: with the status word that says why.
            OSError: the memory could not be written; the command did not happen.
        """
        return self._handler(command)(command)

    def _handler(self, command: CommandAPDU) -> _Handler:
        if command.cla not in (_ISO, _PROPRIETARY):
            raise Refused(StatusWord.UNKNOWN_CLASS)
        known = self._commands.get(command.ins)
        if known is None:
            raise Refused(StatusWord.UNKNOWN_INSTRUCTION)
        cla, handler = known
        if command.cla != cla:
            raise Refused(StatusWord.UNKNOWN_CLASS)
        if not self._volatile.selected and command.ins != Instruction.SELECT:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        return handler

    # -- files ----------------------------------------------------------------------

    def _select(self, command: CommandAPDU) -> bytes:
        if command.p1 == 0x04 and command.p2 == 0x0C:
            if command.data != self._state.card_type.application:
                raise Refused(StatusWord.FILE_NOT_FOUND)
            self._volatile = _Volatile(selected=True)
        elif command.p1 == 0x02 and command.p2 == 0x0C:
            if len(command.data) != 2:
                raise Refused(StatusWord.WRONG_LENGTH)
            file = int.from_bytes(command.data, "big")
            if not self._volatile.selected or file not in self._files:
                raise Refused(StatusWord.FILE_NOT_FOUND)
            self._volatile.current = file
        else:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        return b""

    def _locate(self, command: CommandAPDU) -> tuple[FileId, int]:
        """The file and offset that P1-P2 of READ or UPDATE BINARY name."""
        if command.p1 & 0x80:
            if command.p1 & 0x60:
                raise Refused(StatusWord.WRONG_PARAMETERS)
            file = command.p1 & 0x1F
            if file not in self._files:
                raise Refused(StatusWord.FILE_NOT_FOUND)
            self._volatile.current = file
            return file, command.p2
        if self._volatile.current is None:
            raise Refused(StatusWord.NO_CURRENT_FILE)
        return self._volatile.current, command.p1 << 8 | command.p2

    def _read(self, command: CommandAPDU) -> bytes:
        if command.le is None or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        file, offset = self._locate(command)
        content = self._content(file)
        if offset >= len(content):
            raise Refused(StatusWord.WRONG_OFFSET)
        return content[offset : offset + command.le]

    def _content(self, file: FileId) -> bytes:
        kind = self._state.card_type
        if file == kind.token.file:
            return bytes(_token_info(self._state))
        if file == kind.presence_file:
            return self._presence()
        slot = self._files[file]
        assert slot is not None
        if file not in (slot.certificate, slot.ca_certificate):
            raise Refused(StatusWord.INCOMPATIBLE_FILE)
        hidden = file == slot.certificate and slot.certificate_after_pin
        if hidden and slot.purpose not in self._volatile.verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        return self._state.files.get(file, b"").ljust(kind.file_size, b"\xff")

    def _presence(self) -> bytes:
        kind = self._state.card_type
        marks = [
            PRESENT * (kind.slots[purpose].certificate in self._state.files)
            for purpose in PRESENCE_ORDER
        ]
        return bytes((*marks, 0))

    # -- PINs and keys --------------------------------------------------------------

    def _slot(self, command: CommandAPDU, kind: str) -> KeySlot:
        """The key pair whose `kind` of file P2 names: the current one, or by 80|SFI."""
        if command.p2 & 0xE0 != 0x80:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        file = command.p2 & 0x1F or self._volatile.current
        if file is None:
            raise Refused(StatusWord.NO_CURRENT_FILE)
        slot = self._files.get(file)
        if slot is None or file != (slot.key if kind == "key" else slot.pin.file):
            raise Refused(StatusWord.KEY_NOT_FOUND)
        return slot

    def _verify(self, command: CommandAPDU) -> bytes:
        if command.p1:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        slot = self._slot(command, "pin")
        stored = self._state.pins.get(slot.purpose)
        tries = stored.tries_left if stored else 0
        if not command.data:
            # The same after a successful VERIFY: clients rely on it (OpenSC PR 959).
            raise Refused(StatusWord.RETRIES_LEFT | tries)
        if len(command.data) > _LONGEST_PIN:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._volatile.verified.discard(slot.purpose)
        if stored is None or not tries:
            raise Refused(StatusWord.REFERENCE_DATA_UNUSABLE)
        self._commit(self._state.with_tries(slot.purpose, tries - 1))
        if not stored.matches(command.data):
            raise Refused(StatusWord.RETRIES_LEFT | tries - 1)
        self._commit(self._state.with_tries(slot.purpose, slot.pin.tries))
        self._volatile.verified.add(slot.purpose)
        return b""

    def _change_pin(self, command: CommandAPDU) -> bytes:
        if command.p1 != 0x01:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        slot = self._slot(command, "pin")
        if slot.purpose not in self._volatile.verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        self._store_pin(slot, command.data)
        return b""

    def _store_pin(self, slot: KeySlot, pin: bytes) -> None:
        if not 0 < len(pin) <= _LONGEST_PIN:
            raise Refused(StatusWord.WRONG_LENGTH)
        if not slot.pin.may_become(pin):
            raise Refused(StatusWord.WRONG_DATA)
        stored = StoredPIN.of(pin, self._random(_SALT_OCTETS), slot.pin.tries)
        self._commit(self._state.with_pin(slot.purpose, stored))

    def _sign(self, command: CommandAPDU) -> bytes:
        slot = self._slot(command, "key")
        if command.p1 not in slot.input_forms:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        if not command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        if slot.purpose not in self._volatile.verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        key = self._state.keys.get(slot.purpose)
        if key is None:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        try:
            return compute_signature(key.private, command.p1, command.data)
        except EncodingError:
            raise Refused(StatusWord.WRONG_LENGTH) from None

    # -- the counter's commands -----------------------------------------------------

    def _get_challenge(self, command: CommandAPDU) -> bytes:
        _parameters(command, 0, 0)
        if command.le is None or command.le > 256 or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._volatile.challenge = self._random(command.le)
        return self._volatile.challenge

    def _authenticate_counter(self, command: CommandAPDU) -> bytes:
        _parameters(command, 0, 0)
        challenge, self._volatile.challenge = self._volatile.challenge, None
        self._volatile.counter = False
        if challenge is None or len(challenge) < CHALLENGE_OCTETS:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        key = self._state.counter_key
        if not is_counter_cryptogram(key, challenge, command.data):
            raise Refused(StatusWord.AUTHENTICATION_FAILED)
        self._volatile.counter = True
        return b""

    def _require_counter(self) -> None:
        if not self._volatile.counter:
            raise Refused(StatusWord.SECURITY_STATUS)

    def _set_pin(self, command: CommandAPDU) -> bytes:
        if command.p1 != 0x02:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        slot = self._slot(command, "pin")
        self._require_counter()
        self._volatile.verified.discard(slot.purpose)
        self._store_pin(slot, command.data)
        return b""

    def _generate(self, command: CommandAPDU) -> bytes:
        if command.p1 not in (_NEW_KEY, _KNOWN_KEY):
            raise Refused(StatusWord.WRONG_PARAMETERS)
        slot = self._slot(command, "key")
        self._require_counter()
        if command.p1 == _KNOWN_KEY:
            return self._public_half(slot, command)
        if len(command.data) != 2:
            raise Refused(StatusWord.WRONG_LENGTH)
        bits = int.from_bytes(command.data, "big")
        if all(suite.parameter != bits for suite in slot.suites):
            raise Refused(StatusWord.WRONG_DATA)
        key = generate_private_key(_PUBLIC_EXPONENT, bits)
        self._commit(self._state.with_new_key(slot.purpose, StoredKey(key)))
        return _template(key)

    def _public_half(self, slot: KeySlot, command: CommandAPDU) -> bytes:
        """What generation gave, for a counter that was interrupted after it."""
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        stored = self._state.keys.get(slot.purpose)
        if stored is None:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        return _template(stored.private)

    def _update(self, command: CommandAPDU) -> bytes:
        self._require_counter()
        if not command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        file, offset = self._locate(command)
        slot = self._files[file]
        if slot is None or file not in (slot.certificate, slot.ca_certificate):
            raise Refused(StatusWord.INCOMPATIBLE_FILE)
        if offset + len(command.data) > self._state.card_type.file_size:
            raise Refused(StatusWord.NOT_ENOUGH_MEMORY)
        if offset == 0:  # a file is always written anew
            self._volatile.drafts[file] = bytearray()
        draft = self._volatile.drafts.setdefault(file, bytearray())
        draft.extend(b"\xff" * (offset - len(draft)))
        draft[offset : offset + len(command.data)] = command.data
        return b""

    def _activate(self, command: CommandAPDU) -> bytes:
        _parameters(command, 0, 0)
        self._require_counter()
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        drafts = self._volatile.drafts
        if not drafts:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        written = {file: bytes(draft) for file, draft in drafts.items()}
        self._commit(self._state.with_files(written))
        drafts.clear()
        return b""

    def _terminate(self, command: CommandAPDU) -> bytes:
        """TERMINATE DF (ISO/IEC 7816-9): the card was given back."""
        _parameters(command, 0, 0)
        self._require_counter()
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._commit(self._state.emptied())
        self._volatile.verified.clear()
        self._volatile.drafts.clear()
        return b""


def _template(key: RSAPrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return public_key_template(numbers.n, numbers.e)


def _parameters(command: CommandAPDU, p1: int, p2: int) -> None:
    if (command.p1, command.p2) != (p1, p2):
        raise Refused(StatusWord.WRONG_PARAMETERS)


def _file_roles(kind: CardType) -> dict[FileId, KeySlot | None]:
    """Every elementary file, with the key pair it belongs to."""
    roles: dict[FileId, KeySlot | None] = {kind.token.file: None}
    if kind.presence_file is not None:
        roles[kind.presence_file] = None
    for slot in kind.slots.values():
        for file in (slot.key, slot.certificate, slot.ca_certificate, slot.pin.file):
            roles[file] = slot
    return roles


def _token_info(state: CardState) -> TokenInfo:
    """What EF 0006 of this card says."""
    kind = state.card_type
    rules = [slot.pin for slot in kind.slots.values()]
    return TokenInfo(
        label=kind.token.label,
        manufacturer=kind.token.manufacturer,
        model=kind.token.model,
        serial=state.serial,
        longest_pin=max(rule.longest for rule in rules),
        shortest_pin=min(rule.shortest for rule in rules),
    )
