"""Lists read back as columns say what their entries say one by one."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki import data
from jpki.der import oids
from jpki.der.times import generalized_time, utc_time
from jpki.der.writer import (
    NULL,
    boolean,
    enumerated,
    integer,
    object_identifier,
    octet_string,
    sequence,
    tlv,
)
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509 import listed_columns
from jpki.x509.large_crls import prepare_large_crl
from jpki.x509.listed_columns import (
    changes_in,
    columns_in,
    columns_in_pieces,
    require_readable,
)
from jpki.x509.parse import parse_crl
from jpki.x509.revocation_columns import changes, columns_of, gathered, joined
from tests.support.reference_pki import VALUES, reference_pki

_NOW: Final = datetime(2061, 1, 1, tzinfo=UTC)
_MOMENTS: Final = st.datetimes(
    datetime(1950, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
_SERIALS: Final = st.integers(1, 20).flatmap(
    lambda octets: st.integers(1, (1 << (8 * octets - 1)) - 1)
)
_REVOCATION: Final = st.builds(
    Revocation,
    serial=_SERIALS,
    at=_MOMENTS,
    reason=st.sampled_from(RevocationReason),
    invalidity_date=st.none() | _MOMENTS,
)
_REVOCATIONS: Final = st.lists(
    _REVOCATION, max_size=40, unique_by=lambda entry: entry.serial
)
_ALGORITHM: Final = sequence(object_identifier(oids.SHA256_WITH_RSA), NULL)


def _by_serial(entries: list[Revocation]) -> list[Revocation]:
    return sorted(entries, key=lambda entry: entry.serial)


@given(_REVOCATIONS, st.integers(1, 9))
def test_what_was_written_is_read(entries: list[Revocation], rows: int) -> None:
    """Every serial number, time, reason and date, however many are read at a time."""
    large = prepare_large_crl(
        data.crl_profile("crl-partition"),
        issuer=reference_pki("prefectural-sha256").a.view,
        number=7,
        this_update=_NOW,
        values=VALUES,
        entries=columns_of(entries).in_order(),
    )
    octets = bytes(large.signed(b"x"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed_columns, "_TOGETHER", rows)
        read = columns_in(parse_crl(octets))
        pieces = joined(list(columns_in_pieces(_cut(octets, 7 * rows))))
        require_readable(parse_crl(octets))
    assert list(read.rows()) == _by_serial(entries)
    assert list(pieces.rows()) == _by_serial(entries)


def _cut(octets: bytes, size: int) -> list[bytes]:
    return [octets[begin : begin + size] for begin in range(0, len(octets), size)]


_ALIKE: Final = st.lists(
    st.builds(
        Revocation,
        # Some have their last eight octets in common.
        serial=st.builds(
            lambda first, last: (first << 64) + last,
            st.integers(1, 3),
            st.sampled_from([0, 5, 1 << 63]),
        )
        | st.integers(1, 3),
        at=st.sampled_from([_NOW, _NOW - timedelta(days=1)]),
        reason=st.sampled_from([RevocationReason.UNSPECIFIED, RevocationReason(3)]),
        invalidity_date=st.none() | st.just(_NOW - timedelta(days=2)),
    ),
    max_size=9,
    unique_by=lambda entry: entry.serial,
)


@given(_ALIKE, _ALIKE, st.integers(1, 9))
def test_a_list_is_compared_where_it_stands(
    old: list[Revocation], new: list[Revocation], rows: int
) -> None:
    """What is gone and what was altered is as for columns, also of like numbers."""
    large = prepare_large_crl(
        data.crl_profile("crl-partition"),
        issuer=reference_pki("prefectural-sha256").a.view,
        number=7,
        this_update=_NOW,
        values=VALUES,
        entries=columns_of(new).in_order(),
    )
    before = columns_of(_by_serial(old))
    wanted = changes(before, columns_of(_by_serial(new)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listed_columns, "_TOGETHER", rows)
        found = changes_in(before, parse_crl(bytes(large.signed(b"x"))))
    assert _by_serial(list(found.gone.rows())) == list(wanted.gone.rows())
    for place in (0, 1):
        assert _by_serial(list(found.altered[place].rows())) == list(
            wanted.altered[place].rows()
        )


@given(st.lists(_REVOCATIONS, max_size=5))
def test_parts_that_are_not_kept_are_joined(parts: list[list[Revocation]]) -> None:
    """Whichever of them has the first date."""
    columns = [columns_of(part) for part in parts]
    assert list(gathered(iter(columns)).rows()) == list(joined(columns).rows())


def test_many_parts_are_joined() -> None:
    """However much room they need; and the columns can be written to."""
    part = columns_of(
        Revocation(serial=serial, at=_NOW, reason=RevocationReason(3))
        for serial in range(1, 1000)
    )
    found = gathered(part for _ in range(300))
    assert (found.serials == joined([part] * 300).serials).all()
    assert (found.revoked_at == joined([part] * 300).revoked_at).all()
    assert (found.reasons == 3).all()
    found.reasons[:] = 1


@given(st.binary(max_size=80), st.integers(1, 20))
def test_pieces_of_anything_raise_our_error_at_most(octets: bytes, size: int) -> None:
    """Whoever altered what the books hold."""
    with suppress(EncodingError):
        list(columns_in_pieces(_cut(octets, size)))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = boolean(True) if critical else b""
    return sequence(object_identifier(oid), flag, octet_string(value))


_EXTENSIONS: Final = st.one_of(
    st.integers(0, 12).map(lambda code: _extension(oids.REASON_CODE, enumerated(code))),
    st.builds(
        lambda at, critical: _extension(
            oids.INVALIDITY_DATE, generalized_time(at), critical=critical
        ),
        _MOMENTS,
        st.booleans(),
    ),
    st.binary(max_size=150).map(lambda value: _extension("1.2.3", value)),
    st.binary(min_size=1, max_size=20).map(
        lambda value: _extension(oids.INVALIDITY_DATE, value)
    ),
)
_ODD: Final = st.builds(
    lambda serial, at, form, extensions: sequence(
        integer(serial), form(at), sequence(*extensions) if extensions else b""
    ),
    _SERIALS | st.integers(-300, 1 << 170),
    st.datetimes(datetime(1950, 1, 1), datetime(2049, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([utc_time, generalized_time]),
    st.lists(_EXTENSIONS, max_size=3),
)


@given(st.lists(_ODD, min_size=1, max_size=5))
def test_odd_entries_are_read_as_any_reader_does(entries: list[bytes]) -> None:
    """Whatever their extensions; what no revocation says is refused by both."""
    crl_bytes = sequence(
        sequence(
            integer(1),
            _ALGORITHM,
            sequence(),
            utc_time(datetime(2026, 4, 1, tzinfo=UTC)),
            sequence(*entries),
        ),
        _ALGORITHM,
        tlv(0x03, b"\x00"),
    )
    crl = parse_crl(crl_bytes)
    try:
        expected = [entry.revocation() for entry in crl.entries()]
        if any(not 0 <= entry.serial < 1 << 160 for entry in expected):
            raise EncodingError("too long")
    except EncodingError:
        with pytest.raises(EncodingError):
            columns_in(crl)
        return
    found = list(columns_in(crl).rows())
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    pieces = joined(list(columns_in_pieces(_cut(crl_bytes, 11))))
    assert list(map(repr, pieces.rows())) == list(map(repr, expected))


@given(_REVOCATIONS, _REVOCATIONS, st.data())
def test_changes_are_what_is_gone_and_what_is_other(
    before: list[Revocation], others: list[Revocation], data: st.DataObject
) -> None:
    """By serial number, as two dictionaries would say."""
    kept = [entry for entry in before if data.draw(st.booleans())]
    old = {entry.serial: entry for entry in before}
    new = {entry.serial: entry for entry in [*kept, *others]}
    found = changes(
        columns_of(old.values()).in_order(),
        joined([columns_of([entry]) for entry in new.values()]).in_order(),
    )
    assert list(found.gone.rows()) == _by_serial(
        [entry for entry in before if entry.serial not in new]
    )
    was, now = (list(columns.rows()) for columns in found.altered)
    assert was == _by_serial(
        [e for e in before if e.serial in new and new[e.serial] != e]
    )
    assert now == [new[entry.serial] for entry in was]


def test_a_moved_time_is_an_altered_entry() -> None:
    """One second is enough, in the time of revocation or of invalidity."""
    one = Revocation(
        serial=5, at=_NOW, reason=RevocationReason.SUPERSEDED, invalidity_date=_NOW
    )
    later = _NOW + timedelta(seconds=1)
    for other in (
        Revocation(serial=5, at=later, reason=one.reason, invalidity_date=_NOW),
        Revocation(serial=5, at=_NOW, reason=one.reason, invalidity_date=later),
        Revocation(serial=5, at=_NOW, reason=one.reason),
    ):
        found = changes(columns_of([one]), columns_of([other]))
        assert [list(side.rows()) for side in found.altered] == [[one], [other]]
        assert not len(found.gone)
