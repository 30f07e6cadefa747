"""APDU log at level TRAFFIC, below DEBUG, with secrets masked.

PINs and cryptograms never appear. Of what cards hold (certificates name people), only
the first octets and the length do.
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
        Instruction.RESET_RETRY_COUNTER,
        Instruction.EXTERNAL_AUTHENTICATE,
    }
)
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
    _log.log(TRAFFIC, "< %04x %s", answer.status, _shown(answer.data))


def _shown(data: bytes) -> str:
    if len(data) <= _SHOWN:
        return data.hex()
    return f"{data[: _SHOWN // 2].hex()}… ({len(data)})"
