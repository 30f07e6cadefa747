"""The virtual card: in this process, and in a real PC/SC service (pcscd with vpcd).

The limit of a signature on the card is the bare RSA signature of the same key. The
round trip through PC/SC is that of the question for the tries of a PIN; its limit is
the same question in this process. An issuance is everything that the counter's device
and the card say to each other, but for the generation of the key pair itself.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

from benchmarks.figures import Figure, Target
from benchmarks.timing import alternating
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

    def bare() -> None:
        for _ in range(_TOGETHER):
            key.sign(info, padding.PKCS1v15(), NoDigestInfo())

    def card() -> None:
        for _ in range(_TOGETHER):
            session.sign(Purpose.SIGNATURE, info)

    def ask() -> None:
        for _ in range(1000):
            session.pin_tries_left(Purpose.SIGNATURE)

    seconds = alternating({"card": card, "bare": bare, "ask": ask}, rounds=rounds)
    probed = _over_pcsc(rounds)
    here = 1000 / seconds["ask"]
    return [
        Figure(
            name="signatures on the card, RSA-2048",
            value=_TOGETHER / seconds["card"],
            unit="1/s",
            limit=_TOGETHER / seconds["bare"],
            target=Target("at least", 0.9, of_limit=True),
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
