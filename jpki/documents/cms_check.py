"""The one signature on a CMS document, checked: which certificate's key made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jpki.der import oids
from jpki.documents.signature import CheckedSignature, Content, Enclosed, Kind
from jpki.documents.signed_data import SignedDocument, parse_signed_data
from jpki.documents.signer_checks import effective_algorithm, signing_certificate
from jpki.errors import DocumentError, DocumentFault

__all__ = ["check_cms"]

_ALTERED: Final = DocumentFault.ALTERED


def check_cms(document: bytes, content: Content = None) -> CheckedSignature:
    """Check the signature of a ContentInfo with SignedData (RFC 5652 5.4, 5.6).

    Args:
        document: DER.
        content: what was signed; None where it is inside.

    Raises:
        DocumentError: not one signer, no certificate of theirs, or the signature is not
            over this content.
        EncodingError: not DER of this structure.
    """
    signed = parse_signed_data(document)
    if signed.content_type != oids.CMS_DATA:
        raise DocumentError(
            f"content of type {signed.content_type}", fault=DocumentFault.UNSUPPORTED
        )
    if len(signed.signers) > 1:
        raise DocumentError(
            f"{len(signed.signers)} signers", fault=DocumentFault.SEVERAL_SIGNERS
        )
    (signer,) = signed.signers
    covered = _content(signed, content)
    certificate = signing_certificate(signer, signed.certificates, covered)
    return CheckedSignature(
        kind=Kind.CMS,
        certificate=certificate,
        algorithm=effective_algorithm(signer),
        digests=frozenset({signer.digest_oid}),
        value=signer.signature,
        claimed_at=signer.signing_time,
        enclosed=Enclosed(
            certificates=signed.certificates,
            crls=signed.crls,
            ocsp_responses=signed.ocsp_responses,
        ),
    )


def _content(signed: SignedDocument, content: Content) -> bytes:
    """What was signed; where it is both inside and handed in, the two are the same."""
    if isinstance(content, Mapping):
        if len(content) != 1:
            raise DocumentError(
                "a CMS signature is over one document", fault=DocumentFault.NO_CONTENT
            )
        (content,) = content.values()
    if content is None and signed.content is None:
        raise DocumentError("the signature is detached", fault=DocumentFault.NO_CONTENT)
    if content is None:
        content = signed.content
    elif signed.content is not None and signed.content != content:
        raise DocumentError("another content is inside", fault=_ALTERED)
    assert content is not None
    return content
