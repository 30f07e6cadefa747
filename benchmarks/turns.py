"""Servers that take turns under the same load, and the bare signature beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic, process_time
from typing import Protocol

from benchmarks.timing import processor_seconds
from benchmarks.wrk import Measured
from jpki.model.ports import Signer

__all__ = ["Loading", "Signing", "Took", "Turn", "in_turns"]


class Loading(Protocol):
    """What can load a server for a while."""

    def run(self, url: str, seconds: int) -> Measured:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One of those who take turns."""

    load: Loading
    url: str
    process: int | None = None
    """Whose processor time is measured."""

    def take(self, seconds: int) -> Measured:
        """Load it, and see what it takes."""
        if self.process is None:
            return self.load.run(self.url, seconds)
        before = processor_seconds(self.process)
        took = self.load.run(self.url, seconds)
        spent = processor_seconds(self.process) - before
        return replace(took, processor=spent / (took.rate * seconds))


Took = Sequence[Mapping[str, Measured]]
"""Round by round, by their names."""


def in_turns(turns: Mapping[str, Turn], rounds: int, seconds: int) -> Took:
    took = []
    for number in range(rounds):
        order = list(turns.items())
        took.append(
            {
                name: turn.take(seconds)
                for name, turn in (order if number % 2 else reversed(order))
            }
        )
    return took


@dataclass(frozen=True, slots=True)
class Signing:
    """The bare signature, again and again."""

    signer: Signer
    length: int
    """Octets of the message, beside 32 that vary."""

    def run(self, _url: str, seconds: float) -> Measured:
        """Sign for so long."""
        began, used = monotonic(), process_time()
        count = 0
        while (now := monotonic()) < began + seconds:
            for _ in range(16):
                self.signer.sign(b"%032d" % count + bytes(self.length))
                count += 1
        each = (now - began) / count
        spent = (process_time() - used) / count
        return Measured(rate=1 / each, octets=0, half=each, most=each, processor=spent)
