"""Which algorithm may do what, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jpki import data
from jpki.errors import AlgorithmError
from jpki.model.eras import Act

_FOUNDING = datetime(2014, 10, 1, tzinfo=UTC)
_TODAY = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("at", [_FOUNDING, _TODAY])
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("suite_id", ["rsa2048-sha256", "p256-sha256"])
def test_the_second_prefectural_era_works_then_and_today(
    suite_id: str, act: Act, at: datetime
) -> None:
    """Its own suites may issue, sign and be verified on both days."""
    era = data.era("prefectural-sha256")
    assert era.judge(suite_id, act, at).allowed
    era.require(suite_id, act, at)


@pytest.mark.parametrize("suite_id", ["rsa1024-sha1", "rsa2048-sha1"])
def test_sha1_stops_issuing_then_signing_then_being_verified(suite_id: str) -> None:
    """The old algorithms die three times, in this order."""
    era = data.era("prefectural-sha1")

    def allowed(year: int) -> list[bool]:
        at = datetime(year, 7, 1, tzinfo=UTC)
        return [era.judge(suite_id, act, at).allowed for act in Act]

    assert allowed(2010) == [True, True, True]
    assert allowed(2016) == [False, True, True]
    assert allowed(2018) == [False, False, True]
    assert allowed(2026) == [False, False, False]


def test_the_last_second_is_allowed_and_the_next_is_not() -> None:
    """A window ends with a day in Japan: 14:59:59Z still belongs to it."""
    era = data.era("prefectural-sha256")
    last = datetime(2030, 12, 31, 14, 59, 59, tzinfo=UTC)
    judgement = era.judge("rsa2048-sha256", Act.ISSUE, last)
    assert judgement.allowed
    assert last == judgement.until
    assert not era.judge(
        "rsa2048-sha256", Act.ISSUE, datetime(2030, 12, 31, 15, tzinfo=UTC)
    ).allowed


def test_an_algorithm_is_not_used_before_it_exists() -> None:
    """ML-DSA cannot have signed before FIPS 204."""
    era = data.era("post-quantum")
    judgement = era.judge("mldsa65", Act.ISSUE, _FOUNDING)
    assert not judgement.allowed
    assert "2024-08-13" in judgement.reason


def test_a_suite_that_the_era_does_not_know_is_refused() -> None:
    """Algorithms of later eras are not in use yet."""
    era = data.era("prefectural-sha256")
    with pytest.raises(AlgorithmError) as caught:
        era.require("mldsa65", Act.VERIFY, _TODAY)
    assert (caught.value.suite, caught.value.act) == ("mldsa65", "verify")


def test_old_keys_are_refused_for_issuing_today() -> None:
    """RSA-1024 with SHA-1 does not come back; the error says until when it was good."""
    with pytest.raises(AlgorithmError) as caught:
        data.era("prefectural-sha1").require("rsa1024-sha1", Act.ISSUE, _TODAY)
    assert datetime(2014, 9, 21, 14, 59, 59, tzinfo=UTC) == caught.value.until
