"""Chains drawn by chance: policies, and what makes an authority (RFC 5280 4.2, 6.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from jpki.der import oids
from jpki.der.oids import ANY_POLICY
from jpki.der.writer import octet_string, sequence, tlv
from jpki.model.key_usage import KeyUsage
from jpki.model.names import Name
from jpki.x509.extensions import (
    basic_constraints,
    certificate_policies,
    extended_key_usage,
    extension,
    inhibit_any_policy,
    policy_constraints,
    policy_mappings,
)
from tests.support.chance_pki import SIGNS, Case, Chance, Holder, authority, usages
from tests.support.pki import NOW, T0, T1, key, name, unknown_extension

__all__ = ["PURPOSES", "authorities", "policies"]

_POLICIES: Final = ("1.2.3.1", "1.2.3.2", "1.2.3.3")
PURPOSES: Final = {
    "client": "1.3.6.1.5.5.7.3.2",
    "server": "1.3.6.1.5.5.7.3.1",
    "mail": "1.3.6.1.5.5.7.3.4",
}
_ANY_PURPOSE: Final = "2.5.29.37.0"
_LATE: Final = datetime(2050, 1, 1, tzinfo=UTC)


def policies(chance: Chance) -> Case:
    """Policies, mappings, constraints and what the user asks (6.1.1 (c), (e)-(g))."""
    draw = chance.random
    anchor = above = chance.root()
    middle: list[Holder] = []
    for level in range(1, 1 + draw.randrange(5)):
        itself = bool(middle) and chance.rarely(0.15, "self-issued")
        subject = above.name if itself else name(f"chance {level}")
        found = [*authority(), *_asserted(chance), *_demands(chance)]
        if chance.rarely(0.3):
            found.append(_mappings(chance))
        above = chance.certify(above, subject, f"chance {level}", found)
        middle.append(above)
    own = _asserted(chance)
    if chance.rarely(0.15, "demands in end"):
        own += _demands(chance)
    itself = bool(middle) and chance.rarely(0.03, "end self-issued")
    subject = above.name if itself else name("chance end")
    end = chance.certify(above, subject, "chance end", own)
    user: tuple[str, ...] = (ANY_POLICY,)
    if draw.random() < 0.5:
        user = tuple(draw.sample([*_POLICIES, ANY_POLICY], 1 + draw.randrange(2)))
    return Case(
        kind="policies",
        anchors=(anchor.der,),
        middle=tuple(one.der for one in middle),
        end=end.der,
        policies=user,
        explicit=draw.random() < 0.6,
        inhibit_mapping=chance.rarely(0.1),
        inhibit_any=chance.rarely(0.1),
        notes=frozenset(chance.notes),
    )


def _asserted(chance: Chance) -> list[bytes]:
    draw = chance.random
    if chance.rarely(0.1):
        return []
    wanted = draw.sample([*_POLICIES, ANY_POLICY], 1 + draw.randrange(3))
    value = certificate_policies([(oid, None) for oid in wanted])
    return [extension(oids.CERTIFICATE_POLICIES, chance.rarely(0.2), value)]


def _mappings(chance: Chance) -> bytes:
    draw = chance.random
    known = list(_POLICIES)
    if chance.rarely(0.04, "anyPolicy mapped"):
        known.append(ANY_POLICY)
    pairs = [tuple(draw.choices(known, k=2)) for _ in range(1 + draw.randrange(2))]
    value = policy_mappings([(one, other) for one, other in dict.fromkeys(pairs)])
    return extension(oids.POLICY_MAPPINGS, True, value)


def _demands(chance: Chance) -> list[bytes]:
    draw, found = chance.random, []
    if chance.rarely(0.25):
        pairs = [(0, None), (1, None), (2, None), (None, 0), (None, 1), (2, 1), (0, 0)]
        value = policy_constraints(*draw.choice(pairs))
        found.append(extension(oids.POLICY_CONSTRAINTS, True, value))
    if chance.rarely(0.15):
        value = inhibit_any_policy(draw.randrange(3))
        found.append(extension(oids.INHIBIT_ANY_POLICY, True, value))
    return found


def authorities(chance: Chance) -> Case:
    """Who may issue, how deep, for what, when; and extensions nobody knows."""
    draw = chance.random
    anchor = above = chance.root()
    middle: list[Holder] = []
    for level in range(1, 1 + draw.randrange(4)):
        itself = bool(middle) and chance.rarely(0.15, "self-issued")
        subject = above.name if itself else name(f"chance {level}")
        above = _certify(chance, above, subject, f"chance {level}", _role(chance))
        middle.append(above)
    end = _certify(chance, above, name("chance end"), "chance end", _subscriber(chance))
    purpose = draw.choice([None, None, *PURPOSES.values()])
    return Case(
        kind="authorities",
        anchors=(anchor.der,),
        middle=tuple(one.der for one in middle),
        end=end.der,
        purpose=purpose,
        notes=frozenset(chance.notes),
    )


def _certify(
    chance: Chance, above: Holder, subject: Name, label: str, found: list[bytes]
) -> Holder:
    """With a flaw now and then: dates, signature, names, version."""
    draw = chance.random
    begins, ends = T0, T1
    if chance.rarely(0.08):
        begins = NOW + timedelta(seconds=draw.choice([-1, 0, 0, 1]))
    if chance.rarely(0.04, "ends now"):
        ends = NOW
    elif chance.rarely(0.04):
        ends = NOW + timedelta(seconds=draw.choice([-1, 1]))
    elif chance.rarely(0.05):
        ends = draw.choice(
            [_LATE, _LATE - timedelta(seconds=1), _LATE.replace(year=9999)]
        )
    version = None
    if chance.rarely(0.02, "version"):
        version, found = draw.choice([(1, []), (3, [])])
    return chance.certify(
        above,
        subject,
        label,
        found,
        identifiers=version is None,
        signer=key("chance stranger") if chance.rarely(0.02) else None,
        issuer_name=name("chance nobody") if chance.rarely(0.02) else None,
        not_before=begins,
        not_after=ends,
        version=version,
        serial=draw.choice([-1, 0, 2**159, 2**160])
        if chance.rarely(0.03, "serial")
        else None,
    )


def _role(chance: Chance) -> list[bytes]:
    draw = chance.random
    found = []
    length = draw.choice([None, None, None, 0, 1, 2])
    if not chance.rarely(0.03):
        ca = not chance.rarely(0.03)
        if not ca and not chance.rarely(0.3, "length without cA"):
            length = None
        value = basic_constraints(ca, length)
        found.append(extension(oids.BASIC_CONSTRAINTS, not chance.rarely(), value))
    if chance.rarely(0.05):
        found.append(
            usages(
                draw.choice(
                    [
                        [KeyUsage.CRL_SIGN],
                        [KeyUsage.DIGITAL_SIGNATURE],
                        [KeyUsage.KEY_CERT_SIGN],
                    ]
                )
            )
        )
    elif not chance.rarely(0.1):
        found.append(usages(SIGNS))
    return found + _purposes(chance, 0.15) + _oddities(chance)


def _subscriber(chance: Chance) -> list[bytes]:
    draw, found = chance.random, []
    if draw.random() < 0.6:
        bits = [
            [KeyUsage.DIGITAL_SIGNATURE],
            [KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT],
            [KeyUsage.NON_REPUDIATION],
            [KeyUsage.KEY_AGREEMENT],
            list(SIGNS),
        ]
        found.append(usages(draw.choice(bits)))
        chance.notes |= {"key agreement"} if found[-1] == usages(bits[3]) else set()
    if chance.rarely(0.2):
        ca = chance.rarely(0.3)
        value = basic_constraints(ca, None)
        found.append(extension(oids.BASIC_CONSTRAINTS, True, value))
    return found + _purposes(chance, 0.5) + _oddities(chance)


def _purposes(chance: Chance, share: float) -> list[bytes]:
    draw = chance.random
    if not chance.rarely(share):
        return []
    known = [*PURPOSES.values(), _ANY_PURPOSE, "1.3.6.1.5.5.7.3.9"]
    wanted = draw.sample(known, 1 + draw.randrange(2))
    if _ANY_PURPOSE in wanted:
        chance.notes.add("any purpose")
    value = extended_key_usage(wanted)
    return [extension(oids.EXTENDED_KEY_USAGE, chance.rarely(0.3), value)]


def _oddities(chance: Chance) -> list[bytes]:
    draw, found = chance.random, []
    if chance.rarely(0.04):
        found.append(unknown_extension(critical=chance.rarely(0.5)))
    if chance.rarely(0.02, "unreadable extension"):
        broken = draw.choice([b"\x30\x00", sequence(tlv(0x02, b"")), b"\x05\x00"])
        oid = draw.choice([oids.CRL_DISTRIBUTION_POINTS, oids.ISSUER_ALT_NAME])
        found.append(extension(oid, False, broken))
    if chance.rarely(0.01, "extension twice"):
        twice = unknown_extension(critical=False)
        found += [twice, twice]
    if chance.rarely(0.02):
        # freshestCRL and authority information access are never critical.
        known = draw.choice([oids.AUTHORITY_INFO_ACCESS, "2.5.29.46", "2.5.29.9"])
        chance.notes.add("unreadable extension")
        found.append(extension(known, chance.rarely(0.5), octet_string(b"")))
    return found
