"""Large CRLs: from columns come the same bytes as from objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from jpki import data
from jpki.errors import JpkiError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509 import crl_body
from jpki.x509.crls import prepare_crl
from jpki.x509.issuers import assemble
from jpki.x509.large_crls import prepare_large_crl
from jpki.x509.parse import parse_crl
from jpki.x509.revocation_columns import NO_DATE, RevocationColumns, columns_of
from tests.support.reference_pki import VALUES, reference_pki

_NOW: Final = datetime(2061, 1, 1, tzinfo=UTC)
_MOMENTS: Final = st.datetimes(
    datetime(1950, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
_SERIALS: Final = st.integers(1, 20).flatmap(
    lambda octets: st.integers(1, (1 << (8 * octets - 1)) - 1)
)
_REVOCATIONS: Final = st.lists(
    st.builds(
        Revocation,
        serial=_SERIALS,
        at=_MOMENTS | st.just(datetime(2050, 1, 1, tzinfo=UTC)),
        reason=st.sampled_from(RevocationReason),
        invalidity_date=st.none() | _MOMENTS,
    ),
    max_size=40,
    unique_by=lambda entry: entry.serial,
)
_PROFILES: Final = st.sampled_from(["crl", "crl-partition", "arl"])


def _arguments(profile_id: str) -> dict[str, Any]:
    return {
        "profile": data.crl_profile(profile_id),
        "issuer": reference_pki("prefectural-sha256").a.view,
        "number": 7,
        "this_update": _NOW,
        "values": VALUES,
    }


@given(_PROFILES, _REVOCATIONS, st.integers(1, 9))
def test_columns_and_objects_give_the_same_list(
    profile_id: str, entries: list[Revocation], rows: int
) -> None:
    """Whatever the length of serial numbers, the times, reasons and dates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crl_body, "_ROWS", rows)
        large = prepare_large_crl(
            **_arguments(profile_id), entries=columns_of(entries).in_order()
        )
    small = prepare_crl(**_arguments(profile_id), entries=entries)
    assert large.tbs == small.tbs
    assert large.findings == small.findings
    signature = bytes(range(1, 200))
    assert large.signed(signature) == assemble(small.tbs, small.suite, signature)


@settings(max_examples=25)
@given(_REVOCATIONS)
def test_another_reader_finds_every_entry(entries: list[Revocation]) -> None:
    """pyca reads serial numbers, times, reasons and dates as they were given."""
    large = prepare_large_crl(
        **_arguments("crl"), entries=columns_of(entries).in_order()
    )
    crl = x509.load_der_x509_crl(bytes(large.signed(b"x")))
    expected = sorted(entries, key=lambda entry: entry.serial)
    assert len(crl) == len(expected)
    for found, entry in zip(crl, expected, strict=True):
        assert found.serial_number == entry.serial
        assert found.revocation_date_utc == entry.at
        extensions = {type(each.value): each.value for each in found.extensions}
        reason = extensions.get(x509.CRLReason)
        date = extensions.get(x509.InvalidityDate)
        assert (None if reason is None else reason.reason.value) == (
            None if entry.reason is RevocationReason.UNSPECIFIED else entry.reason.label
        )
        assert (None if date is None else date.invalidity_date_utc) == (
            entry.invalidity_date
        )


@given(_REVOCATIONS, st.randoms(use_true_random=False))
def test_order_is_that_of_the_numbers(entries: list[Revocation], chance: Any) -> None:
    """Rows come back as they were, by serial number, from any order."""
    chance.shuffle(entries)
    ordered = columns_of(entries).in_order()
    assert ordered.rises()
    assert list(ordered.rows()) == sorted(entries, key=lambda entry: entry.serial)


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=20, max_size=20),
            st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 1 << 32),
            st.integers(0, 255) | st.integers(0, 10),
            st.integers(-(1 << 63), (1 << 63) - 1) | st.just(NO_DATE),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_rows_give_a_good_list_or_our_error(
    rows: list[tuple[bytes, int, int, int]],
) -> None:
    """Damaged rows raise nothing else, and what comes out every reader can read."""
    columns = RevocationColumns(
        serials=np.frombuffer(b"".join(row[0] for row in rows), np.uint8).reshape(
            -1, 20
        ),
        revoked_at=np.array([row[1] for row in rows], np.int64),
        reasons=np.array([row[2] for row in rows], np.uint8),
        invalid_since=np.array([row[3] for row in rows], np.int64),
    )
    try:
        large = prepare_large_crl(**_arguments("crl"), entries=columns.in_order())
    except JpkiError:
        return
    crl = parse_crl(bytes(large.signed(b"x")))
    found = [entry.revocation() for entry in crl.entries()]
    assert found == list(columns.in_order().rows())
    assert all(entry.at <= _NOW + timedelta(0) for entry in found)
