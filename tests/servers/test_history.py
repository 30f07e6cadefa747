"""Retroactive questions over real HTTP, and the lists that answer them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography import x509

from tests.support.installation import (
    GOVERNOR,
    Installation,
    Reply,
    send,
    within,
)


def _ask(installation: Installation, path: str) -> Reply:
    return send(installation.settings.revocation.port, "GET", path)


def test_a_revocation_is_told_with_the_list_that_proves_it(
    installation: Installation,
) -> None:
    """Good before it, revoked after it; the signed list says so, also to pyca."""
    issued = installation.certified()
    time.sleep(1.1)  # books count in whole seconds
    installation.client().revoke(GOVERNOR, issued.serial, "keyCompromise", "lost")
    path = f"/history/{GOVERNOR}/{issued.serial:x}"
    assert within(10, lambda: _ask(installation, path).document["proof"] is not None)
    told = _ask(installation, path).document
    assert (told["status"], told["reason"]) == ("revoked", "keyCompromise")
    proof = x509.load_der_x509_crl(_ask(installation, told["proof"]["path"]).body)
    entry = proof.get_revoked_certificate_by_serial_number(issued.serial)
    assert entry is not None
    assert f"{entry.revocation_date_utc:%Y-%m-%dT%H:%M:%SZ}" == told["revoked_at"]

    before = entry.revocation_date_utc - timedelta(seconds=1)
    instant = f"{before:%Y-%m-%dT%H:%M:%SZ}"
    earlier = _ask(installation, f"{path}?at={instant}").document
    assert earlier["status"] == "good"
    assert earlier["revoked_at"] == told["revoked_at"]
    unknowing = _ask(installation, f"{path}?at={instant}&known={instant}").document
    assert unknowing["status"] == "good" and "revoked_at" not in unknowing
    then = unknowing["list_in_force"]["path"]
    assert (
        x509.load_der_x509_crl(
            _ask(installation, then).body
        ).get_revoked_certificate_by_serial_number(issued.serial)
        is None
    )


@pytest.mark.parametrize(
    ("rest", "status", "code"),
    [
        ("1", 404, "not-found"),
        ("xyz", 400, "request"),
        ("f" * 41, 400, "request"),
        ("1?at=yesterday", 400, "request"),
        ("1?known=2999-01-01", 400, "request"),
        ("1?at=2020-01-02&known=2020-01-01", 400, "request"),
    ],
)
def test_what_cannot_be_asked(
    installation: Installation, rest: str, status: int, code: str
) -> None:
    """A clear answer with a stable code."""
    reply = _ask(installation, f"/history/{GOVERNOR}/{rest}")
    assert (reply.status, reply.document["code"]) == (status, code)
