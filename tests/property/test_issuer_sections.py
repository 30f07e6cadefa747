"""Indirect CRLs: what is written for each issuer is what every reader finds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from jpki import data
from jpki.authority.publication.indirect import indirect_of
from jpki.errors import EncodingError
from jpki.model.names import Name
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify.crls import RevocationList
from jpki.x509.issuer_sections import IssuerSection, sections_in
from jpki.x509.large_crls import prepare_large_crl
from jpki.x509.names import encode_name, normalized
from jpki.x509.parse import parse_crl
from jpki.x509.revocation_columns import columns_of
from tests.support.reference_pki import reference_pki

_NOW: Final = datetime(2061, 1, 1, tzinfo=UTC)
_MOMENTS: Final = st.datetimes(
    datetime(1950, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
_PKI: Final = reference_pki("prefectural-sha256")
assert _PKI.bridge is not None
_BRIDGE: Final = _PKI.bridge.view
_ISSUERS: Final = tuple(view.name for view in (_PKI.a.view, _PKI.b.view, _BRIDGE))
_ENTRIES: Final = st.lists(
    st.builds(
        Revocation,
        serial=st.integers(1, 300) | st.integers(1, (1 << 159) - 1),
        at=_MOMENTS,
        reason=st.sampled_from(RevocationReason),
        invalidity_date=st.none() | _MOMENTS,
    ),
    max_size=12,
    unique_by=lambda entry: entry.serial,
)
_LISTS: Final = st.fixed_dictionaries(dict.fromkeys(_ISSUERS, _ENTRIES))


def _octets(lists: dict[Name, list[Revocation]]) -> bytes:
    sections = [
        IssuerSection(name, columns_of(entries).in_order())
        for name, entries in lists.items()
    ]
    large = prepare_large_crl(
        indirect_of(data.crl_profile("crl")),
        issuer=_BRIDGE,
        number=7,
        this_update=_NOW,
        entries=sections,
    )
    return bytes(large.signed(b"x"))


def _sorted(entries: list[Revocation]) -> list[Revocation]:
    return sorted(entries, key=lambda entry: entry.serial)


@given(_LISTS)
def test_every_issuers_entries_come_back(lists: dict[Name, list[Revocation]]) -> None:
    """In columns, and one by one."""
    crl = parse_crl(_octets(lists))
    found = {
        normalized(issuer): list(revoked.rows()) for issuer, revoked in sections_in(crl)
    }
    for name, entries in lists.items():
        assert found.get(normalized(name), []) == _sorted(entries)
    assert RevocationList(crl).problem is None


@settings(max_examples=30)
@given(_LISTS)
def test_another_reader_finds_the_same(lists: dict[Name, list[Revocation]]) -> None:
    """pyca, with the issuer of an entry being that of the last one that named one."""
    crl = x509.load_der_x509_crl(_octets(lists))
    found: dict[tuple[bytes, int], x509.RevokedCertificate] = {}
    issuer = crl.issuer.public_bytes()
    for entry in crl:
        try:
            named = entry.extensions.get_extension_for_class(x509.CertificateIssuer)
        except x509.ExtensionNotFound:
            pass
        else:
            assert named.critical
            (name,) = named.value.get_values_for_type(x509.DirectoryName)
            issuer = name.public_bytes()
        found[issuer, entry.serial_number] = entry
    assert set(found) == {
        (encode_name(name), entry.serial)
        for name, entries in lists.items()
        for entry in entries
    }


def test_two_sections_of_one_issuer_are_refused() -> None:
    """They would be one section in two pieces."""
    entry = Revocation(
        serial=1, at=_NOW, reason=RevocationReason.SUPERSEDED, invalidity_date=None
    )
    section = IssuerSection(_ISSUERS[0], columns_of([entry]))
    with pytest.raises(EncodingError, match="one issuer"):
        prepare_large_crl(
            indirect_of(data.crl_profile("crl")),
            issuer=_BRIDGE,
            number=7,
            this_update=_NOW,
            entries=[section, section],
        )
