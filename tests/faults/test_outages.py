"""Servers that are down, and what those who need them say; afterwards all is well."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from jpki.errors import RegistryUnavailable, ServiceUnavailable
from jpki.x509.parse import Certificate, parse_certificate
from tests.support.installation import (
    GOVERNOR,
    Installation,
    Reply,
    new_key,
    request_for,
    within,
)


@pytest.fixture(autouse=True)
def books_agree(installation: Installation) -> Iterator[None]:
    """Whatever was down: the log verifies and every serial is accounted for."""
    yield
    installation.check_books()


def unavailable(reply: Reply, code: str) -> None:
    """The reply says that something else is down, and when to come again."""
    assert (reply.status, reply.document["code"]) == (503, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert int(reply.headers["retry-after"]) > 0
    assert "try the same step again" in reply.document["hint"]
    assert b"Traceback" not in reply.body


def revoked(installation: Installation, certificate: Certificate) -> bool:
    """Whether OCSP says so."""
    status = installation.status()
    return status.revocation(certificate, installation.issuer)[0] is not None


def test_a_dead_register_stops_applications_until_it_is_back(
    installation: Installation,
) -> None:
    """Filing and certifying wait; the same steps succeed afterwards."""
    client = installation.client()
    waiting = client.file_application(installation.newcomer(), "before")
    request = request_for(waiting.challenge, new_key())
    resident, key = installation.newcomer(), str(uuid.uuid4())
    installation.kill("registry_stub")
    try:
        for _ in range(2):
            reply = installation.file(str(resident), key=key)
            unavailable(reply, "registry.unavailable")
            reply = installation.certify(waiting.id, request)
            unavailable(reply, "registry.unavailable")
        assert installation.live_application(resident) is None
        with pytest.raises(RegistryUnavailable):
            installation.move(resident)
    finally:
        installation.start("registry_stub")
    assert installation.file(str(resident), key=key).status == 201
    assert installation.certify(waiting.id, request).status == 200


@pytest.mark.slow
def test_the_feed_is_followed_again_after_a_restart_of_the_register(
    installation: Installation,
) -> None:
    """An event that is recorded right after takes effect, once."""
    resident = installation.newcomer()
    certificate = parse_certificate(installation.certified(resident).certificate)
    installation.kill("registry_stub")
    installation.start("registry_stub")
    installation.move(resident)
    assert within(10, lambda: revoked(installation, certificate))


def test_a_dead_authority_is_told_with_the_next_step(
    installation: Installation,
) -> None:
    """And an event that happens meanwhile takes effect when it is back."""
    resident = installation.newcomer()
    certificate = parse_certificate(installation.certified(resident).certificate)
    client = installation.client()
    installation.kill("ca_server")
    try:
        with pytest.raises(ServiceUnavailable) as error:
            client.file_application(installation.newcomer(), "while it is down")
        assert error.value.hint is not None
        assert "try the same step again" in error.value.hint
        installation.move(resident)
        # The revocation service does not need it.
        assert not revoked(installation, certificate)
    finally:
        installation.start("ca_server")
    assert within(10, lambda: revoked(installation, certificate))
    assert client.file_application(installation.newcomer(), "when it is back").id


@pytest.mark.slow
def test_a_dead_responder_is_told(installation: Installation) -> None:
    """Issuing does not need it; asking does."""
    installation.kill("ocsp_crl")
    try:
        issued = installation.certified()
        certificate = parse_certificate(issued.certificate)
        with pytest.raises(ServiceUnavailable):
            revoked(installation, certificate)
    finally:
        installation.start("ocsp_crl")
    assert not revoked(installation, certificate)


def _killed_at(installation: Installation, point: str) -> subprocess.Popen[bytes]:
    """The authority as one that kills itself at this point."""
    return subprocess.Popen(
        [sys.executable, "-m", "ca_server", "--config", installation.layout.config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "JPKI_COMMON__TEST_SYSTEM": "true",
            "JPKI_AUTHORITY__KILLED_AT": point,
        },
    )


@pytest.mark.slow
@pytest.mark.parametrize("point", ["intake.revoked", "publication.recorded"])
def test_an_event_takes_effect_once_although_the_authority_dies_over_it(
    installation: Installation, point: str
) -> None:
    """Between the event and its publication, wherever the process ends."""
    resident = installation.newcomer()
    certificate = parse_certificate(installation.certified(resident).certificate)
    installation.stop("ca_server")
    try:
        installation.move(resident)
        with _killed_at(installation, point) as process:
            try:
                assert process.wait(60) == -signal.SIGKILL
            finally:
                process.kill()
    finally:
        installation.start("ca_server")
    assert within(10, lambda: revoked(installation, certificate))
    status = installation.status()
    serial = certificate.serial
    assert within(10, lambda: status.crl(GOVERNOR).lookup(serial) is not None)
    with installation.office.store.read() as uow:
        entries = uow.audit.of_subject(f"{GOVERNOR}/{serial:x}")
    assert [entry.act for entry in entries].count("certificate.revoked") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["issuance.recorded", "issuance.signed", "issuance.completed"]
)
def test_a_certificate_is_issued_once_although_the_authority_dies_over_it(
    installation: Installation, point: str
) -> None:
    """The counter gets no answer, asks again, and gets the one certificate."""
    resident, client = installation.newcomer(), installation.client()
    filed = client.file_application(resident, f"for {point}")
    request = request_for(filed.challenge, new_key())
    installation.stop("ca_server")
    try:
        with _killed_at(installation, point) as process:
            try:
                _ask_until_it_dies(installation, process, filed.id, request)
                assert process.wait(60) == -signal.SIGKILL
            finally:
                process.kill()
    finally:
        installation.start("ca_server")
    issued = client.certify(filed.id, request)
    assert issued.application.state == "issued"
    assert installation.certificates_of(resident) == 1


def _ask_until_it_dies(
    installation: Installation,
    process: subprocess.Popen[bytes],
    application: str,
    request: bytes,
) -> None:
    client = installation.client()
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with pytest.raises(ServiceUnavailable):
            client.certify(application, request)
        time.sleep(0.05)


@pytest.mark.slow
def test_a_key_that_cannot_be_opened_is_an_internal_error(
    installation: Installation,
) -> None:
    """Nothing of it reaches the counter; with the key back, the same request works."""
    resident, client = installation.newcomer(), installation.client()
    filed = client.file_application(resident, "without a key")
    request = request_for(filed.challenge, new_key())
    keys = installation.settings.authority.key_directory
    installation.stop("ca_server")
    keys.rename(keys.with_name("away"))
    keys.mkdir()
    try:
        installation.start("ca_server")
        reply = installation.certify(filed.id, request)
        assert (reply.status, reply.document["code"]) == (500, "internal")
        assert set(reply.document) == {
            *("type", "title", "status", "code", "hint", "identifier"),
        }
        log = installation.server("ca_server").log.read_text()
        assert reply.document["identifier"] in log
        installation.stop("ca_server")
    finally:
        keys.rmdir()
        keys.with_name("away").rename(keys)
    installation.start("ca_server")
    assert client.certify(filed.id, request).application.state == "issued"
    assert installation.certificates_of(resident) == 1


@pytest.mark.slow
def test_a_database_that_is_locked_holds_nobody_for_ever(
    installation: Installation,
) -> None:
    """The counter is told to try again; then it gets its one application."""
    resident, client = installation.newcomer(), installation.client()
    file = installation.settings.authority.database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ServiceUnavailable) as error:
            client.file_application(resident, "while locked")
        other.execute("ROLLBACK")
    assert error.value.hint is not None
    assert client.file_application(resident, "while locked").state == "filed"
    assert installation.live_application(resident) == "filed"


def test_a_full_disk_is_told_and_loses_nothing(installation: Installation) -> None:
    """The running server can write no more; with room again, the same steps work."""
    resident, client = installation.newcomer(), installation.client()
    filed = client.file_application(installation.newcomer(), "before it was full")
    request = request_for(filed.challenge, new_key())
    process = installation.server("ca_server").process.pid
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        unavailable(installation.file(str(resident), key="full"), "store.disk")
        unavailable(installation.certify(filed.id, request), "store.disk")
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)
    assert installation.file(str(resident), key="full").status == 201
    assert client.certify(filed.id, request).application.state == "issued"
