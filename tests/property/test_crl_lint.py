"""The lint of CRLs: content with what is made, never surprised by what is damaged."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from jpki import data
from jpki.der.reader import read_one
from jpki.der.writer import tlv
from jpki.errors import EncodingError
from jpki.model.revocation import Revocation, RevocationReason
from jpki.x509.certificate_lists import read_tbs_cert_list
from jpki.x509.crl_entries import read_entries
from jpki.x509.crls import PreparedCRL, assemble, prepare_crl
from jpki.x509.lint import lint_crl
from jpki.x509.parse import parse_crl
from tests.support.reference_pki import VALUES, reference_pki

_LAST: Final = datetime(2060, 1, 1, tzinfo=UTC)
_MOMENTS: Final = st.datetimes(
    datetime(1970, 1, 1), datetime(2059, 12, 31), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
_REVOCATIONS: Final = st.lists(
    st.builds(
        Revocation,
        serial=st.integers(1, (1 << 159) - 1) | st.integers(1, 300),
        at=_MOMENTS,
        reason=st.sampled_from(RevocationReason),
        invalidity_date=st.none() | _MOMENTS,
    ),
    max_size=8,
    unique_by=lambda entry: entry.serial,
)
_PROFILES: Final = st.sampled_from(["crl", "crl-partition", "arl"])


def _prepared(profile_id: str, entries: list[Revocation]) -> PreparedCRL:
    return prepare_crl(
        data.crl_profile(profile_id),
        issuer=reference_pki("prefectural-sha256").a.view,
        number=7,
        this_update=_LAST,
        next_update=_LAST + timedelta(days=1),
        entries=entries,
        values=VALUES,
    )


@given(_PROFILES, _REVOCATIONS)
def test_what_is_made_has_no_findings(
    profile_id: str, entries: list[Revocation]
) -> None:
    """Whatever was revoked when and why; and the quick reading tells the truth."""
    prepared = _prepared(profile_id, entries)
    assert prepared.findings == ()
    revoked = read_tbs_cert_list(read_one(prepared.tbs)).revoked
    read = read_entries(revoked)
    assert read.latest == max((entry.at for entry in entries), default=None)
    assert not read.empty
    assert not read.repeated
    assert len(read.odd) == sum(entry.at.year < 2000 for entry in entries)
    signed = parse_crl(assemble(prepared.tbs, prepared.suite, b"x"))
    assert len(signed) == len(entries)


@given(_PROFILES, _REVOCATIONS, st.data())
def test_damage_is_found_or_is_another_good_list(
    profile_id: str, entries: list[Revocation], draws: st.DataObject
) -> None:
    """Nothing but findings comes out; without any, every reader can read the list."""
    prepared = _prepared(profile_id, entries)
    damaged = bytearray(prepared.tbs)
    place = draws.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= draws.draw(st.integers(1, 255))
    tbs = bytes(damaged)
    if lint_crl(tbs, data.crl_profile(profile_id), prepared.suite):
        return
    crl = parse_crl(assemble(tbs, prepared.suite, b"x"))
    serials = [entry.serial for entry in crl.entries()]
    assert len(set(serials)) == len(serials)
    for serial in serials:
        found = crl.lookup(serial)
        assert found is not None
        assert 0 < serial < 1 << 159
        assert found.at <= crl.this_update


@given(st.binary(max_size=200))
def test_any_octets_may_be_linted(octets: bytes) -> None:
    """Nothing but findings comes out."""
    profile = data.crl_profile("crl")
    suite = reference_pki("prefectural-sha256").a.view.suite
    assert lint_crl(octets, profile, suite)
    with suppress(EncodingError):
        read_entries(read_one(tlv(0x30, octets)))
