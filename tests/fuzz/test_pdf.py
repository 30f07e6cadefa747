"""Damaged PDFs: refused with an error of ours, or as they were signed.

At random, and by number: each number that stands in a file is made another.
"""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from typing import Final

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from jpki.documents.kinds import check_document
from jpki.documents.pdf.file import PdfFile
from jpki.documents.pdf.sign import add_timestamp, add_validation_data
from jpki.documents.pdf.signatures import signatures
from jpki.documents.signature import Enclosed
from jpki.errors import DocumentError, EncodingError
from tests.support.fuzzing import run
from tests.support.pdfs import build, signed_page, stamping
from tests.support.reference_pki import reference_pki
from tests.support.time_authority import time_authority
from tests.support.verification import moment

pytestmark = pytest.mark.slow

_SEED: Final = 20261128
_COUNT: Final = 4_000
_NUMBER: Final = re.compile(rb"(?<![0-9A-Fa-f<])\d{1,10}(?![0-9A-Fa-f>])")


@cache
def _samples() -> list[bytes]:
    """Signed, long-term, and of the other shape."""
    pki = reference_pki("jlis")
    stamp = stamping(time_authority(pki.at), moment(pki))
    data = Enclosed(certificates=(pki.certificates["a"],), crls=(pki.crl(pki.a),))
    compact = BytesIO()
    copy_into_new_writer(
        PdfFileReader(BytesIO(build())), writer_kwargs={"stream_xrefs": True}
    ).write(compact)
    signed = [signed_page(pki), signed_page(pki, compact.getvalue())]
    kept = [add_timestamp(add_validation_data(one, data), stamp) for one in signed]
    return [*signed, *kept]


@cache
def _covered() -> frozenset[tuple[bytes, bytes]]:
    """What was signed, and its signature value."""
    found = set()
    for sample in _samples():
        first = signatures(PdfFile(sample))[0]
        found.add((first.covered(sample), check_document(sample).value))
    return frozenset(found)


def _judged(octets: bytes) -> str:
    try:
        checked = check_document(octets)
    except (DocumentError, EncodingError) as error:
        return getattr(error, "fault", "encoding")
    first = signatures(PdfFile(octets))[0]
    assert (first.covered(octets), checked.value) in _covered()
    return "as signed"


def test_damaged_pdfs_are_refused_or_as_they_were() -> None:
    """Whatever is changed, cut off, doubled or put in."""
    words = run(_judged, _samples(), count=_COUNT, seed=_SEED)
    assert words["as signed"] > 0
    assert {"altered", "malformed", "extended", "not-covered"} <= set(words)


@pytest.mark.parametrize("number", [b"0", b"1", b"-1", b"4", b"62", b"4294967296"])
def test_numbers_that_are_others(number: bytes) -> None:
    """Objects, lengths, offsets and ranges that point elsewhere."""
    for sample in _samples():
        for found in _NUMBER.finditer(sample):
            if found.group() != number:
                changed = sample[: found.start()] + number + sample[found.end() :]
                _judged(changed)
                if len(number) <= len(found.group()) and number.isdigit():
                    # All else stays where it is.
                    padded = number.rjust(len(found.group()), b"0")
                    _judged(sample[: found.start()] + padded + sample[found.end() :])
