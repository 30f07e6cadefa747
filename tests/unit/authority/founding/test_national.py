"""The national authorities, and which authority certifies whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jpki import data
from jpki.authority import (
    BRIDGE,
    Office,
    authority_for,
    deliver,
    file_application,
    issue,
    issues_until,
    national_id,
    publish_due,
)
from jpki.errors import IssuanceError
from jpki.model.purposes import Purpose
from jpki.store import AuthorityStore
from jpki.store.authority_records import AuthorityKind
from jpki.x509.names import rfc4514
from jpki.x509.parse import parse_certificate
from tests.support.offices import (
    COUNTER,
    P256,
    TARO,
    TSUKUBA,
    Register,
    found,
    new_key,
    new_office,
    request_for,
)

AT = datetime(2016, 1, 20, tzinfo=UTC)


def _national_office(store: AuthorityStore) -> Office:
    era = data.era("jlis")
    register = Register()
    register.add(TARO)
    office = new_office(store, register, founded=False)
    return replace(office, era=replace(era, suites=dict.fromkeys(era.suites, P256.id)))


def test_each_purpose_has_a_national_authority(authority_store: AuthorityStore) -> None:
    """Both are founded, certify the same resident, and publish lists of their own."""
    office = _national_office(authority_store)
    for purpose in Purpose:
        founded = found(office, national_id(purpose), at=AT)
        again = found(office, national_id(purpose), at=AT)
        assert founded == again
        assert founded.authority == national_id(purpose)
        application = file_application(
            office,
            resident=TARO.code,
            idempotency_key=purpose.value,
            at=AT,
            by=COUNTER,
            purpose=purpose,
        )
        assert application.authority == founded.authority
        request = request_for(application, new_key())
        issued = issue(office, application.id, request, at=AT, by=COUNTER)
        certificate = parse_certificate(issued.certificate)
        root = parse_certificate(issued.authority_certificate)
        assert certificate.issuer == root.subject
        named = certificate.basic_attributes
        assert (named is not None) == (purpose is Purpose.SIGNATURE)
        unit = {
            Purpose.SIGNATURE: "OU=JPKI for digital signature",
            Purpose.AUTHENTICATION: "OU=JPKI for user authentication",
        }
        assert unit[purpose] in rfc4514(root.subject)
    with authority_store.read() as uow:
        kinds = {authority.kind for authority in uow.authorities.all()}
    assert kinds == {AuthorityKind.NATIONAL}
    assert {(crl.authority, crl.scope) for crl in publish_due(office, at=AT)} == {
        (national_id(purpose), scope)
        for purpose in Purpose
        for scope in ("crl", "arl", "crl-08220")
    }


@pytest.mark.parametrize("purpose", Purpose)
def test_a_certificate_ends_with_its_holders_birthday(
    authority_store: AuthorityStore, purpose: Purpose
) -> None:
    """The fifth after the day of issue; of the renewed one, the sixth."""
    office = _national_office(authority_store)
    found(office, national_id(purpose), at=AT)
    first = _certified(office, purpose, AT, "first")
    # Born on 17 February 1980, certified on 20 January 2016.
    assert first == datetime(2020, 2, 17, 14, 59, 59, tzinfo=UTC)
    renewed = _certified(office, purpose, first - timedelta(days=60), "second")
    assert renewed == datetime(2025, 2, 17, 14, 59, 59, tzinfo=UTC)


def _certified(office: Office, purpose: Purpose, at: datetime, key: str) -> datetime:
    """The last second of a certificate that is issued and delivered now."""
    application = file_application(
        office,
        resident=TARO.code,
        idempotency_key=key,
        at=at,
        by=COUNTER,
        purpose=purpose,
    )
    request = request_for(application, new_key())
    issued = issue(office, application.id, request, at=at, by=COUNTER)
    deliver(office, application.id, at=at, by=COUNTER)
    return parse_certificate(issued.certificate).not_after


def test_a_key_stops_before_a_certificate_could_outlive_it(
    authority_store: AuthorityStore,
) -> None:
    """The first key of 2015 could certify up to six birthdays until October 2019."""
    office = _national_office(authority_store)
    first, second, _ = office.era.generations
    found(office, national_id(Purpose.SIGNATURE), at=first)
    with authority_store.read() as uow:
        (key,) = uow.authorities.generations(national_id(Purpose.SIGNATURE))
    last = issues_until(office, key)
    assert last == datetime(2019, 10, 19, 14, 59, 59, tzinfo=UTC)
    assert second < last


def test_an_era_has_either_kind_of_authority(authority_store: AuthorityStore) -> None:
    """Nobody founds authorities that the era does not have."""
    office = _national_office(authority_store)
    with pytest.raises(IssuanceError, match="neither governors"):
        found(office, "governor-08", at=AT)
    with pytest.raises(IssuanceError, match="nor a bridge"):
        found(office, BRIDGE, at=AT)
    prefectural = replace(office, era=data.era("prefectural-sha256"))
    with pytest.raises(IssuanceError, match="no national authorities"):
        found(prefectural, national_id(Purpose.SIGNATURE), at=AT)


def test_who_certifies_whom() -> None:
    """By prefecture while there is a bridge, by purpose since."""
    assert [
        authority_for(data.era(era), TSUKUBA, purpose)
        for era in ("prefectural-sha1", "next-gen")
        for purpose in Purpose
    ] == [
        "governor-08",
        "governor-08",
        "national-signature",
        "national-authentication",
    ]
