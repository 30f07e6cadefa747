"""Damaged signatures and timestamps: each gets an answer, soon, and never a better one.

What gets through the damage is judged to the end: the signer is the one who signed, and
no time is proven that was not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import pytest

from jpki.documents.cades_levels import (
    add_validation_data,
    signature_value,
)
from jpki.documents.cms import sign_enveloping
from jpki.documents.cms_check import check_cms
from jpki.documents.timestamp_info import imprint_of
from jpki.documents.timestamp_messages import (
    TimestampRequest,
    encode_request,
    read_response,
)
from jpki.documents.timestamps import parse_token
from jpki.errors import DocumentError, EncodingError
from jpki.model.suites import Digest
from jpki.x509.pem import pem
from tests.support.fuzzing import run
from tests.support.long_term import (
    CONTENT,
    SIGNED_AT,
    archived,
    authorities_crls,
    long_lived,
    pki_of_2008,
    signed_in_2008,
    signers_certificate,
    stamped,
    token_over,
    tsa,
)

pytestmark = pytest.mark.slow

_SEED: Final = 20261128
_SIGNATURES: Final = 3_000
_ENVELOPES: Final = 10_000
_TOKENS: Final = 30_000
_REQUESTS: Final = 4_000
HOUR: Final = timedelta(hours=1)


def _whole() -> bytes:
    """Level B-LTA, with an OCSP response."""
    first = stamped(signed_in_2008(), tsa(2008), SIGNED_AT + HOUR)
    data = long_lived(first, authorities_crls(SIGNED_AT)[0])
    answered = add_validation_data(data, ocsp_responses=[pki_of_2008().ocsp()])
    return archived(answered, tsa(2008, "other"), SIGNED_AT + 2 * HOUR)


def _check(octets: bytes, content: bytes | None) -> str:
    try:
        checked = check_cms(octets, content)
    except (DocumentError, EncodingError):
        return "refused"
    assert checked.certificate == signers_certificate()
    times = {stamp.at - SIGNED_AT for stamp in checked.timestamps}
    assert times <= {HOUR, 2 * HOUR}
    return f"{len(times)} times"


def test_damaged_long_term_signatures() -> None:
    """Refused, or by the same signer with fewer proofs, or with all of them."""
    words = run(
        partial(_check, content=CONTENT), [_whole()], count=_SIGNATURES, seed=_SEED
    )
    assert set(words) == {"refused", "0 times", "1 times", "2 times"}


def test_damaged_envelopes() -> None:
    """In DER, BER and PEM, the content inside."""
    key = pki_of_2008().keys["signature"]
    made = sign_enveloping(CONTENT, signers_certificate(), key, SIGNED_AT)
    endless = b"\x30\x80" + made[4:] + b"\0\0"
    assert _check(endless, None) == "0 times"
    samples = [made, endless, pem(made, "CMS"), pem(endless, "PKCS7")]
    words = run(
        partial(_check, content=None), samples, count=_ENVELOPES, seed=_SEED + 1
    )
    assert set(words) == {"refused", "0 times"}


def test_damaged_tokens_and_responses() -> None:
    """Parsers raise our errors and nothing else."""
    covered = signature_value(signed_in_2008())
    token = token_over(covered, tsa(2008), SIGNED_AT + HOUR)
    request = TimestampRequest(imprint=imprint_of(covered, Digest.SHA256), nonce=9)
    response = tsa(2008).at(SIGNED_AT + HOUR).answer(encode_request(request))

    def read(octets: bytes) -> str:
        found = []
        for reader in (parse_token, read_response):
            try:
                reader(octets)
            except (DocumentError, EncodingError):
                continue
            found.append(reader.__name__)
        return " ".join(found) or "refused"

    words = run(read, [token, response], count=_TOKENS, seed=_SEED + 2)
    assert {"refused", "parse_token", "read_response"} <= set(words)


def test_damaged_requests_get_an_answer() -> None:
    """The authority always answers with a response that can be read."""
    authority = tsa(2008).at(datetime(2008, 7, 1, tzinfo=UTC))
    requests = [
        encode_request(
            TimestampRequest(imprint=imprint_of(CONTENT, digest), nonce=nonce)
        )
        for digest in Digest
        for nonce in (None, 1 << 64)
    ]

    def ask(octets: bytes) -> str:
        answer = read_response(authority.answer(octets))
        return "granted" if answer.token else str(sorted(answer.failures))

    words = run(ask, requests, count=_REQUESTS, seed=_SEED + 3)
    assert {"granted", "[0]", "[5]"} <= set(words)
