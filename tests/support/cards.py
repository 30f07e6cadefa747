"""Cards for tests: memory that can lose power, cards as a counter hands them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.counter import counter_key
from jpki.cards.session import CardSession
from jpki.cards.state import CardState, encode_state
from jpki.cards.transport import InProcessTransport
from jpki.der import oids
from jpki.der.times import time_choice
from jpki.der.writer import (
    bit_string,
    explicit,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    utf8_string,
)
from jpki.keys.memory import generate_key
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.suites import suite

SIGNATURE: Final = Purpose.SIGNATURE
AUTHENTICATION: Final = Purpose.AUTHENTICATION
ISSUER_SECRET: Final = b"issuer secret of the tests"
SERIAL: Final = "012345678901234"
PASSWORD: Final = "ABC123"
PINS: Final = {SIGNATURE: PASSWORD, AUTHENTICATION: "1234"}
NOW: Final = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)


class PowerCutError(Exception):
    """The card lost power in the middle of a command."""


@dataclass
class MemoryImage:
    """A card's memory that keeps its past and can lose power around a write."""

    content: bytes
    past: list[bytes] = field(default_factory=list)
    writes_left: int | None = None
    """After so many writes power fails; None: never."""
    full: bool = False

    def read(self) -> bytes:
        """All octets."""
        return self.content

    def replace(self, content: bytes) -> None:
        """All octets at once, unless power fails first."""
        if self.full:
            raise OSError(28, "No space left on device")
        if self.writes_left == 0:
            raise PowerCutError
        self.past.append(self.content)
        self.content = content
        if self.writes_left is not None:
            self.writes_left -= 1

    def close(self) -> None:
        """Nothing to let go."""


def blank_image(type_id: str) -> MemoryImage:
    """The memory of a card that was never at a counter."""
    state = CardState(
        card_type=card_type(type_id),
        serial=SERIAL,
        counter_key=counter_key(ISSUER_SECRET, SERIAL),
        pins={},
        keys={},
        files={},
    )
    return MemoryImage(encode_state(state))


def issued_image(type_id: str, suite_id: str = "rsa2048-sha256") -> MemoryImage:
    """The memory of a card with keys, PINs and certificates."""
    return MemoryImage(_issued(type_id, suite_id))


@cache
def _issued(type_id: str, suite_id: str) -> bytes:
    image = blank_image(type_id)
    authority = generate_key(suite("rsa2048-sha256"))
    ca_certificate = certificate(authority.public_key, authority, "Test CA", serial=1)
    session = CardSession(InProcessTransport(VirtualCard(image)))
    session.authenticate_counter(ISSUER_SECRET)
    for purpose in session.card_type.slots:
        public_key = session.generate_key_pair(purpose, suite(suite_id))
        session.set_pin(purpose, lambda pin=PINS[purpose]: pin)  # type: ignore[misc]
        own = certificate(public_key, authority, f"Holder {purpose.value}")
        session.write_certificates(purpose, own, ca_certificate)
    return image.content


def session_on(image: MemoryImage) -> CardSession:
    """A session with the card of this memory, just powered on."""
    return CardSession(InProcessTransport(VirtualCard(image)))


def certificate(
    public_key: bytes, issuer: Signer, common_name: str, serial: int = 0x1234
) -> bytes:
    """A plain version 3 certificate for this key; only its shape matters."""
    name = _name(common_name)
    algorithm = issuer.suite.algorithm_identifier
    identifier = octet_string(b"\x04\x04" + common_name.encode()[:4])
    extension = sequence(object_identifier(oids.SUBJECT_KEY_IDENTIFIER), identifier)
    tbs = sequence(
        explicit(0, integer(2)),
        integer(serial),
        algorithm,
        _name("Test CA"),
        sequence(time_choice(NOW), time_choice(NOW.replace(year=2017))),
        name,
        public_key,
        explicit(3, sequence(extension)),
    )
    return sequence(tbs, algorithm, bit_string(issuer.sign(tbs)))


def _name(common_name: str) -> bytes:
    attribute = sequence(object_identifier(oids.COMMON_NAME), utf8_string(common_name))
    return sequence(set_of([attribute]))
