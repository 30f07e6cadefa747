"""A signature of 2008 with SHA-1, and those who vouched for it through the years."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from jpki import data
from jpki.documents.cades_levels import (
    add_archive_timestamp,
    add_timestamp,
    add_validation_data,
    signature_value,
)
from jpki.documents.cms import sign_detached
from jpki.documents.timestamp_info import imprint_of
from jpki.documents.timestamp_messages import (
    TimestampRequest,
    encode_request,
    read_response,
)
from jpki.model.revocation import Revocation
from jpki.model.suites import Digest
from jpki.x509.certificates import prepare_certificate
from tests.support.reference_pki import RESIDENT, VALUES, ReferencePKI, reference_pki
from tests.support.time_authority import TimeAuthority, time_authority

__all__ = [
    "CONTENT",
    "FIRST",
    "HOUR",
    "IN_2017",
    "IN_2027",
    "IN_2030",
    "SECOND",
    "SERIAL",
    "SIGNED_AT",
    "STAMPED_AT",
    "THIRD",
    "archived",
    "authorities_crls",
    "long_lived",
    "pki_of_2008",
    "signed_in_2008",
    "signers_certificate",
    "stamped",
    "token_over",
    "tsa",
]

CONTENT: Final = "平成二十年の転居届".encode()
SIGNED_AT: Final = datetime(2008, 6, 2, 3, 4, 5, tzinfo=UTC)
SERIAL: Final = 2008
HOUR: Final = timedelta(hours=1)
STAMPED_AT: Final = SIGNED_AT + HOUR
IN_2017: Final = datetime(2017, 5, 1, tzinfo=UTC)
IN_2027: Final = datetime(2027, 5, 1, tzinfo=UTC)
IN_2030: Final = datetime(2030, 5, 1, tzinfo=UTC)


def pki_of_2008() -> ReferencePKI:
    """Governors, bridge and residents with SHA-1, founded in 2004."""
    return reference_pki("prefectural-sha1")


@cache
def signers_certificate() -> bytes:
    """Of a resident who came to the counter on the day of signing."""
    pki = pki_of_2008()
    prepared = prepare_certificate(
        data.certificate_profile(pki.era.profiles["signature"]),
        issuer=pki.a.view,
        values=VALUES,
        public_key=pki.keys["signature"].public_key,
        serial=SERIAL,
        not_before=SIGNED_AT - timedelta(hours=2),
        basic=RESIDENT,
    )
    return pki.a.sign(prepared.tbs)


@cache
def signed_in_2008() -> bytes:
    """The resident's signature, level B-B."""
    key = pki_of_2008().keys["signature"]
    return sign_detached(CONTENT, signers_certificate(), key, SIGNED_AT)


def authorities_crls(at: datetime, *entries: Revocation) -> list[bytes]:
    """The lists of this instant of all who stand on the path of the resident."""
    pki = pki_of_2008()
    after = at - pki.at
    assert pki.bridge is not None
    return [
        pki.crl(pki.a, *entries, after=after),
        pki.crl(pki.b, after=after),
        pki.crl(pki.bridge, after=after),
    ]


def tsa(founded: int, name: str = "one") -> TimeAuthority:
    """A time-stamp authority of that year: RSA-2048 and SHA-256, for eleven years."""
    return time_authority(datetime(founded, 1, 1, tzinfo=UTC), name=name)


FIRST: Final = tsa(2008)
SECOND: Final = tsa(2017)
THIRD: Final = tsa(2026)


def token_over(covered: bytes, by: TimeAuthority, at: datetime) -> bytes:
    """What the authority answers at this instant."""
    request = TimestampRequest(imprint=imprint_of(covered, Digest.SHA256))
    answer = read_response(by.at(at).answer(encode_request(request)))
    assert answer.token is not None, answer.texts
    return answer.token


def stamped(cms: bytes, by: TimeAuthority, at: datetime) -> bytes:
    """Level B-T."""
    return add_timestamp(cms, token_over(signature_value(cms), by, at))


def long_lived(cms: bytes, *crls: bytes) -> bytes:
    """Level B-LT: all certificates of the PKI, and these lists."""
    certificates = pki_of_2008().certificates.values()
    return add_validation_data(cms, certificates=certificates, crls=crls)


def archived(
    cms: bytes, by: TimeAuthority, at: datetime, content: bytes | None = CONTENT
) -> bytes:
    """Level B-LTA, or once more."""
    return add_archive_timestamp(
        cms, lambda covered: token_over(covered, by, at), content
    )
