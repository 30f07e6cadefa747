"""The commands of the JPKI application (公的個人認証AP).

What is public about the real application holds here byte for byte, as OpenSC's card
driver meets it; which files, keys and PINs there are is data (`card_types`). What is
not public (the counter's rights) is ours: `jpki.cards.counter`. Private keys have no
way out.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from jpki.cards.apdu import CommandAPDU, Instruction, StatusWord
from jpki.cards.application import (
    ISO,
    PROPRIETARY,
    Application,
    Refused,
    parameters,
)
from jpki.cards.card_types import CardType, KeySlot
from jpki.cards.presence import PRESENCE_ORDER, PRESENT
from jpki.cards.public_keys import key_bits, public_key_template
from jpki.cards.rules import FileId, PINRule
from jpki.cards.signing import compute_signature
from jpki.cards.state import CardMemory, CardState, StoredKey, StoredPIN
from jpki.cards.token import TokenInfo
from jpki.errors import EncodingError
from jpki.model.ports import Random
from jpki.model.purposes import Purpose
from jpki.model.suites import KeyFamily, SignatureSuite

__all__ = ["JPKIApplication"]

_PUBLIC_EXPONENT: Final = 65537
_NEW_KEY: Final = 0x80  # ISO/IEC 7816-8 5.1, P1 of GENERATE ASYMMETRIC KEY PAIR
_KNOWN_KEY: Final = 0x81
_CURVES: Final = {256: ec.SECP256R1(), 384: ec.SECP384R1()}


class JPKIApplication(Application[Purpose]):
    """公的個人認証AP: key pairs with their certificates, each behind a PIN."""

    def __init__(self, memory: CardMemory, random: Random) -> None:
        super().__init__(memory, random)
        self._files = _file_roles(memory.state.card_type)
        self._drafts: dict[FileId, bytearray] = {}
        self._commands |= {
            Instruction.PERFORM_SECURITY_OPERATION: (PROPRIETARY, self._sign),
            Instruction.GENERATE_ASYMMETRIC_KEY_PAIR: (ISO, self._generate),
            Instruction.UPDATE_BINARY: (ISO, self._update),
            Instruction.ACTIVATE_FILE: (ISO, self._activate),
            Instruction.TERMINATE_DF: (ISO, self._terminate),
        }

    # -- what there is --------------------------------------------------------------

    def _has(self, file: FileId) -> bool:
        return file in self._files

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
        if hidden and slot.purpose not in self._verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        return self._state.files.get(file, b"").ljust(kind.file_size, b"\xff")

    def _presence(self) -> bytes:
        kind = self._state.card_type
        marks = [
            PRESENT * (kind.slots[purpose].certificate in self._state.files)
            for purpose in PRESENCE_ORDER
        ]
        return bytes((*marks, 0))

    def _pin_in(self, file: FileId) -> tuple[Purpose, PINRule] | None:
        slot = self._files.get(file)
        if slot is None or file != slot.pin.file:
            return None
        return slot.purpose, slot.pin

    def _stored_pin(self, name: Purpose) -> StoredPIN | None:
        return self._state.pins.get(name)

    def _with_pin(self, name: Purpose, pin: StoredPIN) -> CardState:
        return self._state.with_pin(name, pin)

    # -- keys -----------------------------------------------------------------------

    def _key(self, command: CommandAPDU) -> KeySlot:
        file = self._named(command)
        slot = self._files.get(file)
        if slot is None or file != slot.key:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        return slot

    def _sign(self, command: CommandAPDU) -> bytes:
        slot = self._key(command)
        if command.p1 not in slot.input_forms:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        if not command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        if slot.purpose not in self._verified:
            raise Refused(StatusWord.SECURITY_STATUS)
        key = self._state.keys.get(slot.purpose)
        if key is None:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        try:
            return compute_signature(
                key.private, command.p1, command.data, slot.signature_form
            )
        except EncodingError:
            raise Refused(StatusWord.WRONG_LENGTH) from None

    # -- the counter's commands -----------------------------------------------------

    def _generate(self, command: CommandAPDU) -> bytes:
        if command.p1 not in (_NEW_KEY, _KNOWN_KEY):
            raise Refused(StatusWord.WRONG_PARAMETERS)
        slot = self._key(command)
        self._require_counter()
        if command.p1 == _KNOWN_KEY:
            return self._public_half(slot, command)
        if len(command.data) != 2:
            raise Refused(StatusWord.WRONG_LENGTH)
        bits = int.from_bytes(command.data, "big")
        known = [suite for suite in slot.suites if key_bits(suite) == bits]
        if not known:
            raise Refused(StatusWord.WRONG_DATA)
        key = _new_key(known[0])
        self._commit(self._state.with_new_key(slot.purpose, StoredKey(key)))
        return public_key_template(key.public_key())

    def _public_half(self, slot: KeySlot, command: CommandAPDU) -> bytes:
        """What generation gave, for a counter that was interrupted after it."""
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        stored = self._state.keys.get(slot.purpose)
        if stored is None:
            raise Refused(StatusWord.KEY_NOT_FOUND)
        return public_key_template(stored.private.public_key())

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
            self._drafts[file] = bytearray()
        draft = self._drafts.setdefault(file, bytearray())
        draft.extend(b"\xff" * (offset - len(draft)))
        draft[offset : offset + len(command.data)] = command.data
        return b""

    def _activate(self, command: CommandAPDU) -> bytes:
        parameters(command, 0, 0)
        self._require_counter()
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        drafts = self._drafts
        if not drafts:
            raise Refused(StatusWord.CONDITIONS_OF_USE)
        written = {file: bytes(draft) for file, draft in drafts.items()}
        self._commit(self._state.with_files(written))
        drafts.clear()
        return b""

    def _terminate(self, command: CommandAPDU) -> bytes:
        """TERMINATE DF (ISO/IEC 7816-9): the card was given back."""
        parameters(command, 0, 0)
        self._require_counter()
        if command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        self._commit(self._state.emptied())
        self._verified.clear()
        self._drafts.clear()
        return b""


def _new_key(suite: SignatureSuite) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if suite.family is KeyFamily.EC:
        return ec.generate_private_key(_CURVES[key_bits(suite)])
    return rsa.generate_private_key(_PUBLIC_EXPONENT, key_bits(suite))


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
