"""Signed PDFs: believed as they were signed, refused once anything was done to them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from jpki.documents.kinds import check_document
from jpki.documents.pdf.check import check_pdf
from jpki.documents.pdf.sign import add_timestamp, add_validation_data, sign_pdf
from jpki.documents.signature import CheckedSignature, Enclosed, Kind
from jpki.errors import DocumentError, DocumentFault
from tests.support.pdfs import (
    APPLICATION,
    append,
    append_signed,
    build,
    last_xref,
    next_number,
    object_of,
    signed_page,
    stamping,
    stream,
)
from tests.support.reference_pki import FOUNDED, ReferencePKI, reference_pki
from tests.support.time_authority import time_authority
from tests.support.verification import moment

EXTENDED = DocumentFault.EXTENDED
NOT_COVERED = DocumentFault.NOT_COVERED
MALFORMED = DocumentFault.MALFORMED
UNSUPPORTED = DocumentFault.UNSUPPORTED
NO_SIGNER = DocumentFault.NO_SIGNER


@cache
def _pki() -> ReferencePKI:
    return reference_pki("jlis")


@cache
def _signed(*objects: tuple[int, bytes]) -> bytes:
    """The application, signed, with some of its objects otherwise."""
    return signed_page(_pki(), build({**APPLICATION, **dict(objects)}))


def _stamp(octets: bytes) -> bytes:
    return stamping(time_authority(_pki().at), moment(_pki()))(octets)


def _data() -> Enclosed:
    pki = _pki()
    return Enclosed(
        certificates=(pki.certificates["a"], pki.certificates["b"]),
        crls=(pki.crl(pki.a),),
        ocsp_responses=(pki.ocsp(),),
    )


def _fault(pdf: bytes) -> DocumentFault:
    with pytest.raises(DocumentError) as caught:
        check_document(pdf)
    assert isinstance(caught.value.fault, DocumentFault)
    return caught.value.fault


def _signature(pdf: bytes) -> tuple[int, bytes]:
    """Number and body of the signature dictionary."""
    number = int(re.findall(rb"/V (\d+) 0 R", pdf)[-1])
    return number, object_of(pdf, number)


# -- what is believed ------------------------------------------------------------------


@pytest.mark.parametrize("era", FOUNDED)
def test_a_signed_pdf_is_read(era: str) -> None:
    """In every era: whose key signed, and when they say they did."""
    pki = reference_pki(era)
    checked = check_document(signed_page(pki))
    assert isinstance(checked, CheckedSignature)
    assert checked.kind is Kind.PDF
    assert checked.certificate == pki.certificates["signature"]
    assert checked.claimed_at == moment(pki)
    assert checked.timestamps == ()


def test_validation_data_and_timestamps_may_follow() -> None:
    """Again and again; all data are there, and timestamps from the innermost out."""
    pdf = _signed()
    for round_number in range(1, 4):
        pdf = add_validation_data(pdf, _data())
        pdf = add_timestamp(pdf, _stamp)
        checked = check_pdf(pdf)
        assert len(checked.timestamps) == round_number
        assert checked.enclosed.crls == _data().crls
        assert checked.enclosed.ocsp_responses == _data().ocsp_responses
        assert set(checked.enclosed.certificates) >= set(_data().certificates)
    assert checked.notes == ()
    assert checked.value == check_pdf(_signed()).value


def test_what_viewers_may_write_is_no_change() -> None:
    """The date of the last change, and identical objects that need no page."""
    info = b"<< /Title (Application) /ModDate (D:20301020000000Z) /Producer (x) >>"
    assert check_pdf(append(_signed(), {8: info})).value


def _xmp(title: bytes, date: bytes) -> bytes:
    text = b"<x><dc:title>%s</dc:title><xmp:ModifyDate>%s</xmp:ModifyDate></x>"
    return stream(text % (title, date), b"/Type /Metadata /Subtype /XML")


def test_metadata_may_say_when_they_were_changed() -> None:
    """And nothing else: viewers show the title."""
    catalog = APPLICATION[1][:-2] + b"/Metadata 9 0 R >>"
    pdf = _signed((1, catalog), (9, _xmp(b"Application", b"2015")))
    assert check_pdf(append(pdf, {9: _xmp(b"Application", b"2030")})).value
    assert _fault(append(pdf, {9: _xmp(b"Other", b"2030")})) is EXTENDED
    assert _fault(append(pdf, {9: stream(b"", b"/Other 1")})) is EXTENDED
    assert _fault(append(pdf, {9: b"null"})) is EXTENDED


def test_a_timestamp_that_is_wrong_proves_nothing() -> None:
    """It is noted, and the signature stays as good as without it."""
    pdf = add_timestamp(_signed(), _stamp)
    token = pdf.rindex(b"/Contents <") + len(b"/Contents <")
    end = pdf.index(b">", token)
    other = _stamp(b"something else").hex().encode("ascii")
    changed = pdf[:token] + other.ljust(end - token, b"0") + pdf[end:]
    checked = check_pdf(changed)
    assert checked.timestamps == ()
    assert "proves nothing" in checked.notes[0]


def test_a_pdf_that_was_stamped_before_it_was_signed() -> None:
    """The signature is what counts; the timestamp does not speak of it."""
    page = APPLICATION[3][:-2] + b"/Annots [] >>"
    stamped = _field()(build({**APPLICATION, 3: page}))
    assert check_pdf(signed_page(_pki(), stamped)).timestamps == ()


# -- the signature itself --------------------------------------------------------------


def test_any_octet_that_is_changed_is_noticed() -> None:
    """All over the file, but in the place kept for the signature."""
    pdf = _signed()
    begin, stop = (pdf.rindex(mark) for mark in (b"/Contents <", b"00>"))
    positions = {*range(9, begin, 61), *range(stop + 3, len(pdf), 17)}
    for position in positions:
        changed = bytearray(pdf)
        changed[position] ^= 1
        with pytest.raises(DocumentError):
            check_pdf(bytes(changed))


def test_a_changed_text_is_altered() -> None:
    """The amount, say."""
    assert _fault(_signed().replace(b"1000 yen", b"9000 yen")) is DocumentFault.ALTERED


def test_what_is_left_out_is_the_signature_alone() -> None:
    """Zeros fill its place, and nothing else is in it."""
    pdf = _signed()
    end = pdf.rindex(b"00>")
    for filling, fault in (
        (b"41>", MALFORMED),
        (b"0 >", NOT_COVERED),
        (b"0)>", MALFORMED),
        (b">0>", MALFORMED),
    ):
        assert _fault(pdf[:end] + filling + pdf[end + 3 :]) is fault, filling


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (rb"/Contents <\w+>", b"/Contents <>", NO_SIGNER),
        (rb"/Contents <\w+>", b"/Contents <00>", NO_SIGNER),
        (rb"/Contents <\w+>", b"/Contents null", NO_SIGNER),
        (rb"/Contents <\w+>", b"", NO_SIGNER),
        (rb"/ByteRange \[[ \d]+\]", b"", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange null", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange []", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 0 0 0]", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 -1 5 9]", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 9 9 9]", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [1 9 10 9]", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 9 10 9 20 9]", NOT_COVERED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 9 10 1e9]", MALFORMED),
        (rb"/ByteRange \[[ \d]+\]", b"/ByteRange [0 9 10 99999999]", NOT_COVERED),
    ],
)
def test_universal_forgeries_are_refused(
    old: bytes, new: bytes, fault: DocumentFault
) -> None:
    """A signature without value or range is none, wherever it stands."""
    number, body = _signature(_signed())
    forged, count = re.subn(old, new, body)
    assert count == 1
    assert _fault(append(_signed(), {number: forged})) is fault
    assert _fault(_signed().replace(body, forged)) is not None


def test_a_wrapped_signature_is_refused() -> None:
    """What was signed is moved aside, and its place is taken by something else."""
    pdf = _signed()
    number, body = _signature(pdf)
    found = re.search(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\]", body)
    assert found is not None
    first, second, length = map(int, found.groups())
    numbers = {int(each) for each in re.findall(rb"\b(\d{1,9}) 0 obj", pdf)}
    objects = {each: object_of(pdf, each) for each in sorted(numbers)}
    for padding in (0, 512):
        moved = second + 60_000 + padding
        ranges = b"/ByteRange [0 %d %d %d]" % (first, moved, length)
        objects[number] = re.sub(rb"/ByteRange \[[ \d]+\]", ranges, body)
        objects[4] = stream(b"BT (Transfer 9 yen) Tj ET")
        between = append(pdf[:second], objects)
        filled = between.ljust(moved) + pdf[second:]
        assert _fault(filled) in (NOT_COVERED, MALFORMED)
        pointed = filled + b"startxref\n%d\n%%%%EOF\n" % last_xref(between)
        assert _fault(pointed) is NOT_COVERED


def test_two_fields_do_not_show_one_signature() -> None:
    """A second field could stand beside another text."""
    pdf = _signed()
    number, _ = _signature(pdf)
    new = next_number(pdf)
    field = b"<< /FT /Sig /T (Other) /V %d 0 R /Rect [0 0 0 0] >>" % number
    form = _longer(object_of(pdf, 6), b"/Fields", new)
    assert _fault(append(pdf, {new: field, 6: form})) is DocumentFault.SEVERAL_SIGNERS


def test_nobody_and_several_are_refused() -> None:
    """A PDF without signature; and none is put beside another."""
    assert _fault(build()) is NO_SIGNER
    with pytest.raises(DocumentError) as caught:
        signed_page(_pki(), _signed())
    assert caught.value.fault is DocumentFault.SEVERAL_SIGNERS


@pytest.mark.parametrize("form", [b"adbe.pkcs7.sha1", b"adbe.x509.rsa_sha1", b"other"])
def test_other_forms_of_signatures_are_not_judged(form: bytes) -> None:
    """They are over a digest, or have no CMS."""
    pdf = _signed().replace(b"ETSI.CAdES.detached", form.ljust(19))
    assert _fault(pdf) is UNSUPPORTED


def test_content_is_not_handed_in() -> None:
    """A PDF has it inside."""
    with pytest.raises(DocumentError):
        check_pdf(_signed(), b"content")


# -- what was added --------------------------------------------------------------------

CATALOG = APPLICATION[1]


def _catalog(entry: bytes) -> Callable[[bytes], bytes]:
    def attack(pdf: bytes) -> bytes:
        key = re.escape(entry.split()[0])
        others = re.sub(key + rb" \d+ 0 R", b"", object_of(pdf, 1))
        return append(pdf, {1: others[:-2] + entry + b" >>"})

    return attack


def _overwrite(number: int, body: bytes) -> Callable[[bytes], bytes]:
    return lambda pdf: append(pdf, {number: body})


def _annotate(pdf: bytes) -> bytes:
    new = next_number(pdf)
    note = b"<< /Type /Annot /Subtype /FreeText /Rect [72 700 300 740] /Contents (9) >>"
    return append(pdf, {new: note, 3: _longer(object_of(pdf, 3), b"/Annots", new)})


def _field(
    rectangle: bytes = b"[0 0 0 0]", extra: bytes = b"", name: bytes = b"Mine"
) -> Callable[[bytes], bytes]:
    """A timestamp in a field that is as it should be, or is not."""

    def attack(pdf: bytes) -> bytes:
        new = next_number(pdf)
        value = b"<< /Type /DocTimeStamp /SubFilter /ETSI.RFC3161 SIGNED >>"
        field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /V %d 0 R " % (
            name,
            new + 1,
        )
        field += b"/Rect %s /P 3 0 R %s >>" % (rectangle, extra)
        added = {
            new: field,
            new + 1: value,
            3: _longer(object_of(pdf, 3), b"/Annots", new),
            6: _longer(object_of(pdf, 6), b"/Fields", new),
        }
        return append_signed(pdf, added, _stamp)

    return attack


def _longer(body: bytes, key: bytes, number: int) -> bytes:
    """An object with a list in it, where one more is in the list."""
    longer, count = re.subn(
        key + rb" \[([^\]]*)\]", key + rb" [\1 %d 0 R]" % number, body
    )
    assert count == 1
    return longer


def _hidden(pdf: bytes) -> bytes:
    """Only cross-references are added: they lead to what was hidden before signing."""
    return append(pdf, {}, places={4: pdf.index(b"4 0 obj\n<< /Length 11")})


_HIDDEN = stream(b"4 0 obj\n<< /Length 11 >>\nstream\n(9000) Tj 1\nendstream\nendobj\n")


@pytest.mark.parametrize(
    ("attack", "what"),
    [
        pytest.param(
            _overwrite(4, stream(b"BT (Transfer 9 yen) Tj ET")),
            "object 4",
            id="replace",
        ),
        pytest.param(
            _overwrite(5, b"<< /Type /Font /Subtype /Type3 >>"), "object 5", id="font"
        ),
        pytest.param(_overwrite(4, b"null"), "object 4", id="hide"),
        pytest.param(
            _overwrite(7, APPLICATION[7].replace(b"1000", b"9000")),
            "object 7",
            id="form filled",
        ),
        pytest.param(
            _overwrite(2, b"<< /Type /Pages /Kids [] /Count 0 >>"),
            "object 2",
            id="pages",
        ),
        pytest.param(
            _overwrite(8, b"<< /Title (Other) >>"), "other information", id="title"
        ),
        pytest.param(_overwrite(40, b"<< /Nothing true >>"), "object 40", id="orphan"),
        pytest.param(_annotate, "an annotation", id="annotation"),
        pytest.param(
            _catalog(b"/OpenAction << /S /JavaScript /JS (x) >>"),
            "/OpenAction",
            id="action",
        ),
        pytest.param(
            _catalog(b"/OCProperties << /D << /OFF [5 0 R] >> >>"),
            "/OCProperties",
            id="layers",
        ),
        pytest.param(_catalog(b"/Metadata 4 0 R"), "/Metadata", id="metadata"),
        pytest.param(
            _catalog(b"/DSS << /Certs [4 0 R] /Other 1 >>"),
            "unknown in /DSS",
            id="odd DSS",
        ),
        pytest.param(
            _catalog(b"/DSS << /Certs [3 0 R] >>"), "unknown in /DSS", id="page in DSS"
        ),
        pytest.param(
            _catalog(b"/Extensions << /A 4 0 R >>"), "/Extensions", id="extensions"
        ),
        pytest.param(_catalog(b"/Version /9.9"), "another version", id="version"),
        pytest.param(
            lambda pdf: append(pdf, {}, free=(4,)), "the end of object 4", id="freed"
        ),
        pytest.param(
            lambda pdf: append(pdf, {}, b"/Info 7 0 R"),
            "other information",
            id="other info",
        ),
        pytest.param(
            lambda pdf: append(pdf, {}, b"/Info 8 0 R /X 1"),
            "another root",
            id="trailer",
        ),
        pytest.param(
            lambda pdf: append(pdf, {}, b"/Info 8 0 R /Size 4"),
            "the end of objects",
            id="fewer objects",
        ),
        pytest.param(lambda pdf: pdf + b"\n", "octets behind", id="line"),
        pytest.param(lambda pdf: pdf + b"% comment\n", "octets behind", id="comment"),
        pytest.param(
            lambda pdf: pdf + b"4 0 obj\nnull\nendobj\n",
            "octets behind",
            id="ISA, no xref",
        ),
        pytest.param(
            lambda pdf: (
                pdf
                + b"4 0 obj\nnull\nendobj\nstartxref\n%d\n%%%%EOF\n" % last_xref(pdf)
            ),
            "octets behind",
            id="ISA, the xref of before",
        ),
        pytest.param(
            lambda pdf: append(pdf, {8: APPLICATION[8]}) + b"9 0 obj\n1\nendobj\n",
            "octets behind",
            id="objects behind the end",
        ),
        pytest.param(
            lambda pdf: append(pdf + b"4 0 obj\nnull\nendobj\n", {8: APPLICATION[8]}),
            "octets between",
            id="objects that nothing names",
        ),
        pytest.param(
            _field(rectangle=b"[72 700 300 740]"),
            "a visible field",
            id="visible timestamp",
        ),
        pytest.param(
            _field(extra=b"/A << /S /JavaScript >>"), "a field", id="field with action"
        ),
        pytest.param(
            _field(extra=b"/MK << /CA (9) >>"),
            "a visible field",
            id="field with caption",
        ),
        pytest.param(
            _field(name=b"Signature"),
            "the name of another",
            id="field of the same name",
        ),
    ],
)
def test_additions_are_refused(attack: Callable[[bytes], bytes], what: str) -> None:
    """Shadow attacks, incremental saving, evil annotations: whatever is added."""
    # On top of the signature, and on top of what may be added.
    kept = add_timestamp(add_validation_data(_signed(), _data()), _stamp)
    for pdf in (_signed(), kept):
        with pytest.raises(DocumentError, match=f"{what}.* added after") as caught:
            check_pdf(attack(pdf))
        assert caught.value.fault is EXTENDED


def test_an_addition_that_is_harmless_is_not_what_is_refused() -> None:
    """The ways in which the attacks above are made: made otherwise, all is well."""
    assert check_pdf(_field()(_signed())).value
    assert check_pdf(append(_signed(), {8: APPLICATION[8]})).value
    assert check_pdf(append(_signed(), {1: object_of(_signed(), 1)})).value
    new = next_number(_signed())
    dss = object_of(_signed(), 1)[:-2] + b"/DSS << /Certs [%d 0 R] >> >>" % new
    assert check_pdf(append(_signed(), {1: dss, new: stream(b"")})).value


def test_what_was_hidden_is_not_brought_to_light() -> None:
    """Hide and replace: both texts were signed, and one of them was to be seen."""
    pdf = _signed((40, _HIDDEN))
    assert check_pdf(pdf).value
    assert _fault(_hidden(pdf)) is EXTENDED


def test_what_was_missing_does_not_turn_up() -> None:
    """A page that refers to an object that comes after signing."""
    page = APPLICATION[3].replace(b"4 0 R", b"[4 0 R 50 0 R]")
    pdf = _signed((3, page))
    assert check_pdf(pdf).value
    assert _fault(append(pdf, {50: stream(b"(9000) Tj")})) is EXTENDED
    # Nor as validation data, which it would be at the same time.
    dss = object_of(pdf, 1)[:-2] + b"/DSS << /Certs [50 0 R] >> >>"
    assert _fault(append(pdf, {50: stream(b"(9000) Tj"), 1: dss})) is EXTENDED


def test_a_list_that_is_two_lists_does_not_grow() -> None:
    """Of certificates, and of what is drawn on the page."""
    pdf = _signed(
        (1, APPLICATION[1][:-2] + b"/DSS << /Certs 30 0 R >> >>"),
        (3, APPLICATION[3].replace(b"4 0 R", b"30 0 R", 1)),
        (30, b"[4 0 R]"),
    )
    assert check_pdf(pdf).value
    new = next_number(pdf)
    grown = {30: b"[4 0 R %d 0 R]" % new, new: stream(b"(9000) Tj")}
    assert _fault(append(pdf, grown)) is EXTENDED


# -- files of other kinds, and no files ------------------------------------------------


def test_an_encrypted_pdf_is_not_judged() -> None:
    """Nor one that tells old programs something else."""
    for entry in (b"/Encrypt 8 0 R", b"/XRefStm 15"):
        pdf = build(trailer=b"/Info 8 0 R " + entry)
        assert _fault(pdf) is UNSUPPORTED
        assert _fault(append(_signed(), {}, entry)) is UNSUPPORTED


def _table(trailer: bytes, head: bytes = b"0 0") -> bytes:
    table = b"xref\n%s\ntrailer << %s >>\n" % (head, trailer)
    return b"%PDF-1.7\n" + table + b"startxref\n9\n%%EOF"


def _xref_stream(widths: bytes, index: bytes, data: bytes, extra: bytes = b"") -> bytes:
    body = stream(
        data,
        b"/Type /XRef /Root 1 0 R /Size 9 /W %s /Index %s %s" % (widths, index, extra),
    )
    return b"%%PDF-1.7\n1 0 obj\n%s\nendobj\nstartxref\n9\n%%%%EOF\n" % body


@pytest.mark.parametrize(
    "pdf",
    [
        pytest.param(b"%PDF-1.7", id="nothing"),
        pytest.param(b"%PDF-1.7\nstartxref\n0\n%%EOF", id="no xref"),
        pytest.param(b"%PDF-1.7\nstartxref\n99999999\n%%EOF", id="far away"),
        pytest.param(
            _table(b"/Root 1 0 R /Prev 9"),
            id="loop",
        ),
        pytest.param(
            _table(b"", b"0 999999999"),
            id="count",
        ),
        pytest.param(
            b"%PDF-1.7\nxref\n0 0\ntrailer << /Root "
            + b"[" * 5000
            + b"\nstartxref\n9\n%%EOF",
            id="deep",
        ),
        pytest.param(
            b"%PDF-1.7\nxref\n0 0\ntrailer << /A "
            + b"(" * 50000
            + b"\nstartxref\n9\n%%EOF",
            id="open strings",
        ),
        pytest.param(_xref_stream(b"[0 0 0]", b"[0 999999999]", b""), id="no width"),
        pytest.param(_xref_stream(b"[1 1 0]", b"[0 999999999]", b""), id="many"),
        pytest.param(
            _xref_stream(
                b"[1 8 8]",
                b"[0 9]",
                zlib.compress(bytes(1 << 24)),
                b"/Filter /FlateDecode",
            ),
            id="bomb",
        ),
        pytest.param(
            _xref_stream(b"[1 1 0]", b"[0 1]", b"xx", b"/Filter /FlateDecode"),
            id="zlib",
        ),
        pytest.param(
            _xref_stream(b"[1 1 0]", b"[0 1]", b"", b"/Length 1 0 R"), id="twice"
        ),
        pytest.param(build({**APPLICATION, 1: b"<< /AcroForm 1 0 R %"}), id="comment"),
        pytest.param(
            build({**APPLICATION, 6: b"<< /Fields [7 0 R 7 0 R] >>"}), id="no tree"
        ),
        pytest.param(
            build({**APPLICATION, 7: b"<< /FT /Sig /Kids [7 0 R] >>"}), id="own kid"
        ),
        pytest.param(
            build({**APPLICATION, 6: b"6 0 R", 1: CATALOG}), id="reference to itself"
        ),
        pytest.param(
            build(
                {
                    **APPLICATION,
                    4: b"<< /Length 4 0 R >>\nstream\n\nendstream",
                    7: b"<< /FT /Sig /V 4 0 R >>",
                }
            ),
            id="length of itself",
        ),
        pytest.param(
            build({**APPLICATION, 7: b"<< /FT /Sig /V << /Contents <00> >> >>"}),
            id="direct value",
        ),
    ],
)
def test_what_is_no_pdf_is_refused_at_once(pdf: bytes) -> None:
    """Without end, without bound, or without sense: an error of ours."""
    with pytest.raises(DocumentError):
        check_pdf(pdf)


def test_tables_with_short_lines_are_read() -> None:
    """Some programs end the entries of a table with one octet."""
    pdf = build().replace(b" n \n", b" n\n").replace(b" f \n", b" f\n")
    checked = check_pdf(signed_page(_pki(), pdf))
    assert checked.certificate == _pki().certificates["signature"]


def test_streams_are_bounded_together() -> None:
    """Many that decode to much each; and many that are the same octets."""
    bomb = zlib.compress(bytes(40 << 20), 9)
    begin = next_number(_signed())
    many = {begin + n: stream(bomb, b"/Filter /FlateDecode") for n in range(4)}
    listed = b" ".join(b"%d 0 R" % number for number in many)
    dss = object_of(_signed(), 1)[:-2] + b"/DSS << /Certs [%s] >> >>" % listed
    with pytest.raises(DocumentError, match="decodes to too much"):
        check_pdf(append(_signed(), {1: dss, **many}))
    body = b""
    for number in reversed(range(begin, begin + 9)):
        body = b"%d 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\n" % (
            number,
            len(body),
            body,
        ) + bytes(20_000)
    pdf = _signed() + body
    places = {n: pdf.index(b"\n%d 0 obj" % n) + 1 for n in range(begin + 1, begin + 9)}
    assert _fault(append(pdf, {}, places=places)) in (EXTENDED, MALFORMED)


def test_signing_what_is_no_pdf() -> None:
    """And adding to it: errors of ours."""
    pki = _pki()
    for pdf in (b"", b"%PDF-1.7", build({**APPLICATION, 2: b"null"}), build({1: b"1"})):
        with pytest.raises(DocumentError):
            sign_pdf(pdf, pki.certificates["signature"], pki.keys["signature"], pki.at)
        with pytest.raises(DocumentError):
            add_validation_data(pdf, _data())
        with pytest.raises(DocumentError):
            add_timestamp(pdf, _stamp)
    with pytest.raises(DocumentError, match="kept"):
        add_timestamp(_signed(), lambda _: bytes(1 << 16))
    with pytest.raises(DocumentError):
        sign_pdf(build(), pki.certificates["a"], pki.keys["signature"], pki.at)
