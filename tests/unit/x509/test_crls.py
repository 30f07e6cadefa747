"""CRLs: made and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from jpki import data
from jpki.der import oids
from jpki.der.times import utc_time
from jpki.der.writer import enumerated, integer, sequence, tlv
from jpki.errors import EncodingError, RuleViolation
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509.crls import prepare_crl
from jpki.x509.extensions import extension
from jpki.x509.general_names import DirectoryName
from jpki.x509.issuers import assemble
from jpki.x509.names import encode_name, rfc4514
from jpki.x509.parse import parse_crl
from tests.support.reference_pki import FOUNDED, VALUES, reference_pki

_ERA: Final = "prefectural-sha256"
_AT: Final = FOUNDED[_ERA]
_HELD: Final = Revocation(
    serial=1 << 70, at=_AT, reason=RevocationReason.CERTIFICATE_HOLD
)
_STOLEN: Final = Revocation(
    serial=7,
    at=_AT,
    reason=RevocationReason.KEY_COMPROMISE,
    invalidity_date=_AT - timedelta(days=3),
)
_DISCARDED: Final = Revocation(serial=300, at=_AT, reason=RevocationReason.UNSPECIFIED)


def test_a_list_comes_back_as_it_was_made() -> None:
    """Number, times and every entry, by serial number."""
    pki = reference_pki(_ERA)
    crl = parse_crl(pki.crl(pki.a, _HELD, _STOLEN, _DISCARDED))
    assert crl.number == 7
    assert crl.this_update == _AT + timedelta(hours=1)
    assert crl.next_update == _AT + timedelta(hours=49)
    assert [entry.serial for entry in crl.entries()] == [7, 300, 1 << 70]
    assert [crl.lookup(s) for s in (7, 300, 1 << 70, 8)] == [
        _STOLEN,
        _DISCARDED,
        _HELD,
        None,
    ]
    assert crl.issuing_distribution_point is None
    assert crl.delta_base is None
    identifier = crl.authority_key_identifier
    assert identifier is not None
    assert identifier.key_identifier == pki.a.view.key_identifier


def test_unspecified_reasons_are_left_out() -> None:
    """RFC 5280 5.3.1."""
    pki = reference_pki(_ERA)
    entry = parse_crl(pki.crl(pki.a, _DISCARDED)).find(300)
    assert entry is not None
    assert entry.extensions == {}
    assert entry.reason_code == 0


def test_an_empty_list_has_no_empty_sequence() -> None:
    """RFC 5280 5.1.2.6; and a list without entries is still a list."""
    pki = reference_pki(_ERA)
    crl = parse_crl(pki.crl(pki.a))
    assert len(crl) == 0
    assert crl
    assert crl.lookup(7) is None


def test_a_partition_is_named_like_the_certificates_point() -> None:
    """The name in the list is the one in the certificates of that municipality."""
    pki = reference_pki(_ERA)
    point = parse_crl(pki.crl(pki.a, role="crl-partition")).issuing_distribution_point
    assert point is not None
    assert point.only_user_certificates
    (name,) = point.full_name
    assert isinstance(name, DirectoryName)
    assert rfc4514(name.name).startswith("CN=Kiyose-shi CRLDP,OU=Tokyo-to")


def test_the_authority_list_is_about_authorities() -> None:
    """Its point is the issuer's own name, its scope authority certificates."""
    pki = reference_pki(_ERA)
    crl = parse_crl(pki.crl(pki.a, role="arl"))
    point = crl.issuing_distribution_point
    assert point is not None
    assert point.only_authority_certificates
    assert point.full_name == (DirectoryName(pki.a.view.name),)
    assert crl.extensions[oids.ISSUING_DISTRIBUTION_POINT].critical


@pytest.mark.parametrize(
    ("number", "next_update", "entries"),
    [
        (-1, None, ()),
        (1 << 159, None, ()),
        (1, _AT, ()),
        (1, _AT - timedelta(days=1), ()),
        (1, None, (_STOLEN, _STOLEN)),
        (1, None, (Revocation(serial=0, at=_AT, reason=RevocationReason(1)),)),
        (
            1,
            None,
            (
                Revocation(
                    serial=5,
                    at=_AT + timedelta(seconds=1),
                    reason=RevocationReason.SUPERSEDED,
                ),
            ),
        ),
    ],
)
def test_an_impossible_list_is_not_made(
    number: int, next_update: datetime | None, entries: tuple[Revocation, ...]
) -> None:
    """Numbers, times and entries must make sense."""
    with pytest.raises(RuleViolation):
        prepare_crl(
            data.crl_profile("crl"),
            issuer=reference_pki(_ERA).a.view,
            number=number,
            this_update=_AT,
            next_update=next_update,
            entries=entries,
        )


def test_the_same_arguments_give_the_same_bytes() -> None:
    """In whatever order the revocations come."""

    def made(*entries: Revocation) -> bytes:
        return prepare_crl(
            data.crl_profile("crl"),
            issuer=reference_pki(_ERA).a.view,
            number=1,
            this_update=_AT,
            entries=entries,
            values=VALUES,
        ).tbs

    assert made(_HELD, _STOLEN) == made(_STOLEN, _HELD)


def _foreign(*entries: bytes, version: bytes = integer(1)) -> bytes:
    """A list with entries that `prepare_crl` would not make."""
    issuer = reference_pki(_ERA).a
    suite = issuer.signer.suite
    tbs = sequence(
        version,
        suite.algorithm_identifier,
        encode_name(issuer.view.name),
        utc_time(_AT),
        tlv(0x30, b"".join(entries)) if entries else b"",
    )
    return assemble(tbs, suite, b"x" * 256)


def _entry(serial: int, *extensions: bytes) -> bytes:
    details = sequence(*extensions) if extensions else b""
    return sequence(integer(serial), utc_time(_AT), details)


def test_a_list_without_next_update_is_read() -> None:
    """RFC 5280 wants it; older lists lack it, and whoever judges must see that."""
    crl = parse_crl(_foreign(_entry(5)))
    assert crl.next_update is None
    assert crl.number is None
    assert crl.lookup(5) is not None


def test_removal_from_a_delta_list_is_not_a_revocation() -> None:
    """removeFromCRL takes a hold back; the entry itself can be seen."""
    reason = extension(oids.REASON_CODE, False, enumerated(8))
    crl = parse_crl(_foreign(_entry(5, reason)))
    entry = crl.find(5)
    assert entry is not None
    assert entry.removed
    assert crl.lookup(5) is None


def test_an_unknown_reason_is_an_error_when_it_is_looked_up() -> None:
    """Reason 7 is not used; nobody guesses what was meant."""
    crl = parse_crl(
        _foreign(_entry(5, extension(oids.REASON_CODE, False, enumerated(7))))
    )
    with pytest.raises(EncodingError):
        crl.lookup(5)


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        (sequence(), integer(1)),
        (sequence(integer(5)), integer(1)),
        (integer(5), integer(1)),
        (_entry(5), integer(2)),
        (_entry(5, extension("2.999.1", False, b"")), b""),
        (tlv(0x30, b"\x05"), integer(1)),
    ],
)
def test_a_malformed_list_is_refused(entry: bytes, version: bytes) -> None:
    """Every entry's frame is checked at once, not when somebody asks for it."""
    with pytest.raises(EncodingError):
        parse_crl(_foreign(entry, version=version))


def test_lists_are_told_apart_by_their_bytes() -> None:
    """Equality and fingerprint are those of the whole list."""
    pki = reference_pki(_ERA)
    one, same, other = (parse_crl(pki.crl(pki.a, *e)) for e in ((), (), (_HELD,)))
    assert one == same
    assert one.fingerprint == same.fingerprint
    assert one != other
    assert datetime(2014, 10, 1, 2, 2, 3, tzinfo=UTC) == one.this_update
