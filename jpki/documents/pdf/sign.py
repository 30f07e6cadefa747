"""Signing PDFs: PAdES-B-B to B-LTA (ETSI EN 319 142-1 section 6), through pyHanko.

pyHanko writes the PDF, we write the CMS in it, and the signer, a card perhaps, makes
the signature. Each level is one step, so that what it needs can come from anywhere:

    signed = sign_pdf(pdf, certificate, signer, at, stamp=stamp)   # B-B, or B-T
    kept = add_validation_data(signed, enclosed)                   # B-LT
    archived = add_timestamp(kept, stamp)                          # B-LTA

What is made is checked before it is handed out. Needs the extra `pdf`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import PdfSignedData

from jpki.documents import cades_levels
from jpki.documents.cades_levels import MakeToken, signature_value
from jpki.documents.cms import sign_detached
from jpki.documents.pdf.appearance import Appearance, appearance_of
from jpki.documents.pdf.check import check_pdf
from jpki.documents.pdf.file import PdfFile
from jpki.documents.pdf.signatures import form_fields, signatures
from jpki.documents.signature import Enclosed
from jpki.errors import DocumentError, DocumentFault, JpkiError
from jpki.model.ports import Signer

__all__ = ["Appearance", "add_timestamp", "add_validation_data", "sign_pdf"]

_OVERHEAD: Final = 8 << 10
"""Octets of a CMS beside the certificates; an ML-DSA-87 signature takes 4,627."""
_TOKEN: Final = 12 << 10
"""Octets kept for a time-stamp token: its authority's certificates are in it."""


class _Writer(IncrementalPdfFileWriter):
    """Appends to a PDF what is put in, and nothing that time or chance decide."""

    def _update_meta(self) -> None:
        """Leave it as it is: the signature says when."""

    @classmethod
    def _handle_id(cls, prev: PdfFileReader) -> generic.ArrayObject:
        """14.4: the file's first identity stays, the second follows from the file."""
        prev.stream.seek(0)
        second = generic.ByteStringObject(sha256(prev.stream.read()).digest()[:16])
        first = prev.trailer["/ID"][0] if "/ID" in prev.trailer else second
        if isinstance(first, generic.TextStringObject):
            first = generic.ByteStringObject(first.original_bytes)
        return generic.ArrayObject([first, second])


def sign_pdf(
    pdf: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime,
    *,
    chain: Sequence[bytes] = (),
    stamp: MakeToken | None = None,
    appearance: Appearance | None = None,
) -> bytes:
    """The PDF with a signature; what was there stays as it is.

    Args:
        certificate: the signer's own, DER.
        at: the signer's claim of when.
        chain: further certificates that help the verifier, DER each.
        stamp: has the signature time-stamped at once (B-T).
        appearance: where the signature shows on a page; None: it does not.

    Raises:
        DocumentError: the PDF cannot be signed, or somebody signed it before; or the
            certificate is another key's.
        EncodingError: a certificate cannot be read.
    """
    if any(not each.is_timestamp for each in signatures(PdfFile(pdf))):
        raise DocumentError(
            "the PDF is signed already", fault=DocumentFault.SEVERAL_SIGNERS
        )

    def make(covered: bytes) -> bytes:
        cms = sign_detached(covered, certificate, signer, None, chain)
        if stamp is None:
            return cms
        return cades_levels.add_timestamp(cms, stamp(signature_value(cms)))

    room = _OVERHEAD + len(certificate) + sum(map(len, chain))
    room += 0 if stamp is None else _TOKEN
    placeholder = PdfSignedData(
        obj_type=pdf_name("/Sig"),
        subfilter=SigSeedSubFilter.PADES,
        timestamp=at,
        bytes_reserved=2 * room,
    )
    signed = _embed(pdf, "Signature", placeholder, make, appearance)
    check_pdf(signed)
    return signed


def add_validation_data(pdf: bytes, enclosed: Enclosed) -> bytes:
    """The PDF with what its verifier needs (`/DSS`, EN 319 142-1 5.4.2).

    Raises:
        DocumentError: nothing can be added to it.
    """
    check_pdf(pdf)
    writer = _writer(pdf)
    try:
        if "/DSS" in writer.root:
            store = writer.root["/DSS"]
        else:
            store = generic.DictionaryObject({pdf_name("/Type"): pdf_name("/DSS")})
            writer.root["/DSS"] = writer.add_object(store)
            writer.mark_update(writer.root_ref)
        for key, items in (
            ("/Certs", enclosed.certificates),
            ("/CRLs", enclosed.crls),
            ("/OCSPs", enclosed.ocsp_responses),
        ):
            _put(writer, store, key, items)
        output = BytesIO()
        IncrementalPdfFileWriter.write(writer, output)
    except Exception as error:
        raise _cannot(error) from error
    extended = output.getvalue()
    check_pdf(extended)
    return extended


def _put(
    writer: _Writer,
    store: generic.DictionaryObject,
    key: str,
    items: Sequence[bytes],
) -> None:
    listed = store[key] if key in store else generic.ArrayObject()
    known = {stream.get_object().data for stream in listed}
    for item in items:
        if item not in known:
            known.add(item)
            stream = generic.StreamObject(stream_data=item)
            stream.compress()
            listed.append(writer.add_object(stream))
    if listed:
        store[key] = listed
        writer.update_container(listed)
        writer.update_container(store)


def add_timestamp(pdf: bytes, stamp: MakeToken) -> bytes:
    """The PDF with a document timestamp over all of it (EN 319 142-1 5.4.3).

    Raises:
        DocumentError: nothing can be added to it, or the token is no good.
    """
    check_pdf(pdf)
    placeholder = PdfSignedData(
        obj_type=pdf_name("/DocTimeStamp"),
        subfilter=SigSeedSubFilter.ETSI_RFC3161,
        bytes_reserved=2 * _TOKEN,
    )
    stamped = _embed(pdf, "Timestamp", placeholder, stamp, None)
    check_pdf(stamped)
    return stamped


def _embed(
    pdf: bytes,
    name: str,
    placeholder: PdfSignedData,
    make: Callable[[bytes], bytes],
    appearance: Appearance | None,
) -> bytes:
    """Append a signature field with its value, and have that made."""
    free = _free_name(pdf, name)
    box = None if appearance is None else appearance.box
    page = 0 if appearance is None else appearance.page
    field = SigFieldSpec(free, on_page=page, box=box)
    writer = _writer(pdf)
    try:
        steps = PdfCMSEmbedder(new_field_spec=field).write_cms(free, writer)
        widget = next(steps).get_object()
        if appearance is not None:
            drawn = writer.add_object(appearance_of(appearance))
            widget["/AP"] = generic.DictionaryObject({pdf_name("/N"): drawn})
        steps.send(SigObjSetup(sig_placeholder=placeholder))
        # The digest that it makes is not used: the CMS hashes for itself.
        prepared, output = steps.send(SigIOSetup(md_algorithm="sha256"))
    except Exception as error:
        raise _cannot(error) from error
    written = output.getvalue()
    begin, stop = prepared.reserved_region_start, prepared.reserved_region_end
    value = make(written[:begin] + written[stop:])
    digits = value.hex().encode("ascii")
    room = stop - begin - 2
    if len(digits) > room:
        raise DocumentError(f"a signature of {len(value)} octets, {room // 2} are kept")
    return bytes(written[: begin + 1] + digits.ljust(room, b"0") + written[stop - 1 :])


def _writer(pdf: bytes) -> _Writer:
    try:
        return _Writer(BytesIO(pdf))
    except Exception as error:
        raise _cannot(error) from error


def _cannot(error: Exception) -> JpkiError:
    """pyHanko raises what its parsers came upon, of many kinds."""
    if isinstance(error, JpkiError):
        return error
    return DocumentError(f"this PDF cannot be added to: {error}")


def _free_name(pdf: bytes, name: str) -> str:
    taken = {fields.get("T") for fields, _ in form_fields(PdfFile(pdf).view())}
    names = (name, *(f"{name}{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each.encode("ascii") not in taken)
