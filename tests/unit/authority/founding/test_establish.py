"""Founding and cross-certifying."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jpki import data
from jpki.authority import (
    BRIDGE,
    Office,
    account_for_serials,
    certify_responder,
    cross_certify,
    current_responder,
    dismiss_operator,
    enrol_operator,
    find_caller,
    recover,
    request,
    verify_audit,
)
from jpki.authority.agreeing.deeds import cross_certification, founding
from jpki.der import oids
from jpki.errors import (
    AlgorithmError,
    Conflict,
    KeyRejected,
    NotFound,
    OutsideSigningWindow,
    PermissionDenied,
    RequestError,
)
from jpki.keys.memory import generate_key
from jpki.model.operators import Caller, Role
from jpki.model.suites import suite
from jpki.store import AuthorityStore
from jpki.store.authority_records import CertificateRecord
from jpki.x509.parse import Certificate, parse_certificate
from jpki.x509.signatures import verify_signature
from tests.support.offices import (
    COUNTER,
    FOUNDING,
    GOVERNOR,
    OPERATOR,
    P256,
    Crash,
    CrashAt,
    agreed,
    found,
    new_office,
)

IBARAKI = data.prefectures()["08"]


def _crossed(office: Office, issuer: str, subject: str) -> CertificateRecord:
    consent = agreed(office, cross_certification(issuer, subject))
    return cross_certify(office, issuer, subject, at=FOUNDING, by=consent)


def _signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    return verify_signature(
        issuer.public_key,
        certificate.signature_algorithm,
        certificate.signature,
        certificate.tbs,
    )


def _parsed(raw: bytes | None) -> Certificate:
    assert raw is not None
    return parse_certificate(raw)


def test_a_governor_authority_certifies_itself(authority_store: AuthorityStore) -> None:
    """The first certificate is self-signed, for ten years, named by the topology."""
    office = new_office(authority_store, founded=False)
    record = found(office, GOVERNOR)
    own = _parsed(record.certificate)
    assert own.subject == own.issuer == data.topology().governor_name(IBARAKI)
    assert _signed_by(own, own)
    assert own.serial == record.serial
    assert record.serial.bit_length() == 71
    assert own.not_after == datetime(2024, 9, 30, 14, 59, 59, tzinfo=UTC)
    with authority_store.read() as uow:
        (generation,) = uow.authorities.generations(GOVERNOR)
        assert generation.public_key == own.public_key
        assert generation.key_uri.startswith("memory:")


def test_founding_again_finds_the_same_authority(
    authority_store: AuthorityStore,
) -> None:
    """An authority is founded once; the second time nothing is made."""
    office = new_office(authority_store, founded=False)
    first = found(office, BRIDGE)
    assert found(office, BRIDGE) == first
    with authority_store.read() as uow:
        assert len(list(uow.certificates.walk())) == 1


@pytest.mark.parametrize("point", ["establish.recorded", "issuance.signed"])
def test_an_interrupted_founding_is_repeated(
    authority_store: AuthorityStore, point: str
) -> None:
    """After a crash the same serial and the same bytes become the certificate."""
    office = new_office(authority_store, founded=False)
    with pytest.raises(Crash):
        found(replace(office, step=CrashAt(point)), BRIDGE)
    with authority_store.read() as uow:
        (pending,) = uow.certificates.pending()
        assert pending.certificate is None
    finished = found(office, BRIDGE)
    assert finished.serial == pending.serial
    assert _parsed(finished.certificate).tbs == pending.tbs


def test_an_authority_that_is_not_finished_signs_nothing(
    authority_store: AuthorityStore,
) -> None:
    """Until its own certificate exists a key certifies nobody; recovery makes it."""
    office = new_office(authority_store, founded=False)
    with pytest.raises(Crash):
        found(replace(office, step=CrashAt("establish.recorded")), BRIDGE)
    with pytest.raises(OutsideSigningWindow) as caught:
        certify_responder(office, BRIDGE, at=FOUNDING, by=OPERATOR)
    assert "recovery" in str(caught.value.hint)
    assert len(recover(office, at=FOUNDING).certificates) == 1
    certify_responder(office, BRIDGE, at=FOUNDING, by=OPERATOR)


def test_cross_certificates_map_policies_both_ways(
    authority_store: AuthorityStore,
) -> None:
    """Each certifies the other's key and maps its policy to the other's."""
    office = new_office(authority_store, founded=False)
    governor = _parsed(found(office, GOVERNOR).certificate)
    bridge = _parsed(found(office, BRIDGE).certificate)
    outward, inward = (
        _parsed(record.certificate)
        for record in (
            _crossed(office, GOVERNOR, BRIDGE),
            _crossed(office, BRIDGE, GOVERNOR),
        )
    )
    topology = data.topology()
    assert _signed_by(outward, governor)
    assert _signed_by(inward, bridge)
    assert (outward.subject, outward.public_key) == (bridge.subject, bridge.public_key)
    assert inward.public_key == governor.public_key
    (mapping,) = outward.policy_mappings
    assert mapping.issuer_policy == topology.governor_policy
    assert mapping.subject_policy == topology.bridge_policy
    assert inward.basic_constraints is not None
    assert inward.basic_constraints.path_length == 0
    assert outward.not_after <= min(governor.not_after, bridge.not_after)


def test_cross_certifying_again_finds_the_live_certificate(
    founded_store: AuthorityStore,
) -> None:
    """There is one live cross certificate from key to key."""
    office = new_office(founded_store)
    first = _crossed(office, GOVERNOR, BRIDGE)
    assert _crossed(office, GOVERNOR, BRIDGE) == first
    with pytest.raises(OutsideSigningWindow):
        _crossed(office, GOVERNOR, GOVERNOR)
    with pytest.raises(NotFound):
        _crossed(office, GOVERNOR, "governor-13")


def test_only_ca_operators_establish(founded_store: AuthorityStore) -> None:
    """A counter operator founds, certifies and enrols nobody."""
    office = new_office(founded_store)
    for act in (
        lambda: request(office, founding(BRIDGE, "e"), at=FOUNDING, by=COUNTER),
        lambda: certify_responder(office, GOVERNOR, at=FOUNDING, by=COUNTER),
        lambda: enrol_operator(office, GOVERNOR, COUNTER, at=FOUNDING, by=COUNTER),
        lambda: dismiss_operator(office, "x", at=FOUNDING, by=COUNTER),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_nothing_is_founded_with_an_outlived_algorithm(
    authority_store: AuthorityStore,
) -> None:
    """The era's judgement is asked before a key is made."""
    office = new_office(authority_store, founded=False)
    old = replace(office.era, suites=dict.fromkeys(office.era.suites, "rsa1024-sha1"))
    late = datetime(2031, 1, 1, tzinfo=UTC)
    with pytest.raises(AlgorithmError):
        found(replace(office, era=old), BRIDGE, at=late)


def test_a_responder_is_delegated_to(founded_store: AuthorityStore) -> None:
    """The newest responder whose certificate holds is the current one."""
    office = new_office(founded_store)
    assert current_responder(office, GOVERNOR, at=FOUNDING) is None
    certify_responder(office, GOVERNOR, at=FOUNDING, by=OPERATOR)
    later = datetime(2015, 9, 1, tzinfo=UTC)
    second, record = certify_responder(office, GOVERNOR, at=later, by=OPERATOR)
    certificate = _parsed(record.certificate)
    assert certificate.extended_key_usage == frozenset({oids.KP_OCSP_SIGNING})
    assert certificate.public_key == second.public_key
    assert office.keyring.open(second.key_uri).public_key == second.public_key
    found = current_responder(office, GOVERNOR, at=later, generation=1)
    assert found is not None
    assert found[0] == second
    assert current_responder(office, GOVERNOR, at=later, generation=2) is None
    assert (
        current_responder(office, GOVERNOR, at=datetime(2017, 1, 1, tzinfo=UTC)) is None
    )


def _operator(identifier: str = "counter-082201-2") -> Caller:
    return replace(COUNTER, id=identifier, public_key=generate_key(P256).public_key)


def test_an_operator_is_known_until_dismissed(founded_store: AuthorityStore) -> None:
    """Enrolled, an operator authenticates by the certified key; dismissed, no more."""
    office = new_office(founded_store)
    operator = _operator()
    first = enrol_operator(office, GOVERNOR, operator, at=FOUNDING, by=OPERATOR)
    again = enrol_operator(office, GOVERNOR, operator, at=FOUNDING, by=OPERATOR)
    assert again == first
    assert find_caller(office, operator.id, at=FOUNDING) == operator
    assert find_caller(office, "somebody", at=FOUNDING) is None
    expired = datetime(2016, 1, 1, tzinfo=UTC)
    assert find_caller(office, operator.id, at=expired) is None
    dismiss_operator(office, operator.id, at=FOUNDING, by=OPERATOR)
    assert find_caller(office, operator.id) is None
    with pytest.raises(NotFound):
        dismiss_operator(office, operator.id, at=FOUNDING, by=OPERATOR)
    with pytest.raises(Conflict):
        enrol_operator(office, GOVERNOR, operator, at=FOUNDING, by=OPERATOR)
    with founded_store.read() as uow:
        verify_audit(uow)
        assert account_for_serials(uow).problems == ()


def test_an_identifier_stays_with_its_first_holder(
    founded_store: AuthorityStore,
) -> None:
    """The same identifier with another key, role or place is refused."""
    office = new_office(founded_store)
    operator = _operator()
    enrol_operator(office, GOVERNOR, operator, at=FOUNDING, by=OPERATOR)
    for other in (
        _operator(),
        replace(operator, role=Role.AUDITOR),
        replace(operator, municipality=None),
    ):
        with pytest.raises(Conflict):
            enrol_operator(office, GOVERNOR, other, at=FOUNDING, by=OPERATOR)
    with pytest.raises(KeyRejected, match="already"):
        enrol_operator(
            office, GOVERNOR, replace(operator, id="x"), at=FOUNDING, by=OPERATOR
        )


def test_bad_operators_are_refused(founded_store: AuthorityStore) -> None:
    """A key of another suite, and names that no certificate can hold."""
    office = new_office(founded_store)
    wrong = replace(
        _operator(), public_key=generate_key(suite("p384-sha384")).public_key
    )
    with pytest.raises(KeyRejected):
        enrol_operator(office, GOVERNOR, wrong, at=FOUNDING, by=OPERATOR)
    for identifier in ("", "窓口", "x" * 65):
        with pytest.raises(RequestError):
            enrol_operator(
                office, GOVERNOR, _operator(identifier), at=FOUNDING, by=OPERATOR
            )
