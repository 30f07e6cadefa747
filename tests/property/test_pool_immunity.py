"""Whatever strangers put beside a question drawn by chance, its verdict stays.

Strangers know all names, identifiers, serial numbers and dates, and have no key of an
authority.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.writer import integer, octet_string, sequence, tlv
from jpki.errors import EncodingError
from jpki.keys.software import SoftwareSigner
from jpki.verify import AcceptAnyAlgorithm, AlgorithmPolicy, Pool
from jpki.verify.batch import judge_line
from jpki.x509.extensions import extension
from jpki.x509.keys import key_identifier
from jpki.x509.parse import Certificate, parse_certificate, parse_crl
from tests.support.chance_chains import authorities, policies
from tests.support.chance_lists import lists
from tests.support.chance_meshes import meshes
from tests.support.chance_names import constrained_names
from tests.support.chance_pki import Case, Chance, authority
from tests.support.pki import (
    NOW,
    Party,
    certificate_der,
    crl,
    entry,
    issuing_point,
    key,
    signed,
)

_KINDS: Final = (lists, lists, meshes, policies, authorities, constrained_names)
_NOTHING: Final = Pool()


def _verdict(case: Case, noise: Pool) -> dict[str, Any]:
    line = json.dumps(case.job()).encode()
    return judge_line(line, noise, _any_algorithm)


def _any_algorithm(name: str) -> AlgorithmPolicy:
    return AcceptAnyAlgorithm()


class _Strangers:
    """Make what looks like a case's own things."""

    def __init__(self, case: Case, chance: Chance) -> None:
        self._chance = chance
        self._case = case
        self._originals = [
            found
            for der in (*case.anchors, *case.middle, *case.aside, case.end)
            if (found := _read(der)) is not None
        ]

    def _key(self) -> SoftwareSigner:
        return key(f"immunity {self._chance.random.randrange(4)}")

    def certificates(self) -> list[bytes]:
        """The case's own signed by others; others' in the same names, and meshes."""
        draw = self._chance.random
        made = []
        for original in self._originals:
            made.append(signed(original.tbs, self._key()))
            other = draw.choice(self._originals)
            kept = [
                extension(one.oid, one.critical, one.value)
                for one in original.extensions.values()
            ]
            by, own = self._key(), self._key()
            for issuer, extensions in (
                (original.issuer, kept or authority()),
                (original.subject, [*authority(), *_identifiers(original)]),
                (other.subject, [*authority(), *_identifiers(original)]),
            ):
                public_key = draw.choice([original.public_key, own.public_key])
                made.append(
                    certificate_der(
                        original.subject,
                        public_key,
                        issuer,
                        by,
                        extensions,
                        serial=max(original.serial, 1),
                        not_before=original.not_before,
                        not_after=original.not_after,
                    )
                )
        return made

    def lists(self) -> list[bytes]:
        """The case's own, forged or altered; newer ones that list everybody."""
        made = []
        for der in self._case.crls:
            made.append(signed(bytes(parse_crl(der).tbs), self._key()))
            # Not the bit that the case alters now and then: that would mend it.
            made.append(der[:-1] + bytes([der[-1] ^ 2]))
        everybody = [entry(one.serial) for one in self._originals]
        for original in self._originals:
            for scope in ((), (issuing_point(indirect=True),), (_delta(),)):
                made.append(self._list(original, everybody, scope))
                made.append(self._list(original, [], scope))
        return made

    def _list(
        self, original: Certificate, entries: list[bytes], scope: tuple[bytes, ...]
    ) -> bytes:
        draw = self._chance.random
        by = self._key()
        party = Party(name=original.subject, key=by, certificate=original)
        return crl(
            party,
            entries,
            number=draw.choice([5, 6, 99]),
            this_update=NOW - timedelta(minutes=draw.choice([0, 60, 120])),
            extensions=scope,
        )


def _identifiers(original: Certificate) -> list[bytes]:
    """The identifiers of the true key, for one and for the issuer."""
    named = key_identifier(original.public_key)
    return [
        extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(named)),
        extension(oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(tlv(0x80, named))),
    ]


def _delta() -> bytes:
    return extension(oids.DELTA_CRL_INDICATOR, True, integer(5))


def _read(der: bytes) -> Certificate | None:
    try:
        return parse_certificate(der)
    except EncodingError:
        return None


@given(
    st.sampled_from(_KINDS),
    st.integers(0, 2**40),
    st.sampled_from(["require", "if-present", None]),
)
def test_strangers_change_no_verdict(
    kind: Callable[[Chance], Case], seed: int, revocation: str | None
) -> None:
    """With and without them the outcome is one; of what is valid, all of it is."""
    chance = Chance(seed)
    case = kind(chance)
    if revocation is not None:
        case = replace(case, revocation=revocation)
    strangers = _Strangers(case, chance)
    noise = Pool.from_der(certificates=strangers.certificates(), crls=strangers.lists())
    quiet, noisy = _verdict(case, _NOTHING), _verdict(case, noise)
    assert noisy["outcome"] == quiet["outcome"], (quiet, noisy)
    if quiet["outcome"] == "valid":
        for member in ("code", "policies", "path", "revocation"):
            assert noisy[member] == quiet[member]
