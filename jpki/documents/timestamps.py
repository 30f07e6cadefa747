"""Time-stamp tokens (RFC 3161 2.4.2, RFC 5816): made, read, their signature checked.

A token is a CMS signature over a TSTInfo. That its authority may be believed, at which
instant, is decided in `jpki.verify`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jpki.der import oids
from jpki.der.ber import to_der
from jpki.documents.cms import make_signed_data
from jpki.documents.signature import CheckedSignature, Enclosed, Kind, Timestamp
from jpki.documents.signed_data import SignedDocument, parse_signed_data
from jpki.documents.signer_checks import effective_algorithm, signing_certificate
from jpki.documents.timestamp_info import TimestampInfo, encode_info, read_info
from jpki.errors import DocumentError, DocumentFault, EncodingError
from jpki.model.ports import Signer
from jpki.x509.general_names import DirectoryName, GeneralName
from jpki.x509.names import normalized
from jpki.x509.parse import Certificate

__all__ = [
    "ReadToken",
    "check_token",
    "make_token",
    "parse_token",
    "read_token",
    "token_as_der",
]

_MAX_ELEMENTS: Final = 20_000
"""Of a token in BER; with a chain and its CRLs one has some thousand. A signature may
bear 32 of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadToken:
    """A token taken apart; nothing in it is checked."""

    info: TimestampInfo
    signed: SignedDocument


def make_token(
    info: TimestampInfo,
    certificate: bytes,
    signer: Signer,
    *,
    certificates: Collection[bytes],
) -> bytes:
    """Sign what the authority says: a ContentInfo, DER.

    Args:
        certificate: the authority's own, to which the token is bound.
        certificates: what is put in. Whoever asked without `certReq` gets none.

    Raises:
        DocumentError: signer and certificate do not belong together.
        EncodingError: something cannot be encoded.
    """
    return make_signed_data(
        encode_info(info),
        certificate,
        signer,
        info.at,
        certificates=certificates,
        enveloping=True,
        content_type=oids.TST_INFO,
    )


def parse_token(token: bytes) -> ReadToken:
    """Take a token apart; its envelope may be BER, as RFC 5652 lets it.

    Raises:
        EncodingError: not of this structure, or what the authority says is no DER.
        DocumentError: no token, or not one that means anything here.
    """
    try:
        signed = parse_signed_data(token)
    except EncodingError:
        der = token_as_der(token)
        if der == token:
            raise
        signed = parse_signed_data(der)
    if signed.content_type != oids.TST_INFO or signed.content is None:
        raise DocumentError("CMS, but no timestamp")
    if len(signed.signers) > 1:
        # RFC 3161 2.4.2: nobody but the authority signs it.
        raise DocumentError(
            f"a timestamp of {len(signed.signers)} signers",
            fault=DocumentFault.SEVERAL_SIGNERS,
        )
    return ReadToken(info=read_info(signed.content), signed=signed)


def token_as_der(token: bytes) -> bytes:
    """The token with its envelope in DER; what is signed in it stays as it came.

    Raises:
        EncodingError: it is no BER either.
    """
    return to_der(token, elements=_MAX_ELEMENTS)


def read_token(
    token: bytes, covered: bytes, certificates: Iterable[bytes] = ()
) -> Timestamp:
    """Check that a token is over these octets, and whose key signed it.

    Args:
        token: ContentInfo, DER or BER.
        covered: what it is said to be over.
        certificates: where the authority's may be, if it is not in the token.

    Raises:
        EncodingError: not DER of this structure.
        DocumentError: it is over something else, or its signature is wrong.
    """
    return check_token(parse_token(token), covered, certificates)


def check_token(
    read: ReadToken, covered: bytes, certificates: Iterable[bytes] = ()
) -> Timestamp:
    """The same for a token that is taken apart already."""
    info, signed = read.info, read.signed
    (signer,) = signed.signers
    if not info.imprint.is_of(covered):
        raise DocumentError(
            "the timestamp is over something else", fault=DocumentFault.ALTERED
        )
    # RFC 3161 2.4.2, RFC 5816 2.2.1: the certificate's identifier MUST be signed.
    if not signer.bindings:
        raise DocumentError("the timestamp is not bound to a certificate")
    assert signed.content is not None
    holder = signing_certificate(
        signer, (*signed.certificates, *certificates), signed.content
    )
    if info.authority is not None:
        _check_name(info.authority, holder)
    return Timestamp(
        at=info.at,
        accuracy=info.accuracy or timedelta(0),
        imprint_digest=info.imprint.digest_oid,
        signature=CheckedSignature(
            kind=Kind.CMS,
            holder=holder,
            algorithm=effective_algorithm(signer),
            digests=frozenset({signer.digest_oid}),
            value=signer.signature,
            claimed_at=signer.signing_time,
            enclosed=Enclosed(
                certificates=signed.certificates,
                crls=signed.crls,
                ocsp_responses=signed.ocsp_responses,
            ),
        ),
    )


def _check_name(stated: GeneralName, certificate: Certificate) -> None:
    """RFC 3161 2.4.2: it corresponds to one of the names in the certificate."""
    names = [DirectoryName(certificate.subject)]
    try:
        found = [*names, *certificate.subject_alternative_name]
    except EncodingError:
        found = [*names]
    if not any(_same(stated, name) for name in found):
        raise DocumentError(
            "the timestamp names another authority than its certificate",
            fault=DocumentFault.ALTERED,
        )


def _same(one: GeneralName, other: GeneralName) -> bool:
    if isinstance(one, DirectoryName) and isinstance(other, DirectoryName):
        return normalized(one.name) == normalized(other.name)
    return one == other
