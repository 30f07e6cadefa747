"""`kill -9` of a card in the middle of an issuance: as before, or complete."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jpki.cards.applet import VirtualCard
from jpki.cards.session import CardSession
from jpki.cards.state import CardState, StoredPIN, decode_state
from jpki.cards.transport import InProcessTransport
from jpki.errors import CardGone, PINBlocked, PINError
from jpki.keys.card import CardSigner
from jpki.model.purposes import Purpose
from jpki.model.suites import SignatureSuite
from jpki.x509.signatures import verify_signature
from tests.support.cards import ISSUER_SECRET, PASSWORD, SIGNATURE, issued_image
from tests.support.virtual_reader import served

_KILLS: Final = 8
"""At instants that lie evenly over an issuance, and a little beyond its end."""
_NEW: Final = "NEW999"
_OWN: Final = b"\x30\x82\x02\x00" + b"\x0a" * 512
_ABOVE: Final = b"\x30\x82\x02\x00" + b"\x0b" * 512


def _issue(session: CardSession, suite: SignatureSuite) -> None:
    """What a counter does with a card."""
    session.authenticate_counter(ISSUER_SECRET)
    session.generate_key_pair(SIGNATURE, suite)
    session.set_pin(SIGNATURE, lambda: _NEW)
    session.write_certificates(SIGNATURE, _OWN, _ABOVE)


def _public(state: CardState, purpose: Purpose) -> bytes:
    key = state.keys[purpose].private.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _judge(before: CardState, after: CardState) -> str:
    """How far it came; whatever is neither before nor after a step is a failure."""
    slot = before.card_type.slot(SIGNATURE)
    for purpose in before.card_type.slots:
        if purpose is not SIGNATURE:
            assert _public(after, purpose) == _public(before, purpose)
            assert after.pins[purpose] == before.pins[purpose]
    files = {
        file: after.files.get(file) for file in (slot.certificate, slot.ca_certificate)
    }
    pin: StoredPIN = after.pins[SIGNATURE]
    if _public(after, SIGNATURE) == _public(before, SIGNATURE):
        assert (after.files, after.pins) == (before.files, before.pins)
        return "before"
    if pin == before.pins[SIGNATURE]:
        # A new key has no certificates yet, and the old ones are not of it.
        assert set(files.values()) == {None}
        return "key"
    assert pin.matches(_NEW.encode())
    if files[slot.certificate] is None:
        assert files[slot.ca_certificate] is None
        return "PIN"
    assert files == {slot.certificate: _OWN, slot.ca_certificate: _ABOVE}
    return "complete"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["my-number", "next-gen"])
def test_a_card_that_is_killed_is_as_before_or_complete(
    tmp_path: Path, kind: str
) -> None:
    """At every instant of key generation and writing; and it can be issued again."""
    file = tmp_path / "card.json"
    content = issued_image(kind).content
    before = decode_state(content)
    suite = before.card_type.slot(SIGNATURE).suites[-1]
    file.touch(0o600)
    seen, span = [], 0.0
    for number in range(_KILLS + 1):
        file.write_bytes(content)
        with served(file) as card:
            session = CardSession(card)
            killer = threading.Timer(
                span * (number - 1) / (_KILLS - 2), card.process.kill
            )
            began = time.perf_counter()
            if number:
                killer.start()
            try:
                _issue(session, suite)
                # The next ones are killed within as much time as this one took.
                span = span or time.perf_counter() - began
            except CardGone:
                assert number
            killer.join() if number else card.process.kill()
            card.process.wait(60)
        seen.append(_judge(before, decode_state(file.read_bytes())))
        _is_still_a_card(file, suite)
        assert [entry.name for entry in tmp_path.iterdir()] == ["card.json"]
    # The first was not killed. How far the others come, chance decides: what takes
    # long is the making of the key.
    assert seen[0] == "complete"
    assert "before" in seen, seen


def _is_still_a_card(file: Path, suite: SignatureSuite) -> None:
    """It takes an issuance, and signs."""
    with VirtualCard.open(file) as card:
        session = CardSession(InProcessTransport(card))
        _issue(session, suite)
        key = session.generate_key_pair(SIGNATURE, suite)
        signer = CardSigner(session, SIGNATURE, lambda: _NEW, public_key=key)
        made = signer.sign(b"text")
        assert verify_signature(key, suite.algorithm_identifier, made, b"text")


@pytest.mark.slow
def test_a_kill_gives_no_try_back(tmp_path: Path) -> None:
    """However often the power fails around a wrong PIN, and whenever."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image("juki").content)
    left = [5]
    for number in range(6):
        with served(file) as card:
            session = CardSession(card)
            threading.Timer(0.004 * number, card.process.kill).start()
            with pytest.raises((CardGone, PINError, PINBlocked)) as told:
                session.verify_pin(SIGNATURE, lambda: "WRONG1")
            card.process.wait(60)
        left.append(decode_state(file.read_bytes()).pins[SIGNATURE].tries_left)
        if told.type is not CardGone:
            assert left[-1] < left[-2] or not left[-2]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 5
    assert PASSWORD not in file.read_text()
