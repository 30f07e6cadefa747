"""Certification requests (PKCS#10, RFC 2986): proof that the applicant has the key.

The authority trusts the request for two things: the public key, and the challenge of
the application it answers. Names and items come from the register, never from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from jpki.der import oids
from jpki.der.reader import Reader, read_one
from jpki.der.writer import (
    integer,
    object_identifier,
    printable_string,
    sequence,
    set_of,
    tlv,
    utf8_string,
)
from jpki.errors import EncodingError, ProofOfPossessionError
from jpki.model.names import Name
from jpki.x509.issuers import assemble
from jpki.x509.names import encode_name, parse_name
from jpki.x509.signatures import verify_signature

__all__ = [
    "MAX_REQUEST",
    "CertificationRequest",
    "assemble",
    "parse_certification_request",
    "request_info",
    "verify_possession",
]

MAX_REQUEST: Final = 32_768
"""Octets. An ML-DSA-87 request has 7,300."""

_MAX_ATTRIBUTES: Final = 16
_NO_NAME: Final = Name(())


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificationRequest:
    """What the request states; its signature is not checked yet."""

    public_key: bytes
    challenge: str | None
    """challengePassword (RFC 2985 5.4.1): the application that this request answers."""
    subject: Name
    algorithm: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    info: bytes = field(repr=False)
    """What is signed."""


def request_info(public_key: bytes, challenge: str, subject: Name = _NO_NAME) -> bytes:
    """CertificationRequestInfo, to be signed by the private key of `public_key`."""
    try:
        text = printable_string(challenge)
    except EncodingError:
        text = utf8_string(challenge)
    attribute = sequence(object_identifier(oids.CHALLENGE_PASSWORD), set_of([text]))
    # Attributes are [0] IMPLICIT SET OF.
    return sequence(integer(0), encode_name(subject), public_key, tlv(0xA0, attribute))


def parse_certification_request(data: bytes) -> CertificationRequest:
    """Parse one request.

    Raises:
        EncodingError: not a request.
    """
    if len(data) > MAX_REQUEST:
        raise EncodingError(f"a certification request of {len(data)} octets")
    outer = read_one(data, 0x30).enter()
    info = outer.next(0x30)
    algorithm = outer.next(0x30).raw
    signature = outer.next().bit_octets()
    outer.finish()
    fields = info.enter()
    version = fields.next()
    if version.integer() != 0:
        raise EncodingError("request version is not 1", offset=version.start)
    subject = parse_name(fields.next(0x30).raw)
    public_key = fields.next(0x30).raw
    challenge = _read_challenge(fields.next(0xA0).enter())
    fields.finish()
    return CertificationRequest(
        public_key=public_key,
        challenge=challenge,
        subject=subject,
        algorithm=algorithm,
        signature=signature,
        info=info.raw,
    )


def _read_challenge(attributes: Reader) -> str | None:
    challenge = None
    seen: set[str] = set()
    while attributes:
        attribute = attributes.next(0x30)
        fields = attribute.enter()
        oid = fields.next().object_identifier()
        values = fields.next(0x31)
        fields.finish()
        if oid in seen or len(seen) == _MAX_ATTRIBUTES:
            raise EncodingError(
                "an attribute twice, or too many", offset=attribute.start
            )
        seen.add(oid)
        if oid == oids.CHALLENGE_PASSWORD:
            value = values.inside()
            if value.tag not in (0x0C, 0x13):
                raise EncodingError("challenge is not a text", offset=value.start)
            try:
                challenge = value.content.decode()
            except UnicodeDecodeError:
                raise EncodingError(
                    "challenge is not UTF-8", offset=value.start
                ) from None
    return challenge


def verify_possession(request: CertificationRequest) -> None:
    """Check that the private key of the request's public key signed it.

    Raises:
        ProofOfPossessionError: it did not.
        EncodingError: the key or the algorithm cannot be read.
    """
    if not verify_signature(
        request.public_key, request.algorithm, request.signature, request.info
    ):
        raise ProofOfPossessionError(
            "the request is not signed by the key that it carries"
        )
