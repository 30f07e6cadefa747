"""The packaged files: all are read, complete, and fit each other."""

from __future__ import annotations

import pytest

from jpki import data
from jpki.errors import NotFound
from jpki.model.codes import MunicipalityCode
from jpki.model.events import EventKind
from jpki.model.profiles import CertificateProfile, CRLProfile
from jpki.model.suites import SUITES


@pytest.mark.parametrize("era_id", data.eras())
def test_every_profile_of_an_era_exists(era_id: str) -> None:
    """Each role's profile is there, and its suite is in the table and has a rule."""
    era = data.era(era_id)
    assert era_id == era.id
    for role, profile_id in era.profiles.items():
        if role in ("crl", "crl-partition", "arl"):
            assert isinstance(data.crl_profile(profile_id), CRLProfile)
        else:
            assert isinstance(data.certificate_profile(profile_id), CertificateProfile)
    for suite_id in era.suites.values():
        assert suite_id in SUITES
        assert suite_id in era.rules
    assert {"authority", "responder", "operator", "signature"} <= set(era.suites)
    assert set(era.suites) <= set(era.profiles)


@pytest.mark.parametrize("profile_id", data.certificate_profiles())
def test_a_certificate_profile_is_named_like_its_file(profile_id: str) -> None:
    """So that an era finds it."""
    assert profile_id == data.certificate_profile(profile_id).id


@pytest.mark.parametrize("profile_id", data.crl_profiles())
def test_a_crl_profile_is_named_like_its_file(profile_id: str) -> None:
    """So that an era finds it."""
    assert profile_id == data.crl_profile(profile_id).id


def test_every_suite_has_a_rule() -> None:
    """No algorithm is without windows."""
    assert set(SUITES) == set(data.algorithm_rules())


def test_there_are_47_prefectures() -> None:
    """In the order of JIS X 0401, from Hokkaido to Okinawa."""
    prefectures = data.prefectures()
    assert [f"{number:02}" for number in range(1, 48)] == list(prefectures)
    assert (prefectures["13"].name, prefectures["13"].romaji) == ("東京都", "Tokyo-to")
    assert prefectures["01"].romaji == "Hokkaido"
    assert prefectures["27"].romaji == "Osaka-fu"


def test_municipalities_are_real_and_in_every_prefecture() -> None:
    """Check digits fit, romaji keep the kind of place, no prefecture is left out."""
    municipalities = data.municipalities()
    assert len(municipalities) >= 60
    assert set(data.prefectures()) == {
        municipality.prefecture.code for municipality in municipalities.values()
    }
    tsukuba = municipalities[MunicipalityCode("082201")]
    assert (
        tsukuba.romaji,
        tsukuba.prefecture.romaji,
    ) == ("Tsukuba-shi", "Ibaraki-ken")
    kinds = {
        municipality.romaji.rpartition("-")[2]
        for municipality in municipalities.values()
    }
    assert {"shi", "ku", "cho", "machi"} == kinds


def test_every_event_has_a_ground() -> None:
    """Changes of the four items revoke the signature certificate, others leave it."""
    grounds = data.revocation_grounds()
    assert set(EventKind) == set(grounds)
    untouched = {
        EventKind.BIRTH,
        EventKind.HOUSEHOLD_CHANGE,
        EventKind.CODE_CHANGE,
    }
    assert untouched == {
        kind for kind, ground in grounds.items() if ground.signature is None
    }
    move = grounds[EventKind.MOVE_WITHIN]
    assert move.signature is not None
    assert move.signature.label == "affiliationChanged"
    assert move.authentication is None


def test_the_test_pki_says_that_it_is_one() -> None:
    """No name here can be mistaken for the real service's."""
    topology = data.topology()
    assert topology.organisation == "JPKI Reference Test"
    tokyo = data.prefectures()["13"]
    for name in (
        topology.governor_name(tokyo),
        topology.bridge_name,
        topology.national_signature_names[0],
        topology.national_authentication_names[0],
    ):
        assert name.first("2.5.4.10") == "JPKI Reference Test"
    assert "東京都知事" in str(topology.governor_alternative_name(tokyo))


@pytest.mark.parametrize(
    "look_up", [data.era, data.certificate_profile, data.crl_profile]
)
def test_what_is_not_packaged_is_not_found(look_up: object) -> None:
    """Also not by a path that leads out of the folder."""
    assert callable(look_up)
    for name in ("nothing", "../eras", "/etc/passwd", ""):
        with pytest.raises(NotFound):
            look_up(name)
