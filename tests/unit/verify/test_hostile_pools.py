"""Whatever strangers put into a pool: the same verdict, for bounded work."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from jpki.der import oids
from jpki.der.writer import octet_string, sequence, tlv
from jpki.keys.memory import generate_key
from jpki.keys.software import SoftwareSigner
from jpki.model.names import Name
from jpki.model.suites import suite
from jpki.verify.algorithms import AcceptAnyAlgorithm
from jpki.verify.jobs import PathJob
from jpki.verify.outcomes import Outcome, Valid
from jpki.verify.paths import verify_path
from jpki.verify.pool import Pool
from jpki.verify.reasons import Code
from jpki.x509.extensions import extension
from jpki.x509.general_names import DNSName
from jpki.x509.keys import key_identifier
from jpki.x509.parse import Certificate
from tests.support.pki import (
    CA_EXTENSIONS,
    NOW,
    T0,
    USER_EXTENSIONS,
    Party,
    certificate,
    crl,
    entry,
    issue,
    name,
    name_constraints,
    root,
)

MANY = 1000

ROOT = root("root")


def _named(party_key: bytes, signer_key: bytes) -> tuple[bytes, ...]:
    """Key identifiers as genuine certificates have them."""
    own, above = key_identifier(party_key), key_identifier(signer_key)
    return (
        extension(oids.SUBJECT_KEY_IDENTIFIER, False, octet_string(own)),
        extension(oids.AUTHORITY_KEY_IDENTIFIER, False, sequence(tlv(0x80, above))),
    )


@cache
def _path() -> tuple[Party, Party, Party]:
    """Two authorities below ROOT, and a user."""
    upper = _issued(ROOT, "upper")
    lower = _issued(upper, "lower")
    own = generate_key(suite("p256-sha256"))
    extensions = (*USER_EXTENSIONS, *_named(own.public_key, lower.key.public_key))
    user = certificate(name("user"), own.public_key, lower.name, lower.key, extensions)
    return upper, lower, Party(name=name("user"), key=own, certificate=user)


def _issued(issuer: Party, label: str) -> Party:
    own = generate_key(suite("p256-sha256"))
    extensions = (*CA_EXTENSIONS, *_named(own.public_key, issuer.key.public_key))
    made = certificate(name(label), own.public_key, issuer.name, issuer.key, extensions)
    return Party(name=name(label), key=own, certificate=made)


@cache
def _keys(count: int) -> tuple[SoftwareSigner, ...]:
    return tuple(generate_key(suite("p256-sha256")) for _ in range(count))


def _impostors(
    like: Party, issuer: Name, signer_key: bytes, *, same_key: bool, count: int
) -> list[Certificate]:
    """Name, issuer, key identifiers and validity of `like`; signed by strangers."""
    strangers = _keys(count)
    extensions = (*CA_EXTENSIONS, *_named(like.key.public_key, signer_key))
    return [
        certificate(
            like.name,
            like.key.public_key if same_key else strangers[number].public_key,
            issuer,
            strangers[number - 1],
            extensions,
            serial=number + 1,
        )
        for number in range(count)
    ]


def _judge(pool: Pool) -> Outcome:
    job = PathJob(
        anchors=(ROOT.anchor,),
        end_entity=_path()[2].certificate,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
        pool=Pool(beneath=(pool, _genuine())),
    )
    return verify_path(job)


@cache
def _genuine() -> Pool:
    upper, lower, _ = _path()
    return Pool.from_der(
        certificates=[upper.certificate.raw, lower.certificate.raw],
        crls=[crl(ROOT), crl(upper), crl(lower)],
    )


def _same(verdict: Outcome) -> None:
    expected = _judge(Pool())
    assert isinstance(expected, Valid)
    assert (verdict.code, verdict.path) == (expected.code, expected.path)
    assert verdict.evidence == expected.evidence


@pytest.mark.parametrize("same_key", [False, True])
def test_a_thousand_candidates_with_one_name_and_key_identifier(same_key: bool) -> None:
    """The genuine issuer is found among them, at every level, in any order."""
    upper, lower, _ = _path()
    pool = Pool(
        [
            *_impostors(
                lower,
                upper.name,
                upper.key.public_key,
                same_key=same_key,
                count=MANY,
            ),
            *_impostors(
                upper, ROOT.name, ROOT.key.public_key, same_key=same_key, count=MANY
            ),
        ]
    )
    began = time.perf_counter()
    verdict = _judge(pool)
    assert time.perf_counter() - began < 5
    _same(verdict)
    assert verdict.work.signatures <= 2 * MANY + 20


def test_a_mesh_of_strangers_that_is_genuine_in_itself() -> None:
    """Names and keys of the true authorities, signatures that hold, but no anchor's."""
    lower = _path()[1]
    strangers = _keys(7)
    members = [name(f"member {number}") for number in range(7)]
    mesh = [
        certificate(subject, own.public_key, above, signer, CA_EXTENSIONS)
        for subject, own in zip(members, strangers, strict=True)
        for above, signer in (
            *zip(members, strangers, strict=True),
            (ROOT.name, strangers[0]),
        )
    ]
    entrances = [
        certificate(lower.name, lower.key.public_key, above, signer, CA_EXTENSIONS)
        for above, signer in zip(members, strangers, strict=True)
    ]
    began = time.perf_counter()
    verdict = _judge(Pool([*mesh, *entrances]))
    assert time.perf_counter() - began < 3
    _same(verdict)


def test_a_thousand_lists_and_a_thousand_signers() -> None:
    """Forged CRLs, newer than the genuine one, with certificates for their keys."""
    upper, lower, user = _path()
    strangers = _keys(MANY)
    listed = [entry(user.certificate.serial, at=T0)]
    lists = [
        crl(
            lower,
            listed,
            number=number + 2,
            this_update=NOW - timedelta(seconds=number),
            signer=strangers[number],
        )
        for number in range(MANY)
    ]
    signers = _impostors(
        lower, upper.name, upper.key.public_key, same_key=False, count=MANY
    )
    began = time.perf_counter()
    verdict = _judge(
        Pool.from_der(certificates=[one.raw for one in signers], crls=lists)
    )
    assert time.perf_counter() - began < 8
    _same(verdict)


def test_ten_thousand_name_constraints() -> None:
    """More than an extension may hold: refused at once, and never in the way."""
    bound = name_constraints(excluded=[DNSName(f"h{n}.jp") for n in range(10_000)])
    upper, lower, _ = _path()
    with pytest.raises(Exception, match="certificate of"):
        issue(upper, "lower", (*CA_EXTENSIONS, bound), called="lower")
    some = name_constraints(excluded=[DNSName(f"h{n}.jp") for n in range(2_000)])
    made = certificate(
        lower.name,
        lower.key.public_key,
        upper.name,
        upper.key,
        (*CA_EXTENSIONS, some),
        serial=1,
    )
    began = time.perf_counter()
    _same(_judge(Pool([made])))
    alone = replace(_job(), pool=Pool([made, upper.certificate]))
    assert verify_path(alone).code is Code.MALFORMED_CERTIFICATE
    assert time.perf_counter() - began < 1


def _job() -> PathJob:
    return PathJob(
        anchors=(ROOT.anchor,),
        end_entity=_path()[2].certificate,
        at=NOW,
        algorithms=AcceptAnyAlgorithm(),
    )
