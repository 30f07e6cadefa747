"""X.509: round trips, and hostile bytes raise nothing but EncodingError."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki.der import oids
from jpki.der.writer import sequence
from jpki.errors import EncodingError, KeyRejected
from jpki.model.names import Attribute, Name, StringType
from jpki.model.profiles import KeyUsage, Validity
from jpki.model.revocation import Revocation, RevocationReason
from jpki.model.suites import SUITES
from jpki.x509 import extension_values, extensions, policy_values
from jpki.x509.issuers import assemble
from jpki.x509.keys import check_strength, key_identifier
from jpki.x509.names import encode_name, normalized, parse_name, rfc4514
from jpki.x509.ocsp import CertID, build_request, parse_request, parse_response
from jpki.x509.parse import parse_certificate, parse_crl, parse_tbs_certificate
from jpki.x509.requests import parse_certification_request, request_info
from jpki.x509.signatures import verify_signature
from tests.support.reference_pki import reference_pki

_ERA: Final = "prefectural-sha256"

# -- every reader, asked for everything it can read -----------------------------------

_CERTIFICATE: Final = (
    "key_usage",
    "extended_key_usage",
    "basic_constraints",
    "policies",
    "policy_mappings",
    "policy_constraints",
    "inhibit_any_policy",
    "name_constraints",
    "subject_key_identifier",
    "authority_key_identifier",
    "crl_distribution_points",
    "ocsp_urls",
    "subject_alternative_name",
    "issuer_alternative_name",
    "basic_attributes",
)
_CRL: Final = (
    "number",
    "delta_base",
    "issuing_distribution_point",
    "authority_key_identifier",
    "freshest_crl",
)


def _read_certificate(octets: bytes) -> None:
    certificate = parse_certificate(octets)
    for name in _CERTIFICATE:
        with suppress(EncodingError):
            getattr(certificate, name)
    normalized(certificate.subject)
    rfc4514(certificate.issuer)


def _read_crl(octets: bytes) -> None:
    crl = parse_crl(octets)
    for name in _CRL:
        with suppress(EncodingError):
            getattr(crl, name)
    for entry in crl.entries():
        with suppress(EncodingError):
            crl.lookup(entry.serial)
        with suppress(EncodingError):
            assert isinstance(entry.certificate_issuer, tuple)


def _read_key(octets: bytes) -> None:
    key_identifier(octets)
    for suite in SUITES.values():
        with suppress(KeyRejected):
            check_strength(octets, suite)
        verify_signature(octets, suite.algorithm_identifier, b"x" * 256, b"message")


def _read_algorithm(octets: bytes) -> None:
    key = reference_pki(_ERA).a.signer.public_key
    assert not verify_signature(key, octets, b"x" * 256, b"message")


_VALUES: Final[tuple[Callable[[bytes], object], ...]] = (
    extension_values.read_access_descriptions,
    extension_values.read_authority_key_identifier,
    extension_values.read_basic_constraints,
    policy_values.read_certificate_policies,
    extension_values.read_crl_distribution_points,
    extension_values.read_extended_key_usage,
    extension_values.read_general_names_value,
    policy_values.read_inhibit_any_policy,
    extension_values.read_issuing_distribution_point,
    extension_values.read_key_usage,
    extension_values.read_name_constraints,
    policy_values.read_policy_constraints,
    policy_values.read_policy_mappings,
    extension_values.read_subject_key_identifier,
)


def _read_values(octets: bytes) -> None:
    for read in _VALUES:
        with suppress(EncodingError):
            read(octets)


_READERS: Final[dict[str, Callable[[bytes], object]]] = {
    "certificate": _read_certificate,
    "crl": _read_crl,
    "ocsp-request": parse_request,
    "ocsp-response": parse_response,
    "request": parse_certification_request,
    "name": parse_name,
    "key": _read_key,
    "algorithm": _read_algorithm,
    "extension": _read_values,
}

_PSS: Final = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
    "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
)


@cache
def _samples(kind: str) -> tuple[bytes, ...]:
    """Good inputs of one kind, to begin from."""
    pki = reference_pki(_ERA)
    certificates = tuple(pki.certificates.values())
    at = datetime(2014, 10, 1, tzinfo=UTC)
    held = Revocation(serial=5, at=at, reason=RevocationReason.CERTIFICATE_HOLD)
    dated = Revocation(
        serial=6, at=at, reason=RevocationReason.KEY_COMPROMISE, invalidity_date=at
    )
    key = pki.keys["signature"]
    info = request_info(key.public_key, "application-1")
    match kind:
        case "certificate":
            return certificates
        case "crl":
            return tuple(
                pki.crl(pki.a, held, dated, role=role)
                for role in ("crl", "crl-partition", "arl")
            )
        case "ocsp-request":
            asked = CertID(oids.SHA1, bytes(20), bytes(20), 7)
            return (build_request([asked], b"nonce"), build_request([asked, asked]))
        case "ocsp-response":
            return (pki.ocsp(), pki.ocsp(held, nonce=b"n" * 32))
        case "request":
            return (assemble(info, key.suite, key.sign(info)),)
        case "name":
            return tuple(parse_certificate(raw).subject_der for raw in certificates)
        case "key":
            return tuple(signer.public_key for signer in pki.keys.values())
        case "algorithm":
            return (_PSS, *(suite.algorithm_identifier for suite in SUITES.values()))
    return tuple(
        extension.value
        for raw in certificates
        for extension in parse_certificate(raw).extensions.values()
    )


@st.composite
def _damaged(draw: st.DrawFn, kind: str) -> bytes:
    """A good input with a few octets changed, taken out, put in or cut off."""
    octets = bytearray(draw(st.sampled_from(_samples(kind))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(octets) - 1, 0)))
        match draw(st.sampled_from(("change", "remove", "insert", "cut"))):
            case "change":
                octets[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "remove":
                del octets[at : at + draw(st.integers(1, 8))]
            case "insert":
                octets[at:at] = draw(st.binary(min_size=1, max_size=8))
            case _:
                del octets[at:]
    return bytes(octets)


@pytest.mark.parametrize("kind", _READERS)
@given(data=st.data())
def test_damaged_bytes_raise_nothing_but_encoding_errors(
    kind: str, data: st.DataObject
) -> None:
    """A good input, damaged, is read or refused with EncodingError."""
    octets = data.draw(_damaged(kind))
    with suppress(EncodingError):
        _READERS[kind](octets)


@pytest.mark.parametrize("kind", _READERS)
@given(octets=st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_encoding_errors(
    kind: str, octets: bytes
) -> None:
    """Random octets, bare and in a SEQUENCE, are refused with EncodingError."""
    for candidate in (octets, sequence(octets)):
        with suppress(EncodingError):
            _READERS[kind](candidate)


@pytest.mark.parametrize("kind", _READERS)
def test_the_samples_are_read(kind: str) -> None:
    """What the damaged inputs begin from is itself accepted."""
    for sample in _samples(kind):
        _READERS[kind](sample)


@pytest.mark.parametrize("kind", ["certificate", "crl", "ocsp-response"])
@given(data=st.data())
def test_every_truncation_is_refused(kind: str, data: st.DataObject) -> None:
    """No beginning of a message passes for the message."""
    octets = data.draw(st.sampled_from(_samples(kind)))
    end = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(EncodingError):
        _READERS[kind](octets[:end])


# -- round trips ----------------------------------------------------------------------

_TEXT: Final = {
    StringType.UTF8: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    StringType.PRINTABLE: st.text("ABCxyz019 '()+,-./:=?", max_size=12),
    StringType.IA5: st.text(st.characters(max_codepoint=127), max_size=12),
    StringType.NUMERIC: st.text("0123456789 ", max_size=12),
    StringType.VISIBLE: st.text(st.characters(max_codepoint=127), max_size=12),
    StringType.TELETEX: st.text(st.characters(max_codepoint=255), max_size=12),
    StringType.BMP: st.text(
        st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=12
    ),
    StringType.UNIVERSAL: st.text(
        st.characters(exclude_categories=["Cs"]), max_size=12
    ),
}
_OIDS: Final = (oids.COUNTRY, oids.ORGANIZATION, oids.COMMON_NAME, "2.999.3")


@st.composite
def _attributes(draw: st.DrawFn) -> Attribute:
    kind = draw(st.sampled_from(StringType))
    return Attribute(draw(st.sampled_from(_OIDS)), draw(_TEXT[kind]), kind)


_names = st.lists(
    st.lists(_attributes(), min_size=1, max_size=3, unique=True).map(tuple),
    max_size=5,
).map(lambda rdns: Name(tuple(rdns)))


@given(_names)
def test_a_name_comes_back_and_its_bytes_too(name: Name) -> None:
    """Parsing and encoding are inverse; only the order inside an RDN is DER's."""
    encoded = encode_name(name)
    parsed = parse_name(encoded)
    assert encoded == encode_name(parsed)
    assert [frozenset(rdn) for rdn in name.rdns] == [frozenset(r) for r in parsed.rdns]
    assert normalized(name) == normalized(parsed)


@given(_names)
def test_case_spaces_and_string_type_do_not_tell_names_apart(name: Name) -> None:
    """RFC 5280 7.1: these differences are no differences."""

    def varied(attribute: Attribute) -> Attribute:
        text = f"  {attribute.value}  ".replace(" ", "   ")
        return Attribute(attribute.oid, text, StringType.UTF8)

    other = Name(tuple(tuple(map(varied, rdn)) for rdn in name.rdns))
    assert normalized(name) == normalized(other)
    assert "\n" not in rfc4514(Name.of(Attribute(oids.COMMON_NAME, "x")))


@given(st.frozensets(st.sampled_from(KeyUsage), min_size=1))
def test_key_usage_comes_back(usages: frozenset[KeyUsage]) -> None:
    """Every set of purposes survives."""
    assert usages == extension_values.read_key_usage(extensions.key_usage(usages))


@given(st.none() | st.integers(0, 1000), st.none() | st.integers(0, 1000))
def test_policy_constraints_come_back(first: int | None, second: int | None) -> None:
    """Both counts survive; none at all is refused."""
    encoded = extensions.policy_constraints(first, second)
    if first is None and second is None:
        with pytest.raises(EncodingError):
            policy_values.read_policy_constraints(encoded)
        return
    found = policy_values.read_policy_constraints(encoded)
    assert (found.require_explicit_policy, found.inhibit_policy_mapping) == (
        first,
        second,
    )


@given(
    st.lists(
        st.builds(
            CertID,
            st.sampled_from([oids.SHA1, oids.SHA256]),
            st.binary(min_size=20, max_size=32),
            st.binary(min_size=20, max_size=32),
            st.integers(1, (1 << 159) - 1),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    st.none() | st.binary(min_size=1, max_size=128),
)
def test_an_ocsp_request_comes_back(entries: list[CertID], nonce: bytes | None) -> None:
    """Identifiers, their order and the nonce survive."""
    encoded = build_request(entries, nonce)
    parsed = parse_request(encoded)
    assert (tuple(entries), nonce) == (parsed.entries, parsed.nonce)
    assert encoded == build_request(parsed.entries, parsed.nonce)


_revocations = st.lists(
    st.builds(
        Revocation,
        serial=st.integers(1, (1 << 159) - 1),
        at=st.datetimes(
            min_value=datetime(2000, 1, 1), max_value=datetime(2014, 9, 30)
        ).map(lambda at: at.replace(microsecond=0, tzinfo=UTC)),
        reason=st.sampled_from(RevocationReason),
    ),
    unique_by=lambda entry: entry.serial,
    max_size=20,
)


@given(_revocations)
def test_every_revocation_is_found_in_its_crl(entries: list[Revocation]) -> None:
    """A list holds exactly the lines it was made from, and finds each by its number."""
    pki = reference_pki(_ERA)
    crl = parse_crl(pki.crl(pki.a, *entries))
    assert len(entries) == len(crl)
    for entry in entries:
        assert entry == crl.lookup(entry.serial)
    listed = {entry.serial for entry in entries}
    assert all(crl.lookup(serial) is None for serial in {1, 2, 3} - listed)


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
    st.integers(1, 20),
)
def test_validity_ends_at_the_end_of_a_day_in_japan(
    begins: datetime, years: int
) -> None:
    """The period is whole days: it ends at 14:59:59Z beside the anniversary."""
    at = begins.replace(tzinfo=UTC)
    ends = Validity(years=years).ends(at)
    assert (ends.hour, ends.minute, ends.second) == (14, 59, 59)
    assert 0 <= (ends.year - at.year) - years + 1 <= 1
    assert abs((ends - at).days - years * 365.25) <= 3


def test_a_certificate_and_its_signed_part_state_the_same() -> None:
    """Reading before and after signing gives the same values."""
    for raw in reference_pki(_ERA).certificates.values():
        whole = parse_certificate(raw)
        signed = parse_tbs_certificate(whole.tbs)
        assert signed.extensions == whole.extensions
        assert (signed.serial, signed.subject) == (whole.serial, whole.subject)
