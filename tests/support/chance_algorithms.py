"""Signatures drawn by chance: suites, identifiers that do not fit, damaged values.

RFC 5280 4.1.1.2, 4.1.2.3; RFC 4055 and RFC 5758 say how algorithms are written.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from jpki.der.times import time_choice
from jpki.der.writer import (
    NULL,
    bit_string,
    explicit,
    integer,
    object_identifier,
    sequence,
    tlv,
)
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.suites import suite
from jpki.x509.names import encode_name
from tests.support.chance_pki import SIGNS, Case, Chance, authority, usages
from tests.support.pki import T0, T1, name

__all__ = ["algorithms"]

_SUITES: Final = (
    "rsa2048-sha1",
    "rsa2048-sha256",
    "p256-sha256",
    "p384-sha384",
)
_ODD: Final = {
    "MD5 with RSA": sequence(object_identifier("1.2.840.113549.1.1.4"), NULL),
    "SHA-256 with RSA, no NULL": sequence(object_identifier("1.2.840.113549.1.1.11")),
    "SHA-512 with RSA": sequence(object_identifier("1.2.840.113549.1.1.13"), NULL),
    "PSS without parameters": sequence(object_identifier("1.2.840.113549.1.1.10")),
    "ECDSA with NULL": sequence(object_identifier("1.2.840.10045.4.3.2"), NULL),
    "ECDSA with SHA-384": sequence(object_identifier("1.2.840.10045.4.3.3")),
    "rsaEncryption": sequence(object_identifier("1.2.840.113549.1.1.1"), NULL),
    "Ed25519": sequence(object_identifier("1.3.101.112")),
    "nothing known": sequence(object_identifier("1.2.3.4")),
}


@lru_cache(maxsize=32)
def _key(suite_id: str, label: int) -> SoftwareSigner:
    return generate_key(suite(suite_id))


def algorithms(chance: Chance) -> Case:
    """A chain of one authority or two, each key of any suite; one flaw at most."""
    draw = chance.random
    count = 2 + draw.randrange(2)
    keys = [_key(draw.choice(_SUITES), level) for level in range(count + 1)]
    flawed = 1 + draw.randrange(count) if draw.random() < 0.6 else None
    ders = [
        _certificate(
            chance,
            keys[max(level - 1, 0)],
            keys[level],
            level,
            last=level == count,
            flawed=level == flawed,
        )
        for level in range(count + 1)
    ]
    return Case(
        kind="algorithms",
        anchors=(ders[0],),
        middle=tuple(ders[1:-1]),
        end=ders[-1],
        notes=frozenset(chance.notes),
    )


def _certificate(
    chance: Chance,
    issuer: SoftwareSigner,
    own: SoftwareSigner,
    level: int,
    *,
    last: bool,
    flawed: bool,
) -> bytes:
    draw = chance.random
    inner = outer = issuer.suite.algorithm_identifier
    flaw = draw.choice(["inner", "outer", "both", "value"]) if flawed else None
    if flaw in ("inner", "outer", "both"):
        label = draw.choice(sorted(_ODD))
        chance.notes |= {f"{flaw} algorithm", label}
        inner = inner if flaw == "outer" else _ODD[label]
        outer = outer if flaw == "inner" else _ODD[label]
    extensions = [usages(SIGNS[1:])] if last else authority()
    tbs = sequence(
        explicit(0, integer(2)),
        integer(chance.serial()),
        inner,
        encode_name(name(f"chance {max(level - 1, 0)}")),
        sequence(time_choice(T0), time_choice(T1)),
        encode_name(name(f"chance {level}")),
        own.public_key,
        explicit(3, sequence(*extensions)),
    )
    signature = bit_string(issuer.sign(tbs))
    if flaw == "value":
        signature = _damaged(chance, issuer.sign(tbs))
    return sequence(tbs, outer, signature)


def _damaged(chance: Chance, value: bytes) -> bytes:
    draw = chance.random
    damage = draw.choice(["flip", "cut", "zero", "more", "empty", "bits", "all zero"])
    chance.notes.add(f"signature {damage}")
    match damage:
        case "flip":
            at = draw.randrange(len(value))
            flipped = value[at] ^ 1 << draw.randrange(8)
            return bit_string(value[:at] + bytes([flipped]) + value[at + 1 :])
        case "cut":
            return bit_string(value[:-1])
        case "zero":
            return bit_string(b"\x00" + value)
        case "more":
            return bit_string(value + b"\x00")
        case "empty":
            return bit_string(b"")
        case "bits":
            return tlv(0x03, b"\x01" + value[:-1] + bytes([value[-1] & 0xFE]))
    return bit_string(bytes(len(value)))
