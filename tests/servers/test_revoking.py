"""The authorities' server over real HTTP: what revokes a certificate, what does not."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.support.installation import (
    AUDITOR,
    COUNTER,
    GOVERNOR,
    MITO_COUNTER,
    Installation,
    Reply,
)
from tests.support.problems import problem

pytestmark = pytest.mark.usefixtures("books_agree")

JSON: Final = {"Content-Type": "application/json"}


def revoke(
    installation: Installation, serial: str, caller: str = COUNTER, **members: object
) -> Reply:
    """A revocation as JSON, whatever its members are."""
    document = {"reason": "keyCompromise", "ground": "the card was lost", **members}
    return installation.ask(
        "POST",
        f"/certificates/{GOVERNOR}/{serial}/revocation",
        json.dumps(document).encode(),
        JSON,
        caller=caller,
    )


def test_a_revocation_stands_as_it_was_first_said(
    installation: Installation,
) -> None:
    """Revoking again changes neither reason nor time."""
    serial = f"{installation.certified().serial:x}"
    first = revoke(installation, serial)
    assert first.status == 200
    again = revoke(installation, serial, reason="cessationOfOperation")
    assert again.document == first.document


@pytest.fixture(scope="module")
def good(installation: Installation) -> str:
    """The serial number of a certificate that nobody manages to revoke."""
    return f"{installation.certified().serial:x}"


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"reason": "boredom"}, 400, "request"),
        ({"reason": None}, 400, "request"),
        ({"ground": ""}, 400, "request"),
        ({"ground": "g" * 201}, 400, "request"),
        ({"invalidity_date": "9999-12-31"}, 400, "request"),
        ({"invalidity_date": "yesterday"}, 400, "request"),
        ({"since": "2014-10-01"}, 400, "request"),
        ({"reason": "cACompromise"}, 403, "permission"),
    ],
)
def test_a_revocation_that_cannot_be_is_refused(
    installation: Installation,
    good: str,
    members: dict[str, object],
    status: int,
    code: str,
) -> None:
    """And the certificate stays good."""
    problem(revoke(installation, good, COUNTER, **members), status, code)
    with installation.office.store.read() as uow:
        assert uow.journal.find(GOVERNOR, int(good, 16)) is None


@pytest.mark.parametrize("caller", [AUDITOR, MITO_COUNTER])
def test_not_everybody_revokes(
    installation: Installation, good: str, caller: str
) -> None:
    """Only the counter that issued, and CA operators."""
    problem(revoke(installation, good, caller), 403, "permission")


def test_a_counter_cannot_revoke_an_authority(installation: Installation) -> None:
    """The self-signed certificate belongs to no application."""
    serial = f"{installation.issuer.serial:x}"
    problem(revoke(installation, serial), 403, "permission")


@pytest.mark.parametrize(
    ("serial", "status", "code"),
    [
        ("123456", 404, "not-found"),
        ("f" * 40, 404, "not-found"),
        ("f" * 41, 400, "request"),
        ("xyz", 400, "request"),
        ("-1", 400, "request"),
        ("+1", 400, "request"),
        ("1_0", 400, "request"),
        ("%201", 400, "request"),
        ("%EF%BC%91", 400, "request"),
    ],
)
def test_a_serial_number_is_hexadecimal(
    installation: Installation, serial: str, status: int, code: str
) -> None:
    """Written one way only; and one that was never reserved is not found."""
    problem(revoke(installation, serial), status, code)
