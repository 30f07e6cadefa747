"""Beside a PC/SC service: what a round trip and an issuance take with its card."""

from __future__ import annotations

import json
import sys
from statistics import median
from time import perf_counter

from jpki.cards.apdu import Instruction
from jpki.cards.places import CardPlace, open_place
from jpki.cards.session import CardSession
from jpki.cards.signing import digest_info
from jpki.cards.transport import CardTransport
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from tests.support.cards import ISSUER_SECRET
from tests.support.reference_pki import reference_pki

_ASKED = 500


class _Counting:
    """Another transport, and what went through it."""

    def __init__(self, inner: CardTransport) -> None:
        self._inner = inner
        self.commands = 0
        self.generating = 0.0

    def transmit(self, command: bytes) -> bytes:
        """Send it on."""
        self.commands += 1
        began = perf_counter()
        answer = self._inner.transmit(command)
        if command[1] == Instruction.GENERATE_ASYMMETRIC_KEY_PAIR:
            self.generating += perf_counter() - began
        return answer

    def close(self) -> None:
        """Close it."""
        self._inner.close()


def main() -> None:
    """Measure; print JSON."""
    rounds = int(sys.argv[1])
    issued = [_issue() for _ in range(min(rounds, 7))]
    with CardSession(open_place(CardPlace())) as session:
        trips = []
        for _ in range(rounds):
            began = perf_counter()
            for _ in range(_ASKED):
                session.pin_tries_left(Purpose.SIGNATURE)
            trips.append((perf_counter() - began) / _ASKED)
    told = {
        "round_trip": median(trips),
        "commands": max(commands for commands, _ in issued),
        "issuance": median(seconds for _, seconds in issued),
    }
    print(json.dumps(told))


def _issue() -> tuple[int, float]:
    """What the counter's device does with a card: commands, seconds."""
    pki = reference_pki("prefectural-sha256")
    own, authority = pki.certificates["signature"], pki.a.parsed.raw
    transport = _Counting(open_place(CardPlace()))
    began = perf_counter()
    session = CardSession(transport)
    session.authenticate_counter(ISSUER_SECRET)
    session.generate_key_pair(Purpose.SIGNATURE, suite("rsa2048-sha256"))
    session.set_pin(Purpose.SIGNATURE, lambda: "ABC123")
    session.verify_pin(Purpose.SIGNATURE, lambda: "ABC123")
    session.sign(Purpose.SIGNATURE, digest_info("sha256", bytes(32)))
    session.write_certificates(Purpose.SIGNATURE, own, authority)
    assert session.read_certificate(Purpose.SIGNATURE) == own
    seconds = perf_counter() - began - transport.generating
    session.close()
    return transport.commands, seconds


if __name__ == "__main__":
    main()
