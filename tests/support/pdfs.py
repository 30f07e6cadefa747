"""PDFs for tests: written from objects, added to as an attacker would, and signed.

python -m tests.support.pdfs MODULE SLOT PIN SOURCE TARGET signs one through a PKCS #11
module, by pyHanko.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from jpki.documents.cades_levels import MakeToken
from jpki.documents.pdf.sign import sign_pdf
from tests.support.long_term import token_over
from tests.support.reference_pki import ReferencePKI
from tests.support.time_authority import TimeAuthority
from tests.support.verification import moment

__all__ = [
    "APPLICATION",
    "append",
    "append_signed",
    "build",
    "last_xref",
    "next_number",
    "object_of",
    "signed_page",
    "stamping",
    "stream",
    "write_empty_page",
]


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """The body of a stream object."""
    head = b"<< /Length %d %s >>" % (len(data), entries)
    return head + b"\nstream\n" + data + b"\nendstream"


APPLICATION: Final[Mapping[int, bytes]] = {
    1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R >>",
    2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
    b"/Resources << /Font << /F1 5 0 R >> >> >>",
    4: stream(b"BT /F1 12 Tf 72 720 Td (Transfer 1000 yen) Tj ET"),
    5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    6: b"<< /Fields [7 0 R] /DA (/F1 12 Tf 0 g) /DR << /Font << /F1 5 0 R >> >> >>",
    7: b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (1000) "
    b"/Rect [100 600 200 620] /P 3 0 R >>",
    8: b"<< /Title (Application) /ModDate (D:20151020000000Z) >>",
}
"""One page with a text and a form; 1 is the catalog, 8 the information on it."""


def build(
    objects: Mapping[int, bytes] = APPLICATION, trailer: bytes = b"/Info 8 0 R"
) -> bytes:
    """A PDF with a cross-reference table."""
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + _update(15, objects, trailer, None)


def append(
    pdf: bytes,
    objects: Mapping[int, bytes],
    trailer: bytes = b"/Info 8 0 R",
    *,
    places: Mapping[int, int] | None = None,
    free: tuple[int, ...] = (),
) -> bytes:
    """The PDF with an incremental update.

    Args:
        places: objects that are to be found at these octets of what is there.
        free: numbers of objects that are no longer there.
    """
    return pdf + _update(len(pdf), objects, trailer, last_xref(pdf), places or {}, free)


def _update(
    begin: int,
    objects: Mapping[int, bytes],
    trailer: bytes,
    previous: int | None,
    places: Mapping[int, int] | None = None,
    free: tuple[int, ...] = (),
) -> bytes:
    written, offsets = b"", dict(places or {})
    for number, body in objects.items():
        offsets[number] = begin + len(written)
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 1\n0000000000 65535 f \n"
    for number, offset in sorted(offsets.items()):
        table += b"%d 1\n%010d 00000 n \n" % (number, offset)
    for number in free:
        table += b"%d 1\n0000000000 00001 f \n" % number
    size = 60 if previous is None else 500
    more = b"" if b"/Size" in trailer else b"/Size %d " % size
    if previous is not None:
        more += b"/Prev %d " % previous
    start = begin + len(written)
    head = b"trailer\n<< /Root 1 0 R %s%s >>\n" % (more, trailer)
    return written + table + head + b"startxref\n%d\n%%%%EOF\n" % start


def append_signed(
    pdf: bytes, objects: Mapping[int, bytes], make: MakeToken, room: int = 8000
) -> bytes:
    """The PDF with an update that holds a signature over everything: `SIGNED` in one of
    the objects is where its range and its value are put."""
    marked = {
        number: body.replace(
            b"SIGNED",
            b"/ByteRange [0 %010d %010d %010d]" % (0, 0, 0)
            + b"/Contents <%s>" % (b"00" * room),
        )
        for number, body in objects.items()
    }
    written = append(pdf, marked)
    begin = written.index(b"<00000000", len(pdf))
    stop = written.index(b">", begin) + 1
    empty = b"[0 %010d %010d %010d]" % (0, 0, 0)
    full = b"[0 %010d %010d %010d]" % (begin, stop, len(written) - stop)
    written = written.replace(empty, full)
    value = make(written[:begin] + written[stop:]).hex().encode("ascii")
    filled = value.ljust(2 * room, b"0")
    return written[: begin + 1] + filled + written[stop - 1 :]


def last_xref(pdf: bytes) -> int:
    """What the last `startxref` says."""
    return int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])


def object_of(pdf: bytes, number: int) -> bytes:
    """The body of an object, as the last update has it."""
    found = re.findall(rb"(?s)\b%d 0 obj\n(.*?)\nendobj" % number, pdf)
    body = found[-1]
    assert isinstance(body, bytes)
    return body


def next_number(pdf: bytes) -> int:
    """A number that no object has."""
    return max(int(number) for number in re.findall(rb"\b(\d{1,9}) 0 obj", pdf)) + 1


def signed_page(
    pki: ReferencePKI, pdf: bytes | None = None, stamp: MakeToken | None = None
) -> bytes:
    """The resident's signature on the application, or on another PDF."""
    return sign_pdf(
        build() if pdf is None else pdf,
        pki.certificates["signature"],
        pki.keys["signature"],
        moment(pki),
        stamp=stamp,
    )


def stamping(authority: TimeAuthority, at: datetime) -> MakeToken:
    """Asks the authority at this instant."""
    return lambda octets: token_over(octets, authority, at)


def write_empty_page(path: Path) -> None:
    """A4."""
    path.write_bytes(build({**APPLICATION, 4: stream(b"")}))


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
