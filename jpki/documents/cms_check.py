"""The one signature on a CMS document, checked: which certificate's key made it."""

from __future__ import annotations

from jpki.der import oids
from jpki.documents.cades_values import enclosed_in
from jpki.documents.envelopes import open_signed_data, the_signer
from jpki.documents.signature import CheckedSignature, Content, Kind, Timestamp
from jpki.documents.signed_content import content_of
from jpki.documents.signed_values import SignedDocument, SignerInfo
from jpki.documents.signer_checks import effective_algorithm, signing_certificate
from jpki.errors import DocumentError, DocumentFault

__all__ = ["check_cms"]


def check_cms(document: bytes, content: Content = None) -> CheckedSignature:
    """Check the signature of a ContentInfo with SignedData (RFC 5652 5.4, 5.6).

    Args:
        document: DER, BER or PEM.
        content: what was signed; None where it is inside.

    Raises:
        DocumentError: not one signer, no certificate of theirs, or the signature is not
            over this content.
        EncodingError: not of this structure.
    """
    signed = open_signed_data(document)
    if signed.content_type != oids.CMS_DATA:
        raise DocumentError(
            f"content of type {signed.content_type}", fault=DocumentFault.UNSUPPORTED
        )
    signer = the_signer(signed)
    covered = content_of(signed, content)
    enclosed, unreadable = enclosed_in(signed, signer)
    holder = signing_certificate(signer, enclosed.certificates, covered)
    timestamps, notes = _timestamps(signed, signer, covered)
    return CheckedSignature(
        kind=Kind.CMS,
        holder=holder,
        algorithm=effective_algorithm(signer),
        digests=frozenset({signer.digest_oid}),
        value=signer.signature,
        claimed_at=signer.signing_time,
        enclosed=enclosed,
        timestamps=timestamps,
        notes=(*unreadable, *notes),
    )


def _timestamps(
    signed: SignedDocument, signer: SignerInfo, covered: bytes
) -> tuple[tuple[Timestamp, ...], tuple[str, ...]]:
    if not signer.unsigned_attributes:
        return (), ()
    # Loaded where there may be some.
    from jpki.documents.cades_timestamps import timestamps_on

    return timestamps_on(signed, signer, covered)
