"""APDU log at level TRAFFIC, below DEBUG, with secrets masked.

PINs and cryptograms never appear. Of what is read from files (names, addresses,
個人番号) only the tag and the length do.
"""

from __future__ import annotations

import logging
from typing import Final

from jpki.cards.apdu import CommandAPDU, Instruction, ResponseAPDU

__all__ = ["TRAFFIC", "log_exchange"]

TRAFFIC: Final = 5
_SECRET: Final = frozenset(
    {
        Instruction.VERIFY,
        Instruction.CHANGE_REFERENCE_DATA,
        Instruction.CHANGE_KEY,
        Instruction.RESET_RETRY_COUNTER,
        Instruction.EXTERNAL_AUTHENTICATE,
    }
)
_READS: Final = frozenset(
    {Instruction.READ_BINARY, Instruction.READ_RECORD, Instruction.GET_RESPONSE}
)
_TAG: Final = 2
_SHOWN: Final = 16

_log: Final = logging.getLogger(__name__)
logging.addLevelName(TRAFFIC, "TRAFFIC")


def log_exchange(command: CommandAPDU, answer: ResponseAPDU) -> None:
    """Note one command with its answer."""
    if not _log.isEnabledFor(TRAFFIC):
        return
    header = bytes((command.cla, command.ins, command.p1, command.p2)).hex(" ")
    masked = command.ins in _SECRET
    sent = "(masked)" if masked and command.data else _shown(command.data)
    wanted = "" if command.le is None else f" le={command.le}"
    _log.log(TRAFFIC, "> %s %s%s", header, sent, wanted)
    told = _read(command, answer.data) if command.ins in _READS else _shown(answer.data)
    _log.log(TRAFFIC, "< %04x %s", answer.status, told)


def _read(command: CommandAPDU, data: bytes) -> str:
    # By short identifier P2 is the offset; otherwise both are.
    offset = command.p2 if command.p1 & 0x80 else command.p1 << 8 | command.p2
    begins = command.ins == Instruction.READ_BINARY and not offset
    shown = data[:_TAG].hex() if begins else ""
    return f"{shown}… ({len(data)})" if data else ""


def _shown(data: bytes) -> str:
    if len(data) <= _SHOWN:
        return data.hex()
    return f"{data[: _SHOWN // 2].hex()}… ({len(data)})"
