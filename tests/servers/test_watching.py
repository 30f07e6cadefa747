"""What can be watched: figures of each server, and its public addresses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jpki.model.suites import Digest
from jpki.x509.ocsp import build_request, cert_id
from tests.support.forwarder import forwarder
from tests.support.installation import (
    GOVERNOR,
    SERVERS,
    Installation,
    founded_installation,
    send,
    within,
)

_OCSP = {"Content-Type": "application/ocsp-request"}


_Name = tuple[str, frozenset[tuple[str, str]]]


def _figures(port: int) -> dict[_Name, float]:
    reply = send(port, "GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def _count(port: int, path: str, method: str = "GET", status: str = "200") -> float:
    labels = frozenset({("path", path), ("method", method), ("status", status)})
    return _figures(port).get(("jpki_request_seconds_count", labels), 0)


def _named(
    name: str, labels: Mapping[str, str] | None = None
) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset((labels or {}).items())


def test_each_server_counts_its_requests(installation: Installation) -> None:
    """By the first word of the path, which is never what a caller made up."""
    settings = installation.settings
    ports = {
        settings.authority.port: "certificates",
        settings.revocation.port: "crls",
        settings.registry.port: "health",
    }
    for port, word in ports.items():
        path = "/health/live" if word == "health" else f"/{word}"
        before = _count(port, word)
        assert send(port, "GET", path).status == 200
        assert _count(port, word) == before + 1
        lost = _count(port, "other", status="404")
        send(port, "GET", "/12345678903/secret")
        assert _count(port, "other", status="404") == lost + 1
        text = send(port, "GET", "/metrics").body.decode()
        assert "12345678903" not in text
        assert "process_resident_memory_bytes" in text


def test_the_revocation_service_tells_its_lists(installation: Installation) -> None:
    """Their numbers, ends and lengths as they are."""
    port = installation.settings.revocation.port
    labels = {"authority": GOVERNOR, "generation": "1", "scope": "crl"}
    listed = send(port, "GET", "/crls").document["crls"]
    (mine,) = [
        each
        for each in listed
        if (each["authority"], each["scope"]) == (GOVERNOR, "crl")
    ]
    octets = len(send(port, "GET", mine["path"]).body)

    def agrees() -> bool:
        figures = _figures(port)
        return figures[_named("jpki_crl_octets", labels)] == octets

    assert within(7, agrees)
    figures = _figures(port)
    assert figures[_named("jpki_crl_number", labels)] <= mine["number"]
    assert figures[_named("jpki_crl_over_budget", labels)] == 0
    assert figures[_named("jpki_crl_budget_octets", labels)] == 10_000_000
    begins = figures[_named("jpki_crl_this_update_seconds", labels)]
    ends = figures[_named("jpki_crl_next_update_seconds", labels)]
    assert begins < installation.clock().timestamp() < ends
    assert figures[_named("jpki_database_away")] == 0


def test_short_answers_are_counted(installation: Installation) -> None:
    """They never reach the application, and are OCSP answers all the same."""
    port = installation.settings.revocation.port
    issuer = installation.issuer
    serial = installation.certified().serial
    entry = cert_id(issuer.subject_der, issuer.public_key, serial, Digest.SHA1)
    name = _named("jpki_ocsp_short_answers_total")
    before = _figures(port)[name]

    def counted() -> bool:
        send(port, "POST", "/ocsp", build_request([entry]), _OCSP)
        return _figures(port)[name] >= before + 3

    assert within(10, counted)


def test_the_public_addresses_are_asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Through whatever stands in between; when that is gone, it is told."""
    with founded_installation(tmp_path_factory.mktemp("public") / "site") as made:
        port = made.settings.revocation.port
        with forwarder(port) as proxy:
            config = made.layout.config
            lines = (
                f'[authority]\nocsp_url = "{proxy.url}/ocsp"\n'
                f'crls_url = "{proxy.url}/crls"'
            )
            text = config.read_text()
            for key in ("ocsp_url", "crls_url"):
                text = "\n".join(
                    line for line in text.splitlines() if not line.startswith(key)
                )
            config.write_text(text.replace("[authority]", lines) + "\n")
            made.start(*SERVERS)
            told = send(port, "GET", "/health/public")
            assert told.document == {
                "status": "ready",
                "checks": {"ocsp": "ok", "crls": "ok"},
            }
            assert told.status == 200
        assert send(port, "GET", "/health/ready").status == 200

        def noticed() -> bool:
            return send(port, "GET", "/health/public").status == 503

        assert within(15, noticed)
        told = send(port, "GET", "/health/public")
        assert told.document["checks"] == {
            "ocsp": "no connection",
            "crls": "no connection",
        }
