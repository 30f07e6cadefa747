"""Beside a PC/SC service: an installation, its servers, and a counter that issues."""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from pathlib import Path
from statistics import median
from time import perf_counter

from jpki.authority.workstation import Workstation, enrol
from jpki.cards.apdu import Instruction
from jpki.cards.applet import VirtualCard
from jpki.cards.places import CardPlace, open_place
from jpki.cards.session import CardSession
from jpki.cards.transport import CardTransport, InProcessTransport
from tests.support.cards import blank_image
from tests.support.installation import Installation, running_installation
from tests.support.workstations import chosen, station_at


class _Measured:
    """Another transport, and what went through it."""

    def __init__(self, inner: CardTransport) -> None:
        self._inner = inner
        self.commands = 0
        self.seconds = 0.0
        self.generating = 0.0

    def transmit(self, command: bytes) -> bytes:
        """Send it on."""
        self.commands += 1
        began = perf_counter()
        answer = self._inner.transmit(command)
        took = perf_counter() - began
        if command[1] == Instruction.GENERATE_ASYMMETRIC_KEY_PAIR:
            self.generating += took
        else:
            self.seconds += took
        return answer

    def close(self) -> None:
        """Close it."""
        self._inner.close()


def main() -> None:
    """Measure; the last line printed is JSON."""
    rounds = int(sys.argv[1])
    card = VirtualCard(blank_image("juki"))
    with (
        tempfile.TemporaryDirectory() as made,
        running_installation(Path(made) / "site") as site,
    ):
        station = station_at(site)
        _issue(site, station, InProcessTransport(card))
        through, here = [], []
        for _ in range(rounds):
            through.append(_issue(site, station, open_place(CardPlace())))
            here.append(_issue(site, station, InProcessTransport(card))[0])
        site.check_books()
    told = {
        "commands": max(commands for _, _, commands in through),
        "seconds": median(seconds for seconds, _, _ in through),
        "card": median(seconds for _, seconds, _ in through),
        "here": median(here),
    }
    print(json.dumps(told))


def _issue(
    site: Installation, station: Workstation, transport: CardTransport
) -> tuple[float, float, int]:
    """To somebody new: seconds without key generation, those of the card, commands."""
    resident, measured = site.newcomer(), _Measured(transport)
    began = perf_counter()
    with CardSession(measured) as session:
        enrol(
            station,
            session,
            resident=resident,
            idempotency_key=str(uuid.uuid4()),
            password=chosen(),
        )
    seconds = perf_counter() - began - measured.generating
    return seconds, measured.seconds, measured.commands


if __name__ == "__main__":
    main()
