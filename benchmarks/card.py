"""The virtual card: in this process, and in a real PC/SC service (pcscd with vpcd).

The limit of a signature on the card is the bare signature of the same key. The
round trip through PC/SC is that of the question for the tries of a PIN; its limit is
the same question in this process. An issuance is everything that the counter's device
and the card say to each other, but for the generation of the key pair itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.hashes import SHA384

from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating, cpu_seconds, neighbours
from jpki.cards.signing import digest_info
from jpki.cards.state import decode_state
from jpki.model.purposes import Purpose
from tests.support.cards import PINS, blank_image, issued_image, session_on
from tests.support.pcsc_room import room

__all__ = ["run"]

_TOGETHER = 20
"""Signatures in one round."""


def run(quick: bool) -> Sequence[Figure]:
    """Commands and signatures here, then round trips and an issuance over PC/SC."""
    rounds = 5 if quick else 25
    image = issued_image("my-number")
    session = session_on(image)
    session.verify_pin(Purpose.SIGNATURE, lambda: PINS[Purpose.SIGNATURE])
    info = digest_info("sha256", bytes(32))
    key = decode_state(image.content).keys[Purpose.SIGNATURE].private
    assert isinstance(key, RSAPrivateKey)

    def bare(_: int) -> None:
        for _ in range(_TOGETHER):
            key.sign(info, padding.PKCS1v15(), NoDigestInfo())

    def card(_: int) -> None:
        for _ in range(_TOGETHER):
            session.sign(Purpose.SIGNATURE, info)

    def ask() -> None:
        for _ in range(1000):
            session.pin_tries_left(Purpose.SIGNATURE)

    seconds = alternating({"ask": ask}, rounds=rounds)
    probed = _over_pcsc(rounds)
    here = 1000 / seconds["ask"]
    return [
        _signatures("signatures on the card, RSA-2048", card, bare, rounds),
        replace(
            _signatures("signatures on the next card, P-384", *_on_the_curve(), rounds),
            target=None,
        ),
        Figure(name="commands in this process", value=here, unit="1/s"),
        Figure(
            name="commands through pcscd and vpcd",
            value=1 / probed["round_trip"],
            unit="1/s",
            limit=here,
        ),
        Figure(
            name="round trip through pcscd and vpcd",
            value=probed["round_trip"] * 1000,
            unit="ms",
            limit=1000 / here,
        ),
        Figure(
            name="commands of an issuance",
            value=probed["commands"],
            unit="",
            target=Target("at most", 20),
        ),
        Figure(
            name="an issuance through pcscd and vpcd, without key generation",
            value=probed["issuance"] * 1000,
            unit="ms",
            target=Target("at most", 150),
        ),
    ]


_Work = Callable[[int], None]


def _signatures(name: str, card: _Work, bare: _Work, rounds: int) -> Figure:
    """How many a second of what both compute, so that other work counts for neither."""
    pair = neighbours(card, bare, rounds, clock=cpu_seconds)
    return Figure(
        name=name,
        value=_TOGETHER / pair.first,
        unit="1/s",
        limit=_TOGETHER / pair.first * pair.ratio,
        target=Target("at least", 0.9, of_limit=True),
    )


def _on_the_curve() -> tuple[_Work, _Work]:
    """Signing with the next card's key: on the card, and with the bare key."""
    image = issued_image("next-gen")
    session = session_on(image)
    session.verify_pin(Purpose.SIGNATURE, lambda: PINS[Purpose.SIGNATURE])
    key = decode_state(image.content).keys[Purpose.SIGNATURE].private
    assert isinstance(key, EllipticCurvePrivateKey)
    digest = bytes(48)
    ecdsa = ECDSA(Prehashed(SHA384()), deterministic_signing=True)

    def card(_: int) -> None:
        for _ in range(_TOGETHER):
            session.sign(Purpose.SIGNATURE, digest)

    def bare(_: int) -> None:
        for _ in range(_TOGETHER):
            key.sign(digest, ecdsa)

    return card, bare


def _over_pcsc(rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as made, room(Path(made)) as here:
        file = here.folder / "card.json"
        file.touch(0o600)
        file.write_bytes(blank_image("my-number").content)
        with here.inserted(file):
            line = [sys.executable, "-m", "benchmarks.card_probe", str(rounds)]
            told = here.run(*line).stdout
    found: dict[str, float] = json.loads(told)
    return found
