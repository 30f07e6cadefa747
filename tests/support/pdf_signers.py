"""pyHanko signing PDFs with our keys and our time-stamp authorities."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import crl, tsp, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import (
    AcceptAllAlgorithms,
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleCertificateStore

from jpki.model.ports import Signer as KeySigner
from jpki.model.suites import Digest
from jpki.timestamping.authority import TimeStampAuthority
from tests.support.time_authority import TimeAuthority

__all__ = ["context", "signed_by_pyhanko"]


class _Key(Signer):
    def __init__(self, key: KeySigner, certificate: bytes, chain: Iterable[bytes]):
        store = SimpleCertificateStore()
        store.register_multiple(x509.Certificate.load(one) for one in chain)
        super().__init__(
            signing_cert=x509.Certificate.load(certificate), cert_registry=store
        )
        self._key = key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        return bytes(512) if dry_run else self._key.sign(data)


class _Authority(TimeStamper):
    """Asks one of our authorities, whose clock stands still."""

    _authority: TimeStampAuthority

    @classmethod
    def asking(cls, authority: TimeAuthority, at: datetime) -> _Authority:
        made = cls()
        made._authority = authority.at(at, digests=frozenset(Digest))
        return made

    async def async_request_tsa_response(
        self, req: tsp.TimeStampReq
    ) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._authority.answer(req.dump()))


def context(
    at: datetime,
    roots: Iterable[bytes],
    certificates: Iterable[bytes] = (),
    crls: Iterable[bytes] = (),
) -> ValidationContext:
    """What pyHanko validates with: nothing is fetched, and any algorithm does."""
    rule = RevocationCheckingRule.CHECK_IF_DECLARED
    return ValidationContext(
        trust_roots=[x509.Certificate.load(one) for one in roots],
        other_certs=[x509.Certificate.load(one) for one in certificates],
        crls=[crl.CertificateList.load(one) for one in crls],
        moment=at,
        best_signature_time=at,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, rule)),
        algorithm_usage_policy=AcceptAllAlgorithms(),
    )


def signed_by_pyhanko(
    pdf: bytes,
    key: KeySigner,
    certificate: bytes,
    chain: Iterable[bytes],
    *,
    authority: TimeAuthority | None = None,
    at: datetime,
    validation: ValidationContext | None = None,
    archived: bool = False,
    certify: bool = False,
    pades: bool = True,
) -> bytes:
    """A PDF with pyHanko's signature, of any level."""
    assert key.suite.digest is not None
    stamper = None if authority is None else _Authority.asking(authority, at)
    metadata: Any = PdfSignatureMetadata(
        field_name="Signature",
        md_algorithm=key.suite.digest.value,
        subfilter=(
            SigSeedSubFilter.PADES if pades else SigSeedSubFilter.ADOBE_PKCS7_DETACHED
        ),
        validation_context=validation,
        embed_validation_info=validation is not None,
        use_pades_lta=archived,
        certify=certify,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    signer = PdfSigner(metadata, _Key(key, certificate, chain), timestamper=stamper)
    signed = signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)))
    return bytes(signed.getbuffer())
