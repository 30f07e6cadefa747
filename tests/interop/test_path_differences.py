"""OpenSSL's library and ours on the same thousands of PKIs, right and wrong in detail.

Chance draws chains whose certificates have one flaw now and then. Where the two do not
agree, the case is listed below with its ground, or it is a fault.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from benchmarks.openssl_c import OpenSSLVerifier
from jpki.der import oids
from jpki.der.oids import ANY_POLICY
from jpki.der.writer import octet_string, sequence, tlv
from jpki.model.names import Name
from jpki.model.profiles import KeyUsage
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.anchors import TrustAnchor
from jpki.verify.jobs import PathJob, RevocationMode
from jpki.verify.outcomes import Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.x509.extensions import (
    basic_constraints,
    certificate_policies,
    extension,
    inhibit_any_policy,
    key_usage,
    policy_constraints,
    policy_mappings,
)
from jpki.x509.general_names import (
    DirectoryName,
    DNSName,
    GeneralName,
    IPAddress,
    RFC822Name,
)
from jpki.x509.keys import key_identifier
from jpki.x509.parse import Certificate
from tests.support.pki import (
    NOW,
    T0,
    T1,
    alternative_names,
    certificate,
    key,
    name,
    name_constraints,
    unknown_extension,
)

pytestmark = [
    pytest.mark.needs("openssl"),
]

_ANCHORS: Final = 25
_EACH: Final = 60
_POLICIES: Final = ("1.2.3.1", "1.2.3.2", "1.2.3.3")

_STRICTER: Final = {
    Code.PROFILE_BROKEN: "OpenSSL asks for the profile with X509_V_FLAG_X509_STRICT",
    Code.POLICY_MAPPED_FROM_ANY: "OpenSSL reads mappings only beside policies",
    Code.MALFORMED_CERTIFICATE: "OpenSSL reads an extension only where it needs it",
}
"""Where ours alone refuses, and why that is no fault. Never the other way round."""


@dataclass(frozen=True, slots=True)
class _Chain:
    anchor: Certificate
    middle: tuple[Certificate, ...]
    end: Certificate
    explicit: bool


class _Maker:
    """Draws chains below one anchor at a time."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._serial = 0
        self._names = {0: name("difference 0")}

    def anchor(self) -> Certificate:
        """Self-signed, with constraints now and then."""
        own = key("difference 0")
        # Its policies would bind here and not there (RFC 5937 is nobody's duty).
        extensions = [
            extension(oids.BASIC_CONSTRAINTS, True, basic_constraints(True, None)),
            *self._constraints(),
        ]
        return self._certificate(0, own.public_key, 0, extensions)

    def chain(self, anchor: Certificate) -> _Chain:
        """A chain of up to three authorities."""
        length = self._chance.randrange(4)
        middle = tuple(
            self._issued(level, self._authority()) for level in range(1, length + 1)
        )
        end = self._issued(length + 1, self._subscriber(), is_last=True)
        return _Chain(anchor, middle, end, self._rarely(0.3))

    def _rarely(self, share: float = 0.06) -> bool:
        return self._chance.random() < share

    def _issued(
        self, level: int, extensions: list[bytes], *, is_last: bool = False
    ) -> Certificate:
        # Now and then a certificate that its issuer issued to itself; not the last one,
        # for which OpenSSL leaves out the step 6.1.5 (a) then.
        itself = level > 1 and not is_last and self._rarely(0.1)
        own = self._names[level - 1] if itself else name(f"difference {level}")
        self._names[level] = own
        public_key = key(f"difference {level}").public_key
        return self._certificate(level, public_key, level - 1, extensions)

    def _certificate(
        self,
        level: int,
        public_key: bytes,
        above: int,
        extensions: list[bytes],
    ) -> Certificate:
        self._serial += 1
        chance = self._chance
        # OpenSSL tells keys of one name apart by these alone.
        own, issuing = (
            key_identifier(one)
            for one in (public_key, key(f"difference {above}").public_key)
        )
        extensions += [
            extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(own)),
            extension(
                oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(tlv(0x80, issuing))
            ),
        ]
        chance.shuffle(extensions)
        early, late = T0, T1
        if level and self._rarely(0.03):
            early = NOW + timedelta(seconds=1)
        if level and self._rarely(0.03):
            late = NOW - timedelta(seconds=1)
        signer = key(f"difference {above}")
        if level and self._rarely(0.02):
            signer = key("difference stranger")
        issuer = self._names[above]
        if level and self._rarely(0.02):
            issuer = name("difference nobody")
        return certificate(
            self._names[level],
            public_key,
            issuer,
            signer,
            extensions,
            serial=self._serial,
            not_before=early,
            not_after=late,
        )

    def _authority(self) -> list[bytes]:
        chance = self._chance
        length = chance.choice([None, None, None, 0, 1, 2])
        ca = not self._rarely(0.03)
        usages = [KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN]
        if self._rarely(0.03):
            usages = [KeyUsage.CRL_SIGN]
        found = []
        if not self._rarely(0.03):
            value = basic_constraints(ca, length if ca else None)
            found.append(extension(oids.BASIC_CONSTRAINTS, not self._rarely(), value))
        if not self._rarely(0.1):
            found.append(extension(oids.KEY_USAGE, True, key_usage(usages)))
        found += self._any()
        found += self._constraints()
        if self._rarely(0.15):
            one, other = chance.sample([*_POLICIES, ANY_POLICY], 2)
            if ANY_POLICY not in (one, other) or self._rarely(0.2):
                value = policy_mappings([(one, other)])
                found.append(extension(oids.POLICY_MAPPINGS, True, value))
        if self._rarely(0.15):
            explicit, mapping = chance.choice([(0, None), (1, None), (None, 0), (2, 1)])
            value = policy_constraints(explicit, mapping)
            found.append(extension(oids.POLICY_CONSTRAINTS, True, value))
        if self._rarely(0.15):
            value = inhibit_any_policy(chance.randrange(3))
            found.append(extension(oids.INHIBIT_ANY_POLICY, True, value))
        return found

    def _constraints(self) -> list[bytes]:
        chance = self._chance
        if not self._rarely(0.2):
            return []
        bases: list[GeneralName] = [
            DNSName("example.jp"),
            RFC822Name("example.jp"),
            IPAddress(bytes.fromhex("0a000000ff000000")),
            DirectoryName(Name(name("x").rdns[:2])),
        ]
        some = chance.sample(bases, 1 + chance.randrange(2))
        permitted = chance.random() < 0.5
        return [
            name_constraints(
                permitted=some if permitted else (),
                excluded=() if permitted else some[:1],
            )
        ]

    def _subscriber(self) -> list[bytes]:
        chance = self._chance
        found = self._any()
        names: list[GeneralName] = [
            DNSName("www.example.jp"),
            DNSName("www.example.test"),
            RFC822Name("taro@example.jp"),
            RFC822Name("taro@example.test"),
            IPAddress(b"\x0a\x01\x02\x03"),
            IPAddress(b"\x0b\x01\x02\x03"),
        ]
        if chance.random() < 0.7:
            found.append(alternative_names(*chance.sample(names, 2)))
        return found

    def _any(self) -> list[bytes]:
        chance = self._chance
        found = []
        if chance.random() < 0.8:
            wanted = chance.sample([*_POLICIES, ANY_POLICY], 1 + chance.randrange(3))
            value = certificate_policies([(oid, None) for oid in wanted])
            found.append(extension(oids.CERTIFICATE_POLICIES, self._rarely(), value))
        if self._rarely(0.03):
            found.append(unknown_extension(critical=chance.random() < 0.5))
        if self._rarely(0.02):
            broken = chance.choice([b"\x30\x00", sequence(tlv(0x02, b""))])
            found.append(extension(oids.CRL_DISTRIBUTION_POINTS, False, broken))
        return found


def _ours(chain: _Chain, anchor: Certificate) -> Outcome:
    job = PathJob(
        anchors=(TrustAnchor.of(anchor),),
        end_entity=chain.end,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool(chain.middle),
        revocation=RevocationMode.NONE,
        require_explicit_policy=chain.explicit,
    )
    return verify_path(job)


@pytest.mark.slow
def test_the_two_agree_on_chance_pkis() -> None:
    """Verdict by verdict; about half of the chains are good."""
    maker = _Maker(20260401)
    counts = {True: 0, False: 0}
    stricter: dict[Code, int] = {}
    for _ in range(_ANCHORS):
        anchor = maker.anchor()
        theirs = {
            explicit: OpenSSLVerifier(anchor.raw, None, NOW, explicit=explicit)
            for explicit in (False, True)
        }
        for _ in range(_EACH):
            chain = maker.chain(anchor)
            untrusted = [one.raw for one in chain.middle]
            good = theirs[chain.explicit].verify([chain.end.raw], untrusted) == 1
            ours = _ours(chain, anchor)
            counts[good] += 1
            if good and ours.code in _STRICTER:
                stricter[ours.code] = stricter.get(ours.code, 0) + 1
                continue
            assert isinstance(ours, Valid) == good, (
                ours.reason,
                [anchor.raw.hex(), *(one.hex() for one in untrusted)],
                chain.end.raw.hex(),
            )
    assert min(counts.values()) > _ANCHORS * _EACH // 10
    assert sum(stricter.values()) < _ANCHORS * _EACH // 10
