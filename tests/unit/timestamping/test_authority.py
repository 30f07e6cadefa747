"""The time-stamp authority: what it grants, what it refuses, and over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Queue
from typing import TYPE_CHECKING

import pytest
import urllib3

from jpki import data
from jpki.der.reader import read_one
from jpki.der.writer import implicit, sequence
from jpki.documents.timestamp_info import MessageImprint, imprint_of
from jpki.documents.timestamp_messages import (
    MAX_REQUEST,
    PKIFailure,
    TimestampRequest,
    encode_request,
    read_response,
)
from jpki.documents.timestamps import parse_token, read_token
from jpki.errors import (
    ConfigurationError,
    DocumentError,
    RemoteRefusal,
    ServiceUnavailable,
)
from jpki.model.suites import Digest
from jpki.service import wsgi
from jpki.service.clock import system_random
from jpki.timestamping.application import QUERY, REPLY, application_of
from jpki.timestamping.client import TimestampClient
from jpki.x509.extensions import extension
from tests.support.time_authority import time_authority

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FOUNDED = datetime(2019, 4, 1, tzinfo=UTC)
AT = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
COVERED = b"covered"
ONE = time_authority(FOUNDED)
REQUEST = TimestampRequest(imprint=imprint_of(COVERED, Digest.SHA512), nonce=99)


def test_a_request_is_granted() -> None:
    """The token repeats imprint and nonce, and says time, accuracy and policy."""
    answer = read_response(ONE.at(AT).answer(encode_request(REQUEST)))
    assert answer.token is not None
    info = parse_token(answer.token).info
    assert (info.imprint, info.nonce, info.policy) == (
        REQUEST.imprint,
        REQUEST.nonce,
        data.topology().timestamp_policy,
    )
    assert (info.at, info.accuracy) == (AT, timedelta(seconds=1))
    assert read_token(answer.token, COVERED).signature.certificate == ONE.certificate


def test_serial_numbers_are_never_the_same() -> None:
    """Also of an authority that was started again, and for the same request."""
    serials = set()
    for _ in range(3):
        authority = replace(ONE.at(AT), random=system_random)
        for _ in range(5):
            answer = read_response(authority.answer(encode_request(REQUEST)))
            assert answer.token is not None
            serials.add(parse_token(answer.token).info.serial)
    assert len(serials) == 15
    assert all(0 < serial < 1 << 160 for serial in serials)


def test_without_certreq_no_certificate_is_enclosed() -> None:
    """RFC 3161 2.4.1: then the field MUST NOT be there."""
    bare = replace(REQUEST, wants_certificate=False)
    answer = read_response(ONE.at(AT).answer(encode_request(bare)))
    assert answer.token is not None
    assert parse_token(answer.token).signed.certificates == ()
    assert read_token(answer.token, COVERED, [ONE.certificate]).at == AT


def _with_extension() -> bytes:
    fields = read_one(encode_request(REQUEST)).enter()
    parts = []
    while fields:
        parts.append(fields.next().raw)
    more = implicit(0, sequence(extension("2.999.1", False, b"\x05\x00")))
    return sequence(*parts, more)


@pytest.mark.parametrize(
    ("request_", "failure"),
    [
        (b"junk", PKIFailure.BAD_DATA_FORMAT),
        (encode_request(replace(REQUEST, version=2)), PKIFailure.BAD_REQUEST),
        (
            encode_request(replace(REQUEST, policy="2.999.5")),
            PKIFailure.UNACCEPTED_POLICY,
        ),
        (
            encode_request(replace(REQUEST, imprint=imprint_of(COVERED, Digest.SHA1))),
            PKIFailure.BAD_ALGORITHM,
        ),
        (
            encode_request(
                replace(
                    REQUEST,
                    imprint=MessageImprint(digest_oid=Digest.SHA256.oid, value=b"1"),
                )
            ),
            PKIFailure.BAD_DATA_FORMAT,
        ),
        (_with_extension(), PKIFailure.UNACCEPTED_EXTENSION),
    ],
)
def test_what_cannot_be_granted_is_refused(
    request_: bytes, failure: PKIFailure
) -> None:
    """With the failure that RFC 3161 2.4.2 has for it."""
    answer = read_response(ONE.at(AT).answer(request_))
    assert (answer.status, answer.failures) == (2, frozenset({failure.value}))
    assert answer.texts


def test_outside_its_certificate_there_is_no_time() -> None:
    """A clock before or after the authority's certificate is not trusted."""
    for at in (FOUNDED - timedelta(seconds=1), ONE.parsed.not_after + timedelta(1)):
        answer = read_response(ONE.at(at).answer(encode_request(REQUEST)))
        assert answer.failures == {PKIFailure.TIME_NOT_AVAILABLE.value}


def test_a_key_of_another_certificate_is_refused() -> None:
    """The authority does not begin to work with it."""
    with pytest.raises(ConfigurationError):
        replace(ONE.at(AT), certificate=ONE.root)


def test_a_key_that_fails_tells_nothing() -> None:
    """The client hears systemFailure, and not what became of the key."""

    class Gone:
        suite = ONE.key.suite
        public_key = ONE.key.public_key

        def sign(self, message: bytes | memoryview) -> bytes:
            raise DocumentError("the token was pulled out")

    authority = replace(ONE.at(AT), signer=Gone())
    answer = read_response(authority.answer(encode_request(REQUEST)))
    assert answer.failures == {PKIFailure.SYSTEM_FAILURE.value}
    assert "pulled" not in "".join(answer.texts)


@contextmanager
def _served(application: WSGIApplication) -> Iterator[str]:
    """The application on a real socket."""
    stop, urls = threading.Event(), Queue[str]()
    thread = threading.Thread(
        target=wsgi.run,
        args=(application,),
        kwargs={"stop": stop, "announce": urls.put},
    )
    thread.start()
    try:
        yield urls.get(timeout=10)
    finally:
        stop.set()
        thread.join(10)


def test_over_http() -> None:
    """A client gets a timestamp, hears refusals, and other requests are problems."""
    with _served(application_of(replace(ONE.at(AT), chain=(ONE.root,)))) as url:
        client = TimestampClient(url, random=system_random)
        stamped = client.stamp(COVERED)
        assert stamped.timestamp.at == AT
        assert read_response(stamped.response).token == stamped.token
        client.close()
        client = TimestampClient(url, random=system_random, policy="2.999.5")
        with pytest.raises(RemoteRefusal) as refused:
            client.stamp(COVERED)
        assert refused.value.reason_code == "timestamp.unaccepted-policy"
        client.close()
        with urllib3.PoolManager(retries=False) as http:
            headers = {"Content-Type": QUERY}
            granted = http.request(
                "POST", url, body=encode_request(REQUEST), headers=headers
            )
            assert (granted.status, granted.headers["Content-Type"]) == (200, REPLY)
            for method, path, kind, body, status in (
                ("POST", "/", "text/plain", b"", 415),
                ("POST", "/", QUERY, bytes(MAX_REQUEST + 1), 413),
                ("GET", "/", QUERY, None, 405),
                ("GET", "/other", QUERY, None, 404),
                ("GET", "/health", QUERY, None, 200),
            ):
                answer = http.request(
                    method, url + path, body=body, headers={"Content-Type": kind}
                )
                assert answer.status == status
            listed = http.request("GET", f"{url}/certificates").data
            assert listed.count(b"BEGIN CERTIFICATE") == 2


def test_answers_of_others_are_not_taken() -> None:
    """An answer to another request, or none at all, is no timestamp."""
    authority = ONE.at(AT)

    first = TimestampRequest(imprint=imprint_of(COVERED, Digest.SHA256), nonce=1)
    old = authority.answer(encode_request(first))

    def stale(_: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Gives everybody the same token."""
        start("200 OK", [("Content-Type", REPLY)])
        return [old]

    with _served(stale) as url:
        client = TimestampClient(url, random=system_random)
        with pytest.raises(DocumentError, match="another request"):
            client.stamp(COVERED)
        with pytest.raises(DocumentError, match="something else"):
            client.stamp(b"other")
        client.close()
    client = TimestampClient(url, random=system_random)
    with pytest.raises(ServiceUnavailable):
        client.stamp(COVERED)
    client.close()
