"""The lint of certificates made from templates finds what the full lint finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jpki import data
from jpki.der.frames import Frame
from jpki.der.times import time_choice
from jpki.der.writer import bit_string, object_identifier, sequence, tlv
from jpki.model.names import Attribute, Name, StringType
from jpki.model.profiles import CertificateProfile
from jpki.model.residents import BasicInformation, Gender
from jpki.model.suites import suite
from jpki.x509.basic_information import encode_basic_information
from jpki.x509.issuers import IssuerView
from jpki.x509.lint import RULES, lint_certificate
from jpki.x509.template_lint import SLOT_RULES, lint_of
from jpki.x509.templates import Template, template_of

_AUTHORITY: Final = data.topology().governor_name(data.prefectures()["13"])
_VALUES: Final = {
    "prefecture": "Tokyo-to",
    "municipality": "Kiyose-shi",
    "municipality_code": "132217",
    "ocsp_url": "http://ocsp.jpki.example/",
    "issuer_policy": "2.999.1",
    "subject_policy": "2.999.2",
}
_RSA: Final = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00")
_EC: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def _template(profile_id: str) -> Template:
    return _template_of(data.certificate_profile(profile_id))


def _template_of(profile: CertificateProfile) -> Template:
    issuer = IssuerView(
        name=_AUTHORITY,
        alternative_name=_AUTHORITY,
        key_identifier=bytes(20),
        certificate_issuer=_AUTHORITY,
        certificate_serial=1,
        suite=suite("rsa2048-sha256"),
    )
    given_name = None if profile.subject else _AUTHORITY
    return template_of(profile, issuer, _VALUES, given_name, _AUTHORITY)


_TEXTS: Final = st.text("東京都清瀬市　髙𠮷ab", min_size=1, max_size=60)
_PEOPLE: Final = st.builds(
    BasicInformation,
    name=_TEXTS.filter(str.strip),
    address=_TEXTS.filter(str.strip),
    date_of_birth=st.dates(date(1868, 1, 1), date(2040, 1, 1)),
    gender=st.sampled_from(Gender),
)
_KEYS: Final = st.one_of(
    st.binary(min_size=270, max_size=270).map(_RSA.__add__),
    st.binary(min_size=65, max_size=65).map(_EC.__add__),
    st.binary(min_size=4, max_size=300).map(
        lambda bits: sequence(sequence(object_identifier("2.999")), bit_string(bits))
    ),
)
_SERIALS: Final = st.one_of(
    st.integers(-2, 2), st.integers(0, 1 << 168), st.just(1 << 159)
)
_BEGINNINGS: Final = st.datetimes(
    datetime(1999, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
_LENGTHS: Final = st.one_of(st.none(), st.integers(-10, 12 * 366 * 86400))
_COMMON_NAMES: Final = st.one_of(
    st.text("AZ09", min_size=1, max_size=70), st.text(max_size=5)
)
_CHANGES: Final = st.integers(1, 255)
_TIMES: Final = st.sampled_from([time_choice, lambda at: tlv(0x18, b"20200101000000Z")])


@pytest.mark.parametrize("profile_id", data.certificate_profiles())
@given(st.data())
def test_both_lints_find_the_same(profile_id: str, draws: st.DataObject) -> None:
    """In good certificates, in bad ones, and when an octet is changed afterwards."""
    template = _template(profile_id)
    begins, length = draws.draw(_BEGINNINGS), draws.draw(_LENGTHS)
    usual = template.profile.validity.ends(begins)
    ends = usual if length is None else begins + timedelta(seconds=length)
    write = draws.draw(_TIMES)
    period = sequence(write(begins), time_choice(ends))
    items = b""
    if template.items is not None:
        items = encode_basic_information(
            draws.draw(_PEOPLE), template.items.rule, japanese=draws.draw(st.booleans())
        )
    slots = template.slots(
        serial=draws.draw(_SERIALS),
        period=period,
        value=draws.draw(_COMMON_NAMES).encode() if template.last else b"",
        public_key=draws.draw(_KEYS),
        items=items,
    )
    mold, lint = template.mold(slots), lint_of(template, period)
    tbs = mold.fill(slots)
    place, change = draws.draw(st.integers(0, len(tbs) - 1)), draws.draw(_CHANGES)
    changed = tbs[:place] + bytes([tbs[place] ^ change]) + tbs[place + 1 :]
    other = tuple(bytes(len(slot)) for slot in slots)
    for data_ in (tbs, changed, tbs[:place], tbs + changed[:place], mold.fill(other)):
        full = lint_certificate(data_, template.profile)
        assert full == lint.findings(data_, mold, slots)


@pytest.mark.parametrize("profile_id", data.certificate_profiles())
def test_every_octet_is_accounted_for(profile_id: str) -> None:
    """One that changes anywhere is seen: in the fixed parts and in the slots."""
    template = _template(profile_id)
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    ends = template.profile.validity.ends(begins)
    period = sequence(time_choice(begins), time_choice(ends))
    slots = _good_slots(template, period)
    mold, lint = template.mold(slots), lint_of(template, period)
    tbs = mold.fill(slots)
    assert lint.common is not None
    assert slots == mold.read(tbs)
    for place, octet in enumerate(tbs):
        damaged = tbs[:place] + bytes([octet ^ 1]) + tbs[place + 1 :]
        assert slots != mold.read(damaged)
    assert mold.read(tbs[:-1]) is None
    assert mold.read(tbs + b"\x00") is None


def _good_slots(template: Template, period: bytes) -> tuple[bytes, ...]:
    items = b""
    if template.items is not None:
        basic = BasicInformation(
            name="山田　花子",
            address="東京都清瀬市",
            date_of_birth=date(1980, 2, 17),
            gender=Gender.FEMALE,
        )
        items = encode_basic_information(basic, template.items.rule, japanese=True)
    return template.slots(
        serial=1 << 70,
        period=period,
        value=b"A1" if template.last else b"",
        public_key=_EC + bytes(65),
        items=items,
    )


def test_a_certificate_of_another_period_is_linted_in_full() -> None:
    """What was said about one Validity is not said about another."""
    template = _template("signature")
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    usual, long = (
        sequence(time_choice(begins), time_choice(begins + timedelta(days=days)))
        for days in (1, 9999)
    )
    slots = _good_slots(template, long)
    mold = template.mold(slots)
    tbs = mold.fill(slots)
    found = lint_of(template, usual).findings(tbs, mold, slots)
    assert {"profile.validity", "profile.end-of-day"} == {each.rule for each in found}


def test_the_identifier_may_stand_before_the_items() -> None:
    """The slots are where the profile has the extensions."""
    usual = data.certificate_profile("signature")
    profile = replace(usual, id="other", extensions=usual.extensions[::-1])
    template = _template_of(profile)
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    ends = profile.validity.ends(begins)
    period = sequence(time_choice(begins), time_choice(ends))
    slots = _good_slots(template, period)
    mold = template.mold(slots)
    tbs = mold.fill(slots)
    assert lint_certificate(tbs, profile) == ()
    assert lint_of(template, period).findings(tbs, mold, slots) == ()
    assert slots == mold.read(tbs)


def test_rules_about_slots_are_rules() -> None:
    """A rule that is renamed does not fall out of sight."""
    assert {rule.id for rule in RULES} >= SLOT_RULES


@given(st.integers(0, 70_000), st.sampled_from([b"", b"\x06\x01\x2a"]))
def test_a_frame_is_what_stands_before_its_content(size: int, lead: bytes) -> None:
    """Whatever forms the lengths have."""
    frame = Frame((0x30, lead), (0x31, b""), (0x04, b""))
    whole = frame.head(size) + bytes(size)
    assert whole == tlv(0x30, lead + tlv(0x31, tlv(0x04, bytes(size))))


def test_values_that_certificates_share_have_a_template_of_their_own() -> None:
    """Templates are found by everything that goes into them."""
    one = _template("signature")
    other = template_of(
        one.profile, one.issuer, {**_VALUES, "municipality": "Hino-shi"}, None, None
    )
    again = _template("signature")
    assert other.names == Name.of(
        Attribute("2.5.4.6", "JP", StringType.PRINTABLE),
        Attribute("2.5.4.7", "Tokyo-to"),
        Attribute("2.5.4.7", "Hino-shi"),
    )
    assert one is again
