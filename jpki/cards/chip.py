"""The applications of one card, of which one is selected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from jpki.cards.apdu import CommandAPDU, Instruction, StatusWord
from jpki.cards.application import ISO, PROPRIETARY, Application, Refused
from jpki.cards.commands import JPKIApplication
from jpki.cards.data_application import DataApplication
from jpki.cards.state import CardMemory
from jpki.model.ports import Random

__all__ = ["Chip"]

_BY_NAME: Final = (0x04, 0x0C)
_FILE: Final = (0x02, 0x0C)


class Chip:
    """A card from one power-on to the next.

    To select an application gives up every right that was won, also in the same one.
    """

    def __init__(self, memory: CardMemory, random: Random) -> None:
        kind = memory.state.card_type
        self._selected: Application[Any] | None = None
        self._applications: dict[bytes, Callable[[], Application[Any]]] = {
            other.application: partial(DataApplication, memory, random, other)
            for other in kind.applications.values()
        }
        self._applications[kind.application] = partial(JPKIApplication, memory, random)

    def process(self, command: CommandAPDU) -> bytes:
        """Carry out one command; the answer may be longer than the command asks for.

        Raises:
            Refused: with the status word that says why.
            OSError: the memory could not be written; the command did not happen.
        """
        selecting = (command.cla, command.ins) == (ISO, Instruction.SELECT)
        if selecting and (command.p1, command.p2) == _BY_NAME:
            make = self._applications.get(command.data)
            if make is None:
                raise Refused(StatusWord.FILE_NOT_FOUND)
            self._selected = make()
            return b""
        if self._selected is None:
            raise Refused(_without_application(command))
        return self._selected.process(command)


def _without_application(command: CommandAPDU) -> StatusWord:
    """Why this command means nothing while no application is selected."""
    if command.cla not in (ISO, PROPRIETARY):
        return StatusWord.UNKNOWN_CLASS
    if command.ins not in _KNOWN:
        return StatusWord.UNKNOWN_INSTRUCTION
    if command.ins != Instruction.SELECT:
        return StatusWord.CONDITIONS_OF_USE
    known = (command.p1, command.p2) == _FILE
    return StatusWord.FILE_NOT_FOUND if known else StatusWord.WRONG_PARAMETERS


_KNOWN: Final = frozenset(Instruction)
