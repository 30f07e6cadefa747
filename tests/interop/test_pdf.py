"""Poppler, pyHanko and OpenSSL judge the PDFs that we sign, and we judge pyHanko's."""

from __future__ import annotations

import asyncio
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import (
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import SignatureCoverageLevel

from jpki.documents.pdf.check import check_pdf
from jpki.documents.pdf.file import PdfFile
from jpki.documents.pdf.objects import Stream
from jpki.documents.pdf.sign import (
    Appearance,
    add_timestamp,
    add_validation_data,
    sign_pdf,
)
from jpki.documents.pdf.signatures import form_fields, signatures
from jpki.documents.signature import Enclosed
from jpki.verify import AtHand, Valid, Verifier
from tests.support.openssl_cms import openssl_accepts
from tests.support.pdf_signers import context, signed_by_pyhanko
from tests.support.pdfs import build, signed_page, stamping
from tests.support.reference_pki import FOUNDED, ReferencePKI, reference_pki
from tests.support.time_authority import TimeAuthority, time_authority
from tests.support.verification import accepting, evidence, moment

ERAS = [era for era in FOUNDED if era != "post-quantum"]
"""The others do not know ML-DSA."""
LEVELS = ["B-B", "B-T", "B-LT", "B-LTA"]


@pytest.fixture(params=ERAS)
def pki(request: pytest.FixtureRequest) -> ReferencePKI:
    """The PKI of each era."""
    return reference_pki(request.param)


def _authority(pki: ReferencePKI) -> TimeAuthority:
    return time_authority(pki.at)


def _crls(pki: ReferencePKI) -> tuple[bytes, ...]:
    return pki.crl(pki.a), _authority(pki).crl(pki.at)


def _ours(pki: ReferencePKI, level: str) -> bytes:
    stamp = stamping(_authority(pki), moment(pki))
    pdf = signed_page(pki, stamp=None if level == "B-B" else stamp)
    if level in ("B-LT", "B-LTA"):
        held = (pki.certificates["a"], _authority(pki).root)
        pdf = add_validation_data(pdf, Enclosed(certificates=held, crls=_crls(pki)))
    return add_timestamp(pdf, stamp) if level == "B-LTA" else pdf


def _poppler(folder: Path, pdf: bytes) -> str:
    (folder / "signed.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdfsig", "-nocert", "signed.pdf"], cwd=folder, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.needs("pdfsig")
@pytest.mark.parametrize("level", LEVELS)
def test_poppler_finds_every_level_valid(
    tmp_path: Path, pki: ReferencePKI, level: str
) -> None:
    """Document timestamps it shows, and does not judge; a changed octet it notices."""
    pdf = _ours(pki, level)
    said = _poppler(tmp_path, pdf)
    assert said.count("Signature is Valid.") == 1, said
    assert "ETSI.CAdES.detached" in said
    assert ("Signature #2" in said) == (level == "B-LTA")
    assert ("Not total document signed" in said) == (level in ("B-LT", "B-LTA"))
    changed = _poppler(tmp_path, pdf.replace(b"1000 yen", b"9000 yen"))
    assert "Signature is Valid." not in changed


@pytest.mark.parametrize("level", LEVELS)
def test_pyhanko_finds_every_level_valid(pki: ReferencePKI, level: str) -> None:
    """By its own validation; what was added is long-term data to it, too."""
    reader = PdfFileReader(BytesIO(_ours(pki, level)))
    validation = context(
        moment(pki), [pki.certificates["a"], _authority(pki).root], crls=_crls(pki)
    )
    status = asyncio.run(
        async_validate_pdf_signature(
            reader.embedded_regular_signatures[0],
            validation,
            key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
        )
    )
    assert status.intact and status.valid and status.trusted, status.summary()
    assert status.bottom_line, status.pretty_print_details()
    assert (status.timestamp_validity is not None) == (level != "B-B")
    if level in ("B-B", "B-T"):
        assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    else:
        assert status.coverage is SignatureCoverageLevel.ENTIRE_REVISION
        assert status.modification_level is ModificationLevel.LTA_UPDATES
    for stamp in reader.embedded_timestamp_signatures:
        held = asyncio.run(async_validate_pdf_timestamp(stamp, validation))
        assert held.intact and held.valid and held.trusted


@pytest.mark.needs("openssl")
def test_openssl_finds_the_cms_inside_good(tmp_path: Path, pki: ReferencePKI) -> None:
    """It is CAdES, over all octets but its own."""
    pdf = _ours(pki, "B-T")
    (signature,) = signatures(PdfFile(pdf))
    covered = signature.covered(pdf)
    certificate = pki.certificates["signature"]
    assert openssl_accepts(tmp_path, signature.contents, covered, certificate)
    assert not openssl_accepts(
        tmp_path, signature.contents, covered + b" ", certificate
    )


@pytest.mark.parametrize("level", LEVELS)
def test_what_pyhanko_signs_is_valid(pki: ReferencePKI, level: str) -> None:
    """Every level, as an approval and as a certification."""
    authority = _authority(pki)
    roots = [pki.certificates["a"], authority.root]
    for certify in (False, True):
        pdf = signed_by_pyhanko(
            build(),
            pki.keys["signature"],
            pki.certificates["signature"],
            [pki.certificates["a"]],
            authority=None if level == "B-B" else authority,
            at=moment(pki),
            validation=(
                context(moment(pki), roots, crls=_crls(pki))
                if level in ("B-LT", "B-LTA")
                else None
            ),
            archived=level == "B-LTA",
            certify=certify,
        )
        checked = check_pdf(pdf)
        assert checked.notes == ()
        assert len(checked.timestamps) == LEVELS.index(level) - (level == "B-LT") - (
            level == "B-LTA"
        )
        policy = accepting(pki)
        verdict = Verifier(policy, AtHand(evidence(pki))).verify(pdf, None, moment(pki))
        assert isinstance(verdict, Valid), verdict.reason


def test_files_of_other_shapes(pki: ReferencePKI) -> None:
    """With cross-reference streams and object streams; and the older subfilter."""
    reader = PdfFileReader(BytesIO(build()))
    writer = copy_into_new_writer(reader, writer_kwargs={"stream_xrefs": True})
    written = BytesIO()
    writer.write(written)
    assert b"/XRef" in written.getvalue()
    data = Enclosed(certificates=(pki.certificates["a"],), crls=_crls(pki))
    for pades in (True, False):
        pdf = signed_by_pyhanko(
            written.getvalue(),
            pki.keys["signature"],
            pki.certificates["signature"],
            [],
            at=moment(pki),
            pades=pades,
        )
        stamp = stamping(_authority(pki), moment(pki))
        stamped = add_timestamp(add_validation_data(pdf, data), stamp)
        assert len(check_pdf(stamped).timestamps) == 1
    roots = [pki.certificates["a"], _authority(pki).root]
    archived = signed_by_pyhanko(
        written.getvalue(),
        pki.keys["signature"],
        pki.certificates["signature"],
        [pki.certificates["a"]],
        authority=_authority(pki),
        at=moment(pki),
        validation=context(moment(pki), roots, crls=_crls(pki)),
        archived=True,
    )
    assert len(check_pdf(archived).timestamps) == 2


def _kept(pki: ReferencePKI, pdf: bytes) -> None:
    """Signed and kept to the highest level, over a PDF of somebody else's program."""
    stamp = stamping(_authority(pki), moment(pki))
    data = Enclosed(certificates=(pki.certificates["a"],), crls=_crls(pki))
    signed = signed_page(pki, pdf, stamp)
    stamped = add_timestamp(add_validation_data(signed, data), stamp)
    checked = check_pdf(stamped)
    assert len(checked.timestamps) == 2
    assert checked.notes == ()


@pytest.mark.needs("pdfsig")
def test_a_pdf_that_cairo_writes(tmp_path: Path) -> None:
    """It has object streams, a trailer and names of its own."""
    (tmp_path / "form.pdf").write_bytes(build())
    command = ["pdftocairo", "-pdf", "form.pdf", "made.pdf"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    _kept(reference_pki("jlis"), (tmp_path / "made.pdf").read_bytes())


@pytest.mark.slow
@pytest.mark.needs("chromium")
def test_a_pdf_that_a_browser_prints(tmp_path: Path) -> None:
    """Chromium's, with Japanese text, tags and fonts in it."""
    page = "<title>申請書</title><h1>住民票の写しの交付申請</h1><p>髙橋　花子</p>"
    (tmp_path / "page.html").write_text(page, "utf-8")
    subprocess.run(
        [
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
            *(f"--user-data-dir={tmp_path}", "--print-to-pdf=made.pdf", "page.html"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    _kept(reference_pki("jlis"), (tmp_path / "made.pdf").read_bytes())


@pytest.mark.needs("pdfsig")
def test_a_signature_may_be_seen(tmp_path: Path) -> None:
    """On the page, in Japanese; poppler finds it valid."""
    pki = reference_pki("jlis")
    pdf = sign_pdf(
        build(),
        pki.certificates["signature"],
        pki.keys["signature"],
        moment(pki),
        appearance=Appearance(
            box=(72, 500, 320, 560), lines=("電子署名", "髙橋　花子", "2015-10-20")
        ),
    )
    assert "Signature is Valid." in _poppler(tmp_path, pdf)
    assert check_pdf(pdf).certificate == pki.certificates["signature"]
    file = PdfFile(pdf)
    (widget,) = (field for field, kind in form_fields(file.view()) if kind == "Sig")
    appearance = widget["AP"]
    assert isinstance(appearance, dict)
    drawn = file.view().resolved(appearance["N"])
    assert isinstance(drawn, Stream)
    for line in ("電子署名", "髙橋　花子"):
        assert line.encode("utf-16-be").hex().encode("ascii") in drawn.data
