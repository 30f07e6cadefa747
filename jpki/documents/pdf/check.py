"""The one signature on a PDF, checked: which certificate's key made it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from jpki.documents.cms_check import check_cms
from jpki.documents.pdf.additions import check_additions
from jpki.documents.pdf.file import PdfFile, View
from jpki.documents.pdf.objects import Object, Ref, Stream
from jpki.documents.pdf.signatures import PdfSignature, catalog, signatures
from jpki.documents.signature import (
    CheckedSignature,
    Content,
    Enclosed,
    Kind,
    Timestamp,
)
from jpki.documents.timestamps import read_token
from jpki.errors import DocumentError, DocumentFault, EncodingError

__all__ = ["check_pdf"]

MAX_VALIDATION_DATA: Final = 512
"""Certificates, lists and answers in `/DSS`, of each kind."""
_ACCEPTED: Final = frozenset({"adbe.pkcs7.detached", "ETSI.CAdES.detached"})
_DATE: Final = re.compile(
    rb"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:Z|([+-])(\d\d)'?(\d\d)'?)(?:\d\d'?\d\d'?)?"
)


def check_pdf(document: bytes, content: Content = None) -> CheckedSignature:
    """Check the signature of the one person who signed a PDF.

    What was added after it is harmless (`check_additions`), or the PDF is refused.

    Raises:
        DocumentError: not one signer, or the signature is not over all that is read.
        EncodingError: the CMS is not DER of this structure.
    """
    if content is not None:
        raise DocumentError("what a PDF's signature is over is inside the PDF")
    file = PdfFile(document)
    found = signatures(file)
    people = [each for each in found if not each.is_timestamp]
    if len(people) != 1:
        raise DocumentError(
            f"{len(people)} signatures in the PDF",
            fault=DocumentFault.SEVERAL_SIGNERS if people else DocumentFault.NO_SIGNER,
        )
    (signature,) = people
    form = signature.value.get("SubFilter")
    if form not in _ACCEPTED:
        raise DocumentError(
            f"a signature of the form {form!r}", fault=DocumentFault.UNSUPPORTED
        )
    check_additions(file, signature.sections, signature.end)
    checked = check_cms(signature.contents, signature.covered(document))
    enclosed = _enclosed(checked.enclosed, file.view())
    stamps, notes = list(checked.timestamps), list(checked.notes)
    for each in found:
        # What was stamped before it was signed says nothing about the signature.
        if each.is_timestamp and each.sections > signature.sections:
            try:
                stamps.append(_stamp(each, document, enclosed))
            except (DocumentError, EncodingError) as error:
                notes.append(f"a document timestamp proves nothing: {error.message}")
    return replace(
        checked,
        kind=Kind.PDF,
        claimed_at=checked.claimed_at or _claimed(signature),
        enclosed=enclosed,
        timestamps=tuple(stamps),
        notes=tuple(notes),
    )


def _stamp(found: PdfSignature, document: bytes, enclosed: Enclosed) -> Timestamp:
    """A document timestamp is over what a signature in its place would be over."""
    covered = found.covered(document)
    return read_token(found.contents, covered, enclosed.certificates)


def _claimed(signature: PdfSignature) -> datetime | None:
    """`/M` (7.9.4), where it says its zone."""
    written = signature.value.get("M")
    found = _DATE.fullmatch(written) if isinstance(written, bytes) else None
    if found is None:
        return None
    zone = timedelta(hours=int(found.group(8) or 0), minutes=int(found.group(9) or 0))
    try:
        offset = timezone(-zone if found.group(7) == b"-" else zone)
        parts = [int(found.group(part)) for part in range(1, 7)]
        year, month, day, hour, minute, second = parts
        local = datetime(year, month, day, hour, minute, second, tzinfo=offset)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _enclosed(own: Enclosed, view: View) -> Enclosed:
    """What is in the CMS, and in `/DSS` as it is now (ETSI EN 319 142-1 5.4.2.2)."""
    store = view.resolved(catalog(view)[1].get("DSS"))
    if not isinstance(store, dict):
        return own
    return Enclosed(
        certificates=own.certificates + _octets(view, store.get("Certs")),
        crls=own.crls + _octets(view, store.get("CRLs")),
        ocsp_responses=own.ocsp_responses + _octets(view, store.get("OCSPs")),
    )


def _octets(view: View, value: Object) -> tuple[bytes, ...]:
    listed = view.array(value, "a list in /DSS")
    if len(listed) > MAX_VALIDATION_DATA:
        raise DocumentError("a PDF with too much validation data")
    found: list[bytes] = []
    for ref in listed:
        stream = view.get(ref) if isinstance(ref, Ref) else None
        if not isinstance(stream, Stream):
            raise DocumentError("not a PDF: validation data that is no stream")
        found.append(view.file.decoded(stream))
    return tuple(found)
