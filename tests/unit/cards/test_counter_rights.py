"""What only a counter may do with a card: read a public key again, and erase it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jpki.cards.state import decode_state
from jpki.errors import APDUError, PINBlocked, WrongCard
from jpki.model.suites import suite
from tests.support.cards import (
    ISSUER_SECRET,
    PASSWORD,
    SIGNATURE,
    MemoryImage,
    PowerCutError,
    blank_image,
    issued_image,
    session_on,
)

NOT_ALLOWED = 0x6982
RSA = suite("rsa2048-sha256")


@pytest.mark.parametrize("type_id", ["juki", "my-number"])
def test_the_public_half_is_read_again(type_id: str) -> None:
    """As generation gave it, in a later session, without a write."""
    image = blank_image(type_id)
    with session_on(image) as session:
        session.authenticate_counter(ISSUER_SECRET)
        with pytest.raises(WrongCard):
            session.read_public_key(SIGNATURE, RSA)
        with pytest.raises(WrongCard, match="makes no"):
            session.read_public_key(SIGNATURE, suite("p384-sha384"))
        made = session.generate_key_pair(SIGNATURE, RSA)
    before = image.content
    with session_on(image) as session:
        with pytest.raises(APDUError) as refused:
            session.read_public_key(SIGNATURE, RSA)
        assert refused.value.status_word == NOT_ALLOWED
        session.authenticate_counter(ISSUER_SECRET)
        assert session.read_public_key(SIGNATURE, RSA) == made
    assert image.content == before


def test_an_erased_card_is_as_it_came() -> None:
    """No keys, passwords or certificates; rights that were won are lost with them."""
    image = issued_image("my-number")
    with session_on(image) as session:
        session.verify_pin(SIGNATURE, lambda: PASSWORD)
        with pytest.raises(APDUError) as refused:
            session.erase()
        assert refused.value.status_word == NOT_ALLOWED
        session.authenticate_counter(ISSUER_SECRET)
        session.erase()
        with pytest.raises(APDUError) as hidden:
            session.read_certificate(SIGNATURE)
        with pytest.raises(APDUError) as unsigned:
            session.sign(SIGNATURE, bytes(32))
        for gone in (hidden, unsigned):
            assert gone.value.status_word == NOT_ALLOWED
        with pytest.raises(WrongCard):
            session.read_ca_certificate(SIGNATURE)
        with pytest.raises(PINBlocked):
            session.verify_pin(SIGNATURE, lambda: PASSWORD)
    blank = decode_state(blank_image("my-number").content)
    assert blank.applications
    # Nor what its other applications told of the holder.
    assert decode_state(image.content) == replace(blank, applications={})


def test_a_power_cut_erases_all_or_nothing() -> None:
    """One write does it."""
    image = issued_image("my-number")
    before, image.writes_left = image.content, 0
    with session_on(image) as session:
        session.authenticate_counter(ISSUER_SECRET)
        with pytest.raises(PowerCutError):
            session.erase()
    assert image.content == before
    image.writes_left, image.past = None, []
    with session_on(image) as session:
        session.authenticate_counter(ISSUER_SECRET)
        session.erase()
    assert len(image.past) == 1


def test_a_new_key_takes_both_certificates_away() -> None:
    """So the authority's certificate tells that the resident's is there, too."""
    image: MemoryImage = issued_image("my-number")
    with session_on(image) as session:
        session.authenticate_counter(ISSUER_SECRET)
        assert session.read_ca_certificate(SIGNATURE)
        session.generate_key_pair(SIGNATURE, RSA)
        with pytest.raises(WrongCard):
            session.read_ca_certificate(SIGNATURE)
