"""CRLs from columns: refusals, signatures in place, blocks of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pytest
from cryptography import x509

from jpki import data
from jpki.errors import EncodingError, RuleViolation
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509.large_crls import LargeCRL, prepare_large_crl
from jpki.x509.parse import parse_crl
from jpki.x509.revocation_columns import NO_DATE, RevocationColumns, columns_of
from jpki.x509.signatures import verify_signature
from tests.support.reference_pki import FOUNDED, reference_pki

_ERA: Final = "prefectural-sha256"
_AT: Final = FOUNDED[_ERA]
_BEFORE: Final = int((_AT - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) - 60


def _many(count: int) -> RevocationColumns:
    """Counted serial numbers, and every second row unspecified."""
    numbers = np.arange(1, count + 1, dtype=">u8")
    serials = np.zeros((count, 20), np.uint8)
    serials[:, 12:] = numbers.view(np.uint8).reshape(-1, 8)
    return RevocationColumns(
        serials=serials,
        revoked_at=_BEFORE - np.arange(count),
        reasons=(np.arange(count) % 2).astype(np.uint8),
    )


def _prepared(entries: RevocationColumns, era: str = _ERA) -> LargeCRL:
    pki = reference_pki(era)
    return prepare_large_crl(
        data.crl_profile("crl"),
        issuer=pki.a.view,
        number=7,
        this_update=pki.at,
        entries=entries,
    )


@pytest.mark.parametrize("era", sorted(FOUNDED))
def test_a_list_is_signed_in_its_place(era: str) -> None:
    """Keys of every era sign the view; the signature verifies."""
    pki = reference_pki(era)
    entries = [Revocation(serial=5, at=pki.at, reason=RevocationReason.SUPERSEDED)]
    large = _prepared(columns_of(entries), era)
    crl = parse_crl(bytes(large.signed(pki.a.signer.sign(large.tbs))))
    assert verify_signature(
        pki.a.signer.public_key, crl.signature_algorithm, crl.signature, crl.tbs
    )
    assert crl.lookup(5) == entries[0]


def test_more_rows_than_a_block_all_arrive() -> None:
    """In order, mixed forms and three lengths of serial number included."""
    columns = _many(40_000)
    crl = x509.load_der_x509_crl(bytes(_prepared(columns).signed(b"x")))
    assert [entry.serial_number for entry in crl] == list(range(1, 40_001))
    with_reason = [entry.serial_number for entry in crl if len(entry.extensions)]
    assert with_reason == list(range(2, 40_001, 2))
    last = crl[39_999].revocation_date_utc
    assert last == _AT - timedelta(seconds=60 + 39_999)


def test_a_list_without_rows_is_a_list() -> None:
    """RFC 5280 5.1.2.6: no empty sequence."""
    assert len(parse_crl(bytes(_prepared(columns_of([])).signed(b"x")))) == 0


def test_the_profile_decides_about_dates() -> None:
    """An authority revocation list has none, though the rows know them."""
    pki = reference_pki(_ERA)
    entry = Revocation(
        serial=5,
        at=_AT,
        reason=RevocationReason.KEY_COMPROMISE,
        invalidity_date=_AT - timedelta(days=1),
    )
    large = prepare_large_crl(
        data.crl_profile("arl"),
        issuer=pki.a.view,
        number=7,
        this_update=_AT,
        entries=columns_of([entry]),
    )
    assert parse_crl(bytes(large.signed(b"x"))).lookup(5) == replace(
        entry, invalidity_date=None
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"serials": np.zeros((1, 20), np.uint8)}, "crl.serial"),
        ({"serials": np.full((1, 20), 0x80, np.uint8)}, "crl.serial"),
        ({"reasons": np.array([8], np.uint8)}, "crl.reason"),
        ({"reasons": np.array([255], np.uint8)}, "crl.reason"),
        ({"revoked_at": np.array([_BEFORE + 61])}, "crl.revocation-date"),
        ({"revoked_at": np.array([NO_DATE])}, "crl.time"),
        ({"invalid_since": np.array([NO_DATE + 1])}, "crl.time"),
        ({"invalid_since": np.array([1 << 62])}, "crl.time"),
    ],
)
def test_rows_that_break_a_rule_are_refused(change: dict[str, Any], rule: str) -> None:
    """Before anything is written."""
    with pytest.raises(RuleViolation) as caught:
        _prepared(replace(_many(1), **change))
    assert caught.value.rule == rule


def test_serial_numbers_that_do_not_rise_are_refused() -> None:
    """Out of order, or twice the same."""
    rows = _many(2)
    for serials in (rows.serials[::-1], rows.serials[[0, 0]]):
        with pytest.raises(RuleViolation, match="do not rise"):
            _prepared(replace(rows, serials=serials))


@pytest.mark.parametrize(
    "columns",
    [
        {"serials": np.zeros((1, 21), np.uint8)},
        {"serials": np.zeros((2, 20), np.uint8)},
        {"serials": np.zeros((1, 40), np.uint8)[:, ::2]},
        {"revoked_at": np.zeros(1, np.int32)},
        {"reasons": np.zeros(2, np.uint8)},
        {"invalid_since": np.zeros(0, np.int64)},
    ],
)
def test_columns_that_do_not_fit_together_are_refused(columns: dict[str, Any]) -> None:
    """Of another length, type or layout."""
    with pytest.raises(EncodingError):
        replace(_many(1), **columns)


def test_what_cannot_be_a_row_is_refused() -> None:
    """Numbers that are too long or negative, and times without zone."""
    good = Revocation(serial=5, at=_AT, reason=RevocationReason.SUPERSEDED)
    for bad in (
        replace(good, serial=-1),
        replace(good, serial=1 << 160),
        replace(good, at=_AT.replace(tzinfo=None)),
    ):
        with pytest.raises(EncodingError):
            columns_of([bad])


@pytest.mark.parametrize("signature", [b"", bytes(8192)])
def test_a_signature_of_no_possible_length_is_refused(signature: bytes) -> None:
    """Nothing is signed by nothing, and there is room for known signatures only."""
    with pytest.raises(EncodingError, match="a signature of"):
        _prepared(_many(1)).signed(signature)
