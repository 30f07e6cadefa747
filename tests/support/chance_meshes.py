"""Meshes drawn by chance: few names, several keys to each, who certifies whom is luck.

Loops, dead ends, names and keys that come back further up, expired cross certificates,
and identifiers that lead astray (RFC 4158).
"""

from __future__ import annotations

from datetime import timedelta

from jpki.der import oids
from jpki.der.writer import octet_string, sequence, tlv
from jpki.model.key_usage import KeyUsage
from jpki.x509.extensions import basic_constraints, extension
from jpki.x509.keys import key_identifier
from tests.support.chance_pki import Case, Chance, Holder, authority, usages
from tests.support.pki import NOW, T0, T1, key, name

__all__ = ["meshes"]


def meshes(chance: Chance) -> Case:
    """A subscriber somewhere in a mesh, and one or two anchors in it."""
    draw = chance.random
    count = 2 + draw.randrange(3)
    # Each authority has a name and a key; two may share either.
    identities = [
        (draw.randrange(count), draw.randrange(count + 1)) for _ in range(count + 2)
    ]
    identities = list(dict.fromkeys(identities))
    holders = [_itself(chance, *identity) for identity in identities]
    anchors = draw.sample(holders, min(len(holders), 1 + draw.randrange(2)))
    crosses = [
        _cross(chance, draw.choice(holders), draw.choice(holders))
        for _ in range(2 + draw.randrange(7))
    ]
    issuer = draw.choice(holders)
    end = chance.certify(
        issuer,
        name("chance end"),
        "chance end",
        [usages([KeyUsage.DIGITAL_SIGNATURE])],
        identifiers=not chance.rarely(0.3, "no identifiers"),
    )
    return Case(
        kind="meshes",
        anchors=tuple(one.der for one in anchors),
        middle=tuple(dict.fromkeys(crosses)),
        end=end.der,
        notes=frozenset(chance.notes),
    )


def _itself(chance: Chance, name_number: int, key_number: int) -> Holder:
    subject, label = name(f"mesh {name_number}"), f"mesh {key_number}"
    return chance.certify(None, subject, label, authority())


def _cross(chance: Chance, issuer: Holder, subject: Holder) -> bytes:
    draw = chance.random
    if issuer.name == subject.name:
        chance.notes.add("self-issued")
    found = authority(draw.choice([None, None, None, 0, 1]))
    if chance.rarely(0.05):
        found[0] = extension(
            oids.BASIC_CONSTRAINTS, True, basic_constraints(False, None)
        )
    if not chance.rarely(0.3, "no identifiers"):
        above = issuer.key.public_key
        if chance.rarely(0.1, "identifier astray"):
            above = key("chance stranger").public_key
        mine = key_identifier(subject.key.public_key)
        issuing = sequence(tlv(0x80, key_identifier(above)))
        found += [
            extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(mine)),
            extension(oids.AUTHORITY_KEY_IDENTIFIER, False, issuing),
        ]
    label = next(
        f"mesh {number}" for number in range(9) if key(f"mesh {number}") is subject.key
    )
    return chance.certify(
        issuer,
        subject.name,
        label,
        found,
        identifiers=False,
        signer=key("chance stranger") if chance.rarely() else None,
        not_before=T0,
        not_after=NOW - timedelta(seconds=1) if chance.rarely() else T1,
    ).der
