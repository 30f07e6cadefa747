"""A PDF of one empty page; and signing one through a PKCS #11 module, by pyHanko.

python -m tests.support.pdfs MODULE SLOT PIN SOURCE TARGET
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

__all__ = ["write_empty_page"]


def write_empty_page(path: Path) -> None:
    """A4."""
    writer = PdfFileWriter()
    content = writer.add_object(generic.StreamObject(stream_data=b""))
    size = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 595, 842)])
    writer.insert_page(PageObject(contents=content, media_box=size))
    with path.open("wb") as file:
        writer.write(file)


def _sign_by_module(
    module: str, slot: int, pin: str, source: Path, target: Path
) -> None:
    session = open_pkcs11_session(module, slot_no=slot, user_pin=pin)
    signer = PKCS11Signer(session, cert_id=b"\x02", key_id=b"\x02", bulk_fetch=False)
    metadata = PdfSignatureMetadata(field_name="Signature", md_algorithm="sha256")
    with source.open("rb") as read, target.open("wb") as written:
        signed = PdfSigner(metadata, signer=signer).sign_pdf(
            IncrementalPdfFileWriter(read)
        )
        written.write(signed.getbuffer())


if __name__ == "__main__":
    _sign_by_module(
        sys.argv[1], int(sys.argv[2]), sys.argv[3], *map(Path, sys.argv[4:])
    )
