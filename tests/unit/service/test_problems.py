"""Problem documents: what a caller learns of an error, and what not."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from jpki.errors import (
    AuthenticationError,
    ConfigurationError,
    EncodingError,
    NotEligible,
    PINError,
    RegistryUnavailable,
    RequestError,
)
from jpki.service.answers import Answer
from jpki.service.health import Health
from jpki.service.logs import JSONFormatter, masked
from jpki.service.problems import MEDIA_TYPE, ProblemTable, plain_problem

TABLE = ProblemTable(
    {"registry.not-eligible": (422, "Not eligible"), "card": (409, "The card says no")},
    random=lambda count: bytes(range(count)),
)


def shown(problem: Answer) -> dict[str, Any]:
    """The document, after looking at what all of them have."""
    document: dict[str, Any] = json.loads(problem.body)
    assert ("Content-Type", MEDIA_TYPE) in problem.headers
    assert document["status"] == problem.status
    assert document["type"].endswith(f"/{document['code']}")
    return document


def test_a_known_error_is_shown_with_its_data() -> None:
    """Message, stable code, and what the message was built from."""
    assert shown(TABLE.problem(NotEligible("under-15", "too young"))) == {
        "type": "tag:jpki.example,2026:problem/registry.not-eligible",
        "title": "Not eligible",
        "status": 422,
        "detail": "too young",
        "code": "registry.not-eligible",
        "ground": "under-15",
    }


def test_a_hint_is_shown() -> None:
    """What the reader can do next."""
    problem = TABLE.problem(RequestError("bad", hint="do better"))
    assert shown(problem)["hint"] == "do better"


def test_an_error_without_entry_is_shown_as_its_base() -> None:
    """The nearest class in the table decides the status; the code stays its own."""
    document = shown(TABLE.problem(PINError(3)))
    assert (document["status"], document["code"]) == (409, "card.pin-wrong")
    assert document["retries_left"] == 3
    unavailable = TABLE.problem(RegistryUnavailable("no connection"))
    assert shown(unavailable)["code"] == "registry.unavailable"
    assert unavailable.status == 503
    assert ("Retry-After", "2") in unavailable.headers


def test_who_is_not_authenticated_is_told_how() -> None:
    """401 carries WWW-Authenticate (RFC 9110 15.5.2)."""
    problem = TABLE.problem(AuthenticationError("no"))
    assert problem.status == 401
    assert "WWW-Authenticate" in dict(problem.headers)


def test_data_that_json_lacks_is_written_as_text() -> None:
    """Instants, bytes and collections do not break the answer."""
    error = EncodingError("bad", offset=3)
    vars(error)["when"] = datetime(2014, 10, 1, tzinfo=UTC)
    vars(error)["parts"] = (b"x", {"a": None})
    vars(error)["status"] = "not to be overwritten"
    document = shown(TABLE.problem(error))
    assert document["when"] == "2014-10-01T00:00:00+00:00"
    assert document["parts"] == ["b'x'", {"a": "None"}]


@pytest.mark.parametrize(
    "error", [ConfigurationError("/etc/secret", "key", "why"), ValueError("secret")]
)
def test_any_other_error_shows_nothing_but_an_identifier(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback under the same identifier."""
    try:
        raise error
    except Exception as caught:
        problem = TABLE.problem(caught)
    document = shown(problem)
    assert b"secret" not in problem.body
    assert (document["status"], document["code"]) == (500, "internal")
    assert document["identifier"] == "0001020304050607"
    assert document["identifier"] in caplog.text
    assert "Traceback" in caplog.text


def test_problems_of_http_have_stable_codes() -> None:
    """Whatever this year's RFC calls the status."""
    document = shown(plain_problem(413, "too large", ("Allow", "GET")))
    assert (document["code"], document["detail"]) == (
        "http.body-too-large",
        "too large",
    )
    assert shown(plain_problem(418))["code"] == "http.418"


def test_logs_hide_resident_codes() -> None:
    """In messages, arguments and tracebacks."""
    assert masked("GET /residents/52824992894?x") == "GET /residents/…2894?x"
    assert masked("serial 123456789012") == "serial 123456789012"
    try:
        raise ValueError("52824992894")
    except ValueError:
        record = logging.makeLogRecord(
            {
                "msg": "for %s",
                "args": ("52824992894",),
                "exc_info": sys.exc_info(),
            }
        )
    line = JSONFormatter().format(record)
    assert "\n" not in line
    assert "5282499" not in line
    assert json.loads(line)["message"] == "for …2894"


def test_readiness_names_what_failed_and_not_why() -> None:
    """The reason is for the log."""

    def broken() -> None:
        raise OSError("/var/lib/secret")

    answer = Health({"a": lambda: None, "b": broken}).ready()
    assert answer.status == 503
    assert json.loads(answer.body) == {
        "status": "not-ready",
        "checks": {"a": "ok", "b": "failed"},
    }
    assert Health({}).ready().status == 200
