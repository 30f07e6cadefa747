"""Cards for tests: memory that can lose power, cards as a counter hands them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import card_type
from jpki.cards.counter import counter_key
from jpki.cards.holder import Holder, personalised
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
from jpki.model.codes import MunicipalityCode
from jpki.model.ports import Signer
from jpki.model.purposes import Purpose
from jpki.model.residents import BasicInformation, Gender
from jpki.model.suites import suite

SIGNATURE: Final = Purpose.SIGNATURE
AUTHENTICATION: Final = Purpose.AUTHENTICATION
ISSUER_SECRET: Final = b"issuer secret of the tests"
SERIAL: Final = "012345678901234"
PASSWORD: Final = "ABC123"
PINS: Final = {SIGNATURE: PASSWORD, AUTHENTICATION: "1234"}
NOW: Final = datetime(2014, 10, 1, 3, 0, tzinfo=UTC)


HOLDER: Final = Holder(
    basic=BasicInformation(
        name="電子　花子",
        address="茨城県つくば市研究学園一丁目１番地１",
        date_of_birth=date(1980, 2, 17),
        gender=Gender.FEMALE,
    ),
    municipality=MunicipalityCode("082201"),
    my_number="123456789018",
    expires=date(2036, 2, 17),
    security_code="9876",
    pin="2468",
    photo=bytes(range(256)) * 40,
)
NUMBER_B: Final = "55021720369876"


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
    """The memory of a card that was never at a counter; its face is printed."""
    kind = card_type(type_id)
    state = CardState(
        card_type=kind,
        serial=SERIAL,
        counter_key=counter_key(ISSUER_SECRET, SERIAL),
        pins={},
        keys={},
        files={},
        applications=personalised(kind, HOLDER, SERIAL, bytes)
        if kind.applications
        else {},
    )
    return MemoryImage(encode_state(state))


def issued_image(type_id: str, suite_id: str | None = None) -> MemoryImage:
    """The memory of a card with keys, PINs and certificates.

    Without a suite, keys are of the latest that the chip makes.
    """
    latest = card_type(type_id).slots[SIGNATURE].suites[-1].id
    return MemoryImage(_issued(type_id, suite_id or latest))


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


def secrets_in(state: CardState) -> list[bytes]:
    """What must never leave the card: private values, and what is kept of PINs."""
    found = [pin.hash for pin in state.pins.values()]
    for key in state.keys.values():
        if isinstance(key.private, RSAPrivateKey):
            numbers = key.private.private_numbers()
            octets = key.private.key_size // 16
            found += [number.to_bytes(octets) for number in (numbers.p, numbers.q)]
        else:
            value = key.private.private_numbers().private_value
            found.append(value.to_bytes((key.private.key_size + 7) // 8))
    return found


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
