"""Signed documents judged in one process, beside two bare verifications.

One verdict is: the document read, its signature checked, the certificate parsed, a path
to its authority built and validated (RFC 5280 section 6), the serial number looked up
in the authority's CRL, and the citizen's four items read. Every document is another
citizen's, with another key. The authority's certificate and CRL were seen before, as
they are in all but the first of a verifier's verdicts. The limit is the check of two
signatures, the document's and the certificate's, and nothing else. Rates are for each
second of computing.

The PDFs are of 100 kB and 200 objects. pyHanko is given the same PDFs, the same
authority, and a CRL that it has parsed before; its list is short, because its time
grows with the list's length, and ours does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO
from random import Random
from typing import Final

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from benchmarks.figures import Figure, Target
from benchmarks.issue_work import NOT_BEFORE, Work
from benchmarks.timing import alternating, cpu_seconds
from benchmarks.verify_work import crl_of
from jpki.documents.cms import sign_detached
from jpki.documents.kinds import check_document
from jpki.documents.pdf.sign import sign_pdf
from jpki.keys.memory import generate_key
from jpki.model.suites import suite
from jpki.verify import (
    AcceptAnyAlgorithm,
    AtHand,
    Memory,
    Pool,
    TrustAnchor,
    Valid,
    VerificationPolicy,
    Verifier,
)
from jpki.verify.crls import RevocationList
from jpki.x509.parse import parse_certificate, parse_crl
from jpki.x509.signatures import verify_signature

__all__ = ["run"]

_AT: Final = NOT_BEFORE + timedelta(days=2)
_SUITES: Final = ("rsa2048-sha256", "p256-sha256")
_CMS: Final = 0.4
"""Of the rate of two bare verifications; agreed for RSA-2048, the cards of today."""
_FEW: Final = 1_000
_MANY: Final = 1_000_000
_CONTENT: Final = "転居届\r\n".encode()
_OCTETS: Final = 100_000
_OBJECTS: Final = 200


def run(quick: bool) -> Sequence[Figure]:
    """Judge CMS signatures of each kind of key, and PDFs beside pyHanko."""
    count, rounds, many = (16, 5, 20_000) if quick else (100, 20, _MANY)
    figures: list[Figure] = []
    for suite_id in _SUITES:
        judged = _Documents(suite_id, count, many)
        figures.append(judged.cms(rounds, suite_id))
    judged = _Documents(_SUITES[0], count, _FEW)
    return [*figures, judged.pdf(rounds)]


class _Documents:
    """Citizens with keys of their own, and the portal that judges what they sign."""

    def __init__(self, suite_id: str, count: int, revoked: int) -> None:
        chance = Random(suite_id)
        self._keys = [generate_key(suite(suite_id)) for _ in range(count)]
        public = [key.public_key for key in self._keys]
        work = Work(suite_id, count, chance, public)
        self._certificates = work.issue_all()
        self._authority = work.authority()
        self._crl = crl_of(work, revoked)
        anchor = TrustAnchor.of(parse_certificate(self._authority))
        policies = parse_certificate(self._certificates[0]).policies
        assert policies is not None
        policy = VerificationPolicy(
            anchors=(anchor,),
            policies=frozenset(each.oid for each in policies),
            algorithms=AcceptAnyAlgorithm(),
        )
        self._policy = policy
        self._pool = Pool((), [RevocationList(parse_crl(self._crl))])
        self._issuer_key = anchor.public_key
        self._signed_at: datetime = _AT - timedelta(hours=1)

    def cms(self, rounds: int, suite_id: str) -> Figure:
        """Detached signatures with the signer's certificate inside."""
        documents = [
            sign_detached(_CONTENT, certificate, key, self._signed_at)
            for certificate, key in zip(self._certificates, self._keys, strict=True)
        ]

        limit, value = self._rates(documents, _CONTENT, rounds)
        target = Target("at least", _CMS, of_limit=True)
        return Figure(
            name=f"CMS signature and certificate, {suite_id}",
            value=value,
            unit="1/s",
            limit=limit,
            target=target if suite_id == _SUITES[0] else None,
        )

    def pdf(self, rounds: int) -> Figure:
        """PAdES-B-B over a form."""
        form = _form(Random(_OCTETS))
        documents = [
            sign_pdf(form, certificate, key, self._signed_at)
            for certificate, key in zip(self._certificates, self._keys, strict=True)
        ]

        limit, value = self._rates(documents, None, rounds)
        began = cpu_seconds()
        few = documents[: max(3, len(documents) // 10)]
        for document in few:
            self._pyhanko(document)
        peer = len(few) / (cpu_seconds() - began)
        return Figure(
            name=f"PDF of {_OCTETS // 1000} kB, {_SUITES[0]}",
            value=value,
            unit="1/s",
            limit=limit,
            peers={"pyHanko": peer},
        )

    def _rates(
        self,
        documents: Sequence[bytes],
        content: bytes | None,
        rounds: int,
    ) -> tuple[float, float]:
        checked = [check_document(each, content) for each in documents]
        parsed = [parse_certificate(each.certificate) for each in checked]
        message = bytes(300)
        made = [key.sign(message) for key in self._keys]

        def bare() -> None:
            for certificate, signature, one in zip(parsed, made, checked, strict=True):
                assert verify_signature(
                    certificate.public_key, one.algorithm, signature, message
                )
                assert verify_signature(
                    self._issuer_key,
                    certificate.signature_algorithm,
                    certificate.signature,
                    certificate.tbs,
                )

        # So few that a certificate's signature is forgotten before its next turn.
        memory = Memory(capacity=len(documents) // 2)
        verifier = Verifier(self._policy, AtHand(self._pool), memory)

        def judge() -> None:
            checked = 0
            for document in documents:
                outcome = verifier.verify(document, content, _AT)
                assert isinstance(outcome, Valid), outcome.reason
                checked += outcome.work.signatures
            assert checked >= len(documents)

        judge()
        seconds = alternating({"bare": bare, "jpki": judge}, rounds, cpu_seconds)
        return len(documents) / seconds["bare"], len(documents) / seconds["jpki"]

    def _pyhanko(self, document: bytes) -> None:
        context = ValidationContext(
            trust_roots=[asn1_x509.Certificate.load(self._authority)],
            crls=[asn1_crl.CertificateList.load(self._crl)],
            moment=_AT,
            best_signature_time=_AT,
            revocation_mode="require",
            allow_fetching=False,
        )
        reader = PdfFileReader(BytesIO(document))
        logging.disable(logging.WARNING)
        try:
            status = asyncio.run(
                async_validate_pdf_signature(
                    reader.embedded_regular_signatures[0],
                    context,
                    key_usage_settings=KeyUsageConstraints(
                        key_usage={"non_repudiation"}
                    ),
                )
            )
        finally:
            logging.disable(logging.NOTSET)
        assert status.bottom_line, status.pretty_print_details()


def _form(chance: Random) -> bytes:
    """One page with a picture on it, and as many other objects as forms have."""
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
    }
    for number in range(5, _OBJECTS):
        objects[number] = b"<< /Type /Font /Subtype /Type1 /BaseFont /F%d >>" % number
    rest = _OCTETS - 20_000 - 110 * _OBJECTS
    drawn = chance.randbytes(rest)
    objects[4] = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn)
    written, table = b"%PDF-1.7\n", b"0000000000 65535 f \n"
    for number in range(1, _OBJECTS):
        table += b"%010d 00000 n \n" % len(written)
        written += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    end = b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n"
    written_end = end % (_OBJECTS, len(written))
    return written + b"xref\n0 %d\n" % _OBJECTS + table + written_end
