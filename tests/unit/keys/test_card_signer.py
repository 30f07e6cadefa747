"""A card's key signs like any other signer, and asks for its PIN only when needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jpki.errors import CardError, CardGone, PINError, WrongCard
from jpki.keys.card import CardSigner, open_card_signer
from jpki.keys.memory import generate_key
from jpki.model.purposes import Purpose
from jpki.model.suites import suite
from jpki.x509.parse import parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.cards import (
    AUTHENTICATION,
    ISSUER_SECRET,
    PASSWORD,
    PINS,
    SIGNATURE,
    blank_image,
    issued_image,
    session_on,
)


class Holder:
    """Somebody who types the PIN and remembers how often."""

    def __init__(self, pin: str = PASSWORD) -> None:
        self.pin = pin
        self.asked = 0

    def __call__(self) -> str:
        """Type it."""
        self.asked += 1
        return self.pin


@pytest.mark.parametrize(
    ("suite_id", "digest"),
    [("rsa1024-sha1", hashes.SHA1()), ("rsa2048-sha256", hashes.SHA256())],
)
def test_signs_in_both_eras(suite_id: str, digest: hashes.HashAlgorithm) -> None:
    """The suite follows from the key on the card; the PIN is asked for once."""
    holder = Holder()
    signer = CardSigner(session_on(issued_image("juki", suite_id)), SIGNATURE, holder)
    assert signer.suite is suite(suite_id)
    key = load_der_public_key(signer.public_key)
    assert isinstance(key, RSAPublicKey)
    for message in (b"one", b"", b"x" * 100_000):
        key.verify(signer.sign(message), message, padding.PKCS1v15(), digest)
    assert signer.certificate[:2] == b"\x30\x82"
    assert holder.asked == 1


@pytest.mark.parametrize("purpose", [SIGNATURE, AUTHENTICATION])
def test_signs_on_a_curve(purpose: Purpose) -> None:
    """The next card's keys sign what X.509 calls ecdsa-with-SHA384."""
    session = session_on(issued_image("next-gen"))
    signer = CardSigner(session, purpose, Holder(PINS[purpose]))
    assert signer.suite is suite("p384-sha384")
    algorithm = signer.suite.algorithm_identifier
    for message in (b"one", b"", b"x" * 100_000):
        made = signer.sign(message)
        assert verify_signature(signer.public_key, algorithm, made, message)


def test_asks_again_only_after_a_reset() -> None:
    """Selecting the application again takes the right away, so the PIN is asked for."""
    session = session_on(issued_image("my-number"))
    holder = Holder("1234")
    signer = CardSigner(session, AUTHENTICATION, holder)
    assert holder.asked == 0
    signer.sign(b"message")
    session.select()
    signer.sign(b"message")
    assert holder.asked == 2


def test_key_without_certificate() -> None:
    """Right after key generation the public key is handed in."""
    session = session_on(blank_image("juki"))
    session.authenticate_counter(ISSUER_SECRET)
    public_key = session.generate_key_pair(SIGNATURE, suite("rsa1024-sha1"))
    session.set_pin(SIGNATURE, Holder())
    signer = CardSigner(session, SIGNATURE, Holder(), public_key=public_key)
    assert signer.public_key == public_key
    assert len(signer.sign(b"message")) == 128
    with pytest.raises(WrongCard):
        _ = signer.certificate
    with pytest.raises(WrongCard):
        CardSigner(session, SIGNATURE, Holder())


def test_wrong_pin_and_missing_card() -> None:
    """A wrong PIN is used once, not twice; a card that is gone says so."""
    session = session_on(issued_image("juki"))
    holder = Holder("WRONG1")
    with pytest.raises(PINError):
        CardSigner(session, SIGNATURE, holder)
    assert (holder.asked, session.pin_tries_left(SIGNATURE)) == (1, 4)
    signer = CardSigner(session, SIGNATURE, Holder())
    session.close()
    with pytest.raises(CardGone):
        signer.sign(b"message")


@pytest.mark.parametrize("public_key", [b"", b"\x30\x00", b"\x30\x80"])
def test_unusable_keys(public_key: bytes) -> None:
    """What is no key, or none of this card type, is a wrong card."""
    session = session_on(issued_image("juki"))
    other = generate_key(suite("p384-sha384")).public_key
    for given in (public_key, other):
        with pytest.raises(WrongCard):
            CardSigner(session, SIGNATURE, Holder(), public_key=given)


def test_a_uri_names_a_key(tmp_path: Path) -> None:
    """Of a card in a file; it is free again afterwards, also after an error."""
    file = tmp_path / "card.json"
    file.touch(0o600)
    file.write_bytes(issued_image("my-number").content)
    uri = f"card:file={file}"
    for purpose in (SIGNATURE, AUTHENTICATION):
        named = f"{uri};purpose={purpose.value}"
        with open_card_signer(named, Holder(PINS[purpose])) as signer:
            made = signer.sign(b"text")
            algorithm = signer.suite.algorithm_identifier
            assert verify_signature(signer.public_key, algorithm, made, b"text")
            above = parse_certificate(signer.authority_certificate)
            assert verify_signature(
                above.public_key,
                algorithm,
                parse_certificate(signer.certificate).signature,
                parse_certificate(signer.certificate).tbs,
            )
            with (
                pytest.raises(CardError, match="in use"),
                open_card_signer(named, Holder()),
            ):
                pass
    with pytest.raises(PINError), open_card_signer(uri, Holder("WRONG1")):
        pass
    with pytest.raises(CardGone), open_card_signer(f"{uri}x", Holder()):
        pass
    with open_card_signer(uri, Holder()) as signer:
        assert signer.sign(b"")


def test_repr_names_card_and_suite() -> None:
    """The repr says which key, and no PIN."""
    signer = CardSigner(session_on(issued_image("juki")), SIGNATURE, Holder())
    assert repr(signer).startswith("CardSigner(rsa2048-sha256, signature key of ")
    assert PASSWORD not in repr(signer)
