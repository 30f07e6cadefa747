"""有効性確認: the enquiry of a resident about their own certificate.

A detached CMS signature over a fixed text: nobody but the holder of the key can make
it, signing-time says when, and signing-certificate-v2 which certificate is meant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from jpki.documents.cms import check_signer, parse_signed_data, sign_detached
from jpki.documents.signed_data import SignerInfo
from jpki.errors import DocumentError
from jpki.model.ports import Signer
from jpki.x509.parse import Certificate, parse_certificate

__all__ = ["check_enquiry", "make_enquiry", "read_enquiry"]

_TEXT: Final = b"jpki:confirm:1"
"""Signed by nothing else, so that no other signature can be passed off as this."""


def make_enquiry(certificate: bytes, signer: Signer, at: datetime) -> bytes:
    """The enquiry made now, a ContentInfo, DER.

    Raises:
        DocumentError: signer and certificate do not belong together.
        EncodingError: the certificate cannot be read.
    """
    return sign_detached(_TEXT, certificate, signer, at)


def read_enquiry(enquiry: bytes) -> tuple[SignerInfo, Certificate]:
    """The one signature and the one certificate, neither of them checked.

    Raises:
        EncodingError, DocumentError: there are none, or more.
    """
    read = parse_signed_data(enquiry)
    if len(read.signers) != 1 or len(read.certificates) != 1:
        raise DocumentError("an enquiry has one signature and one certificate")
    return read.signers[0], parse_certificate(read.certificates[0])


def check_enquiry(signer: SignerInfo, certificate: Certificate) -> datetime:
    """Check that the certificate's key made it; when, the signer says.

    Raises:
        DocumentError: it did not, or does not say when, or about which certificate.
    """
    check_signer(signer, certificate.raw, _TEXT)
    if signer.signing_certificate is None or signer.signing_time is None:
        raise DocumentError("an enquiry says when, and about which certificate")
    return signer.signing_time
