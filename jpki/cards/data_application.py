"""An application that holds files behind PINs and does nothing with them.

Such are 券面事項入力補助AP, 券面事項確認AP, 住基AP and 共通カードAP. Which files each
has, and what opens them, is data of the card type; what stands in them is put there
before the card is handed out (`jpki.cards.holder`).
"""

from __future__ import annotations

from jpki.cards.apdu import CommandAPDU, Instruction, StatusWord
from jpki.cards.application import ISO, PROPRIETARY, Application, Refused
from jpki.cards.application_types import ApplicationType, FileRule
from jpki.cards.rules import FileId, PINRule
from jpki.cards.state import CardMemory, CardState, StoredPIN
from jpki.model.ports import Random

__all__ = ["DataApplication"]


class DataApplication(Application[str]):
    """One of a card's other applications."""

    def __init__(
        self, memory: CardMemory, random: Random, kind: ApplicationType
    ) -> None:
        super().__init__(memory, random)
        self._kind = kind
        self._files = {rule.file: rule for rule in kind.files.values()}
        self._pins = {rule.file: (name, rule) for name, rule in kind.pins.items()}
        self._commands[Instruction.READ_RECORD] = (ISO, self._read_record)
        if kind.change_key:
            del self._commands[Instruction.CHANGE_REFERENCE_DATA]
            self._commands[Instruction.CHANGE_KEY] = (PROPRIETARY, self._change_key)

    def _has(self, file: FileId) -> bool:
        return file in self._files or file in self._pins

    def _content(self, file: FileId) -> bytes:
        return self._open(file, record=False)

    def _pin_in(self, file: FileId) -> tuple[str, PINRule] | None:
        return self._pins.get(file)

    def _stored_pin(self, name: str) -> StoredPIN | None:
        return self._state.application(self._kind.id).pins.get(name)

    def _with_pin(self, name: str, pin: StoredPIN) -> CardState:
        return self._state.with_application_pin(self._kind.id, name, pin)

    def _change_key(self, command: CommandAPDU) -> bytes:
        if command.p1:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        return self._change(command)

    def _read_record(self, command: CommandAPDU) -> bytes:
        """Record 1 of the current file, or of one that P2 names (ISO 7816-4 11.4.3)."""
        if command.le is None or command.data:
            raise Refused(StatusWord.WRONG_LENGTH)
        if command.p2 & 0x07 != 0x04:
            raise Refused(StatusWord.WRONG_PARAMETERS)
        file = command.p2 >> 3 or self._current
        if file is None:
            raise Refused(StatusWord.NO_CURRENT_FILE)
        if not self._has(file):
            raise Refused(StatusWord.FILE_NOT_FOUND)
        self._current = file
        content = self._open(file, record=True)
        if command.p1 != 1 or not content:
            raise Refused(StatusWord.RECORD_NOT_FOUND)
        return content[: command.le]

    def _open(self, file: FileId, *, record: bool) -> bytes:
        rule = self._files.get(file)
        if rule is None or rule.record is not record:
            raise Refused(StatusWord.INCOMPATIBLE_FILE)
        if not self._is_open(rule):
            raise Refused(StatusWord.SECURITY_STATUS)
        written = self._state.application(self._kind.id).files.get(file, b"")
        return written.ljust(rule.size, b"\xff")

    def _is_open(self, rule: FileRule) -> bool:
        return not rule.opened_by or not self._verified.isdisjoint(rule.opened_by)
