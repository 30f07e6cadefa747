"""Sessions: typed results and errors, nothing wasted, nothing betrayed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_der_x509_certificate

from jpki.cards.applet import VirtualCard
from jpki.cards.card_types import SignatureForm
from jpki.cards.public_keys import public_key_info, public_key_template
from jpki.cards.session import CardSession
from jpki.cards.signing import signature_in_der
from jpki.cards.status import error_of_status, meaning_of_status
from jpki.cards.token import TokenInfo
from jpki.cards.traffic import TRAFFIC
from jpki.cards.transport import InProcessTransport
from jpki.errors import (
    APDUError,
    CardError,
    CardGone,
    PINBlocked,
    PINError,
    PINFormatError,
    WrongCard,
)
from jpki.keys.memory import generate_key
from jpki.model.suites import suite
from tests.support.cards import (
    AUTHENTICATION,
    ISSUER_SECRET,
    PASSWORD,
    SERIAL,
    SIGNATURE,
    blank_image,
    issued_image,
    session_on,
)


@dataclass
class ScriptedCard:
    """A card that gives prepared answers, whatever it is asked."""

    answers: list[bytes]
    sent: list[bytes] = field(default_factory=list)

    def transmit(self, command: bytes) -> bytes:
        """Next answer; the last one for ever."""
        self.sent.append(command)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        """Nothing to let go."""


TOKEN = bytes(
    TokenInfo(
        label="JPKIAPICCTOKEN",
        manufacturer="",
        model="",
        serial=SERIAL,
        longest_pin=16,
        shortest_pin=4,
    )
)
OPENING = [b"\x90\x00", b"\x90\x00", TOKEN + b"\x90\x00"]


def scripted(*answers: bytes) -> CardSession:
    """A session with a juki card that then gives these answers."""
    return CardSession(ScriptedCard([*OPENING, *answers]))


def password() -> str:
    return PASSWORD


def test_session_knows_its_card() -> None:
    """Generation and serial come from the token information."""
    session = session_on(issued_image("my-number"))
    assert session.card_type.id == "my-number"
    assert session.serial == session.token.serial == SERIAL


def test_certificates() -> None:
    """The authentication certificate is free, the signature certificate is not."""
    with session_on(issued_image("my-number")) as session:
        for purpose in (AUTHENTICATION, SIGNATURE):
            load_der_x509_certificate(session.read_ca_certificate(purpose))
        load_der_x509_certificate(session.read_certificate(AUTHENTICATION))
        with pytest.raises(APDUError) as caught:
            session.read_certificate(SIGNATURE)
        assert caught.value.status_word == 0x6982
        session.verify_pin(SIGNATURE, password)
        load_der_x509_certificate(session.read_certificate(SIGNATURE))
        session.select()
        with pytest.raises(APDUError):
            session.read_certificate(SIGNATURE)
    with pytest.raises(CardGone):
        session.pin_tries_left(SIGNATURE)


class ShortReader(InProcessTransport):
    """A reader that knows no extended lengths."""

    def transmit(self, command: bytes) -> bytes:
        """Refuse them as such cards do."""
        return b"\x67\x00" if len(command) > 261 else super().transmit(command)


def test_readers_without_extended_lengths() -> None:
    """Certificates are written and read in parts, and the same comes back."""
    session = CardSession(ShortReader(VirtualCard(issued_image("my-number"))))
    session.authenticate_counter(ISSUER_SECRET)
    session.verify_pin(SIGNATURE, password)
    own, above = (
        session.read_certificate(SIGNATURE),
        session.read_ca_certificate(SIGNATURE),
    )
    longer = b"\x30\x82\x07\xd0" + bytes(range(250)) * 8
    session.write_certificates(SIGNATURE, longer, own)
    assert session.read_certificate(SIGNATURE) == longer
    assert session.read_ca_certificate(SIGNATURE) == own
    session.write_certificates(SIGNATURE, own, above)
    assert session.read_certificate(SIGNATURE) == own


def test_blank_card_has_nothing() -> None:
    """Missing certificates and keys are a wrong card, missing PINs are blocked."""
    session = session_on(blank_image("juki"))
    with pytest.raises(WrongCard):
        session.read_ca_certificate(SIGNATURE)
    assert session.pin_tries_left(SIGNATURE) == 0
    with pytest.raises(PINBlocked):
        session.verify_pin(SIGNATURE, password)
    with pytest.raises(WrongCard):
        session.read_certificate(AUTHENTICATION)


def test_pins_count_down() -> None:
    """Each miss tells the tries left; then the PIN is blocked."""
    session = session_on(issued_image("juki"))
    for left in (4, 3, 2, 1):
        with pytest.raises(PINError) as caught:
            session.verify_pin(SIGNATURE, lambda: "WRONG1")
        assert caught.value.retries_left == session.pin_tries_left(SIGNATURE) == left
    for _ in range(2):
        with pytest.raises(PINBlocked):
            session.verify_pin(SIGNATURE, lambda: "WRONG1")
    with pytest.raises(PINBlocked):
        session.verify_pin(SIGNATURE, password)


def test_impossible_pins_cost_nothing() -> None:
    """A wrong form uses no try; full width and lower case reach the card made plain."""
    session = session_on(issued_image("my-number"))
    for _ in range(9):
        with pytest.raises(PINFormatError):
            session.verify_pin(AUTHENTICATION, lambda: "12345")
    assert session.pin_tries_left(AUTHENTICATION) == 3
    session.verify_pin(SIGNATURE, lambda: "ａｂｃ１２３")
    session.verify_pin(AUTHENTICATION, lambda: "１２３４")


def test_change_pin() -> None:
    """The new PIN works and the old one does not; bad forms change nothing."""
    session = session_on(issued_image("my-number"))
    with pytest.raises(PINFormatError):
        session.change_pin(SIGNATURE, password, lambda: "ONLYLETTERS")
    with pytest.raises(PINError):
        session.change_pin(SIGNATURE, lambda: "WRONG1", lambda: "NEW999")
    session.change_pin(SIGNATURE, password, lambda: "new999")
    session.verify_pin(SIGNATURE, lambda: "NEW999")
    with pytest.raises(PINError):
        session.verify_pin(SIGNATURE, password)


def test_counter_issues() -> None:
    """Key, PIN and certificates come onto a blank card by the counter's rights only."""
    session = session_on(blank_image("juki"))
    kind = suite("rsa1024-sha1")
    for act in (
        lambda: session.generate_key_pair(SIGNATURE, kind),
        lambda: session.write_certificates(SIGNATURE, b"\x30", b"\x30"),
    ):
        with pytest.raises(APDUError) as caught:
            act()
        assert caught.value.status_word == 0x6982
    with pytest.raises(APDUError) as caught:
        session.authenticate_counter(b"another issuer")
    assert caught.value.status_word == 0x6300
    session.authenticate_counter(ISSUER_SECRET)
    with pytest.raises(WrongCard):
        session.generate_key_pair(SIGNATURE, suite("p384-sha384"))
    public_key = session.generate_key_pair(SIGNATURE, kind)
    load_der_public_key(public_key)
    session.set_pin(SIGNATURE, password)
    with pytest.raises(CardError):
        session.write_certificates(SIGNATURE, bytes(5000), b"\x30")
    own = b"\x30\x82\x03\x00" + bytes(768)
    session.write_certificates(SIGNATURE, own, own[:4] + bytes(768))
    session.verify_pin(SIGNATURE, password)
    assert session.read_certificate(SIGNATURE) == own


def test_a_new_key_lifts_no_right() -> None:
    """After set_pin the holder must verify again before signing."""
    session = session_on(issued_image("juki", "rsa1024-sha1"))
    session.verify_pin(SIGNATURE, password)
    session.authenticate_counter(ISSUER_SECRET)
    session.set_pin(SIGNATURE, password)
    with pytest.raises(APDUError):
        session.sign(SIGNATURE, b"\x30\x00")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (0x63C0, PINBlocked),
        (0x63C1, PINError),
        (0x6983, PINBlocked),
        (0x6984, PINBlocked),
        (0x6A82, WrongCard),
        (0x6A88, WrongCard),
        (0x6F00, APDUError),
        (0x6982, APDUError),
    ],
)
def test_status_words_as_errors(status: int, error: type[CardError]) -> None:
    """Known status words have their error, others keep the word."""
    assert type(error_of_status(status, "VERIFY")) is error


def test_status_words_in_words() -> None:
    """For who reads them in a terminal."""
    told = [meaning_of_status(word) for word in (0x9000, 0x63C2, 0x6114, 0x6982, 0x1)]
    assert told[:2] == ["ok", "tries left: 2"]
    assert told[2:] == ["20 octets wait for GET RESPONSE", "security status", ""]
    assert "another secret" in str(error_of_status(0x6300, "").hint)


def test_a_card_that_is_no_use_is_let_go() -> None:
    """Where no session comes about, nobody has to end the transport."""

    class Answering(InProcessTransport):
        """Has no JPKI application, whatever is inside."""

        def transmit(self, command: bytes) -> bytes:
            """Found nothing."""
            super().transmit(command)
            return b"\x6a\x82"

    transport = Answering(VirtualCard(issued_image("my-number")))
    with pytest.raises(WrongCard):
        CardSession(transport)
    with pytest.raises(CardGone):
        transport.transmit(bytes(4))


def test_other_cards() -> None:
    """No JPKI application, or a token that is not known, is a wrong card."""
    with pytest.raises(WrongCard):
        CardSession(ScriptedCard([b"\x6a\x82"]))
    with pytest.raises(WrongCard):
        CardSession(ScriptedCard([*OPENING[:2], bytes(160) + b"\x90\x00"]))
    with pytest.raises(WrongCard):
        CardSession(ScriptedCard([*OPENING[:2], b"\xff" * 160 + b"\x90\x00"]))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x90",
        b"\x61\x00",
        b"\xaa\x61\x00",
        b"\xaa" * 300 + b"\x61\x00",
        b"\x90\x00",
        b"\x30\x82\x90\x00",
        b"\x30\x82\xff\xff\x90\x00",
        b"\x30\x82\x01\x00\x90\x00",
        b"\x6f\x00",
    ],
)
def test_cards_that_talk_nonsense(answer: bytes) -> None:
    """Whatever a card says, only card errors come out, and soon."""
    endless = answer[-2:] == b"\x61\x00"
    acts: list[Callable[[CardSession], object]] = [
        lambda card: card.read_ca_certificate(SIGNATURE),
        lambda card: card.generate_key_pair(SIGNATURE, suite("rsa2048-sha256")),
        lambda card: card.pin_tries_left(SIGNATURE),
        lambda card: card.authenticate_counter(b""),
    ]
    for act in acts:
        selected = [] if endless else [b"\x90\x00"]
        with pytest.raises(CardError):
            act(scripted(*selected, answer))


def test_blocked_by_iso_word() -> None:
    """A card that says 6983 where JPKI cards say 6984 is understood."""
    session = scripted(b"\x90\x00", b"\x69\x83")
    with pytest.raises(PINBlocked):
        session.verify_pin(SIGNATURE, password)
    session = scripted(b"\x90\x00", b"\x69\x83")
    with pytest.raises(APDUError):
        session.pin_tries_left(SIGNATURE)


def test_public_keys_of_cards() -> None:
    """A 7F49 template becomes a key that pyca reads; anything else is a card error."""
    for suite_id in ("rsa1024-sha1", "p384-sha384"):
        kind = suite(suite_id)
        key = load_der_public_key(generate_key(kind).public_key)
        assert isinstance(key, RSAPublicKey | EllipticCurvePublicKey)
        good = public_key_template(key)
        assert load_der_public_key(public_key_info(good, kind)) == key
        for bad in (b"", b"\x7f", good[1:], good[:-1], good + b"\0", b"\x7f\x49\x00"):
            with pytest.raises(CardError):
                public_key_info(bad, kind)
        other = "p384-sha384" if suite_id.startswith("rsa") else "rsa1024-sha1"
        with pytest.raises(CardError):
            public_key_info(good, suite(other))


def test_plain_signatures_become_those_of_certificates() -> None:
    """r and s side by side, as SEQUENCE; others are left as they are."""
    plain = bytes(95) + b"\x01" + bytes(47) + b"\x81"
    der = signature_in_der(SignatureForm.PLAIN, plain[48:])
    assert der == bytes.fromhex("3007020101 02020081".replace(" ", ""))
    assert signature_in_der(SignatureForm.RSA, plain) == plain
    assert signature_in_der(SignatureForm.DER, der) == der
    for bad in (b"", b"\x01", bytes(97)):
        with pytest.raises(CardError):
            signature_in_der(SignatureForm.PLAIN, bad)


def test_closed_connections() -> None:
    """A closed connection is a card that is gone; closing twice is closing."""
    transport = InProcessTransport(VirtualCard(blank_image("juki")))
    transport.close()
    transport.close()
    with pytest.raises(CardGone):
        transport.transmit(b"\x00\x20\x00\x80")


def test_traffic_shows_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """At TRAFFIC every APDU is noted, but no PIN, cryptogram or certificate is."""
    session = session_on(issued_image("juki", "rsa1024-sha1"))
    session.verify_pin(SIGNATURE, password)
    assert caplog.text == ""
    with caplog.at_level(TRAFFIC, logger="jpki.cards"):
        session.authenticate_counter(ISSUER_SECRET)
        session.change_pin(SIGNATURE, password, lambda: "NEW999")
        session.set_pin(SIGNATURE, lambda: "NEWER9")
        session.verify_pin(SIGNATURE, lambda: "NEWER9")
        certificate = session.read_certificate(SIGNATURE)
    text = caplog.text
    assert "00 20 00 80 (masked)" in text
    assert "00 2c 02 80 (masked)" in text
    for secret in (b"ABC123", b"NEW999", b"NEWER9"):
        assert secret.hex() not in text
        assert secret.decode() not in text
    assert certificate[:32].hex() not in text
    assert all(record.levelno == TRAFFIC for record in caplog.records)
    assert logging.getLevelName(TRAFFIC) == "TRAFFIC"
