"""Time in XML: a signature of 2008 with SHA-1, archived twice, judged in 2030."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from jpki.documents.signature import Content
from jpki.documents.xml.building import (
    EXCLUSIVE,
    NAMES,
    Part,
    Signing,
    build,
    put_value,
)
from jpki.documents.xml.canonical import (
    C14N,
    C14N_11,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
)
from jpki.documents.xml.check import check_xml
from jpki.documents.xml.levels import (
    add_archive_timestamp,
    add_timestamp,
    add_values,
    octets_to_timestamp,
)
from jpki.documents.xml.properties import (
    ARCHIVE_TIMESTAMP,
    MAX_UNSIGNED,
    SIGNATURE_TIMESTAMP,
    XADES,
    XADES_141,
)
from jpki.documents.xml.reading import Tree, parse_xml, written
from jpki.documents.xml.sign import (
    sign_application,
    sign_detached,
    sign_enveloped,
    sign_enveloping,
)
from jpki.documents.xml.signed_info import DS
from jpki.errors import DocumentError, DocumentFault
from jpki.model.revocation import Revocation, RevocationReason
from jpki.verify import (
    AtHand,
    Code,
    Indeterminate,
    Invalid,
    Outcome,
    Pool,
    TrustAnchor,
    Valid,
    Verifier,
)
from tests.support.long_term import (
    FIRST,
    HOUR,
    IN_2017,
    IN_2027,
    IN_2030,
    SECOND,
    SIGNED_AT,
    STAMPED_AT,
    THIRD,
    authorities_crls,
    pki_of_2008,
    signers_certificate,
    token_over,
    tsa,
)
from tests.support.time_authority import TimeAuthority
from tests.support.verification import accepting
from tests.support.xml_documents import DOCUMENT, FILES, FORM, fault

FORMS = ("enveloped", "enveloping", "detached")


def _signed(form: str = "enveloped") -> tuple[bytes, Content]:
    own, key = signers_certificate(), pki_of_2008().keys["signature"]
    if form == "detached":
        return sign_detached(FILES, own, key, SIGNED_AT), FILES
    sign = sign_enveloped if form == "enveloped" else sign_enveloping
    return sign(DOCUMENT, own, key, SIGNED_AT), None


def _stamped(document: bytes, by: TimeAuthority, at: datetime) -> bytes:
    return add_timestamp(document, token_over(octets_to_timestamp(document), by, at))


def _archived(
    document: bytes, by: TimeAuthority, at: datetime, content: Content = None
) -> bytes:
    return add_archive_timestamp(
        document, lambda covered: token_over(covered, by, at), content
    )


def _with_data(document: bytes, *crls: bytes) -> bytes:
    certificates = list(pki_of_2008().certificates.values())
    return add_values(document, certificates=certificates, crls=crls)


def _preserved(form: str = "enveloped") -> tuple[bytes, Content]:
    """Stamped in 2008, and kept alive in 2017 and 2027 before its authorities ended."""
    signed, content = _signed(form)
    first = _stamped(signed, FIRST, STAMPED_AT)
    crls = [*authorities_crls(SIGNED_AT), FIRST.crl(IN_2017 - HOUR)]
    second = _archived(_with_data(first, *crls), SECOND, IN_2017, content)
    again = add_values(second, crls=[SECOND.crl(IN_2027 - HOUR)])
    return _archived(again, THIRD, IN_2027, content), content


def _judge(
    document: bytes,
    *crls: bytes,
    content: Content = None,
    at: datetime = IN_2030,
    trusted: Sequence[TimeAuthority] = (FIRST, SECOND, THIRD),
) -> Outcome:
    pki = pki_of_2008()
    policy = replace(
        accepting(pki),
        time_anchors=tuple(TrustAnchor.of(each.parsed_root) for each in trusted),
    )
    pool = Pool.from_der(certificates=pki.certificates.values(), crls=crls)
    return Verifier(policy, AtHand(pool)).verify(document, content, at)


def _in_2030(document: bytes, content: Content = None) -> Outcome:
    return _judge(document, THIRD.crl(IN_2030 - HOUR), content=content)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_valid_in_2030(form: str) -> None:
    """Each timestamp holds as of the next one, and the first is of 2008."""
    document, content = _preserved(form)
    verdict = _in_2030(document, content)
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert verdict.notes == ()
    assert verdict.existed_at == STAMPED_AT + timedelta(seconds=1)
    assert [proof.at for proof in verdict.proofs] == [IN_2027, IN_2017, STAMPED_AT]


def test_without_the_archive_timestamps_it_is_left_open() -> None:
    """The first timestamp alone ended with its authority."""
    tree = parse_xml(_preserved()[0])
    for stamp in list(tree.iter(ARCHIVE_TIMESTAMP)):
        stamp.getparent().remove(stamp)
    verdict = _in_2030(written(tree))
    assert isinstance(verdict, Indeterminate)
    assert verdict.proofs == ()


def _stamps(tree: Tree) -> list[etree._Element]:
    return list(tree.iter(ARCHIVE_TIMESTAMP))


def _swap_tokens(tree: Tree) -> None:
    """The second archive timestamp's token where the first one's was, and so on."""
    one, other = (stamp[-1] for stamp in _stamps(tree))
    one.text, other.text = other.text, one.text


def _drop_a_list(tree: Tree) -> None:
    """One CRL less before the first archive timestamp."""
    value = next(tree.iter(f"{XADES}EncapsulatedCRLValue"))
    value.getparent().remove(value)


def _slip_in(tree: Tree) -> None:
    """A property more before the first archive timestamp."""
    _stamps(tree)[0].addprevious(etree.Element(f"{XADES}CounterSignature"))


def _reorder(tree: Tree) -> None:
    """The validation data before the timestamp that it was put in after."""
    stamp = next(tree.iter(SIGNATURE_TIMESTAMP))
    stamp.getnext().addnext(stamp)


def _other_method(tree: Tree) -> None:
    """Another canonicalization than the imprint was made with."""
    for stamp in _stamps(tree):
        stamp[0].set("Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#")


@pytest.mark.parametrize(
    "forge", [_swap_tokens, _drop_a_list, _slip_in, _reorder, _other_method]
)
def test_an_archive_timestamp_over_something_else(
    forge: Callable[[Tree], None],
) -> None:
    """It proves nothing, says so, and the signature is an open question again."""
    tree = parse_xml(_preserved()[0])
    forge(tree)
    verdict = _in_2030(written(tree))
    assert isinstance(verdict, Indeterminate), verdict.reason
    assert (verdict.proofs, verdict.existed_at) == ((), IN_2030)
    told = [note for note in verdict.notes if note.startswith("archive timestamp:")]
    assert told == ["archive timestamp: the timestamp is over something else"] * 2


def test_an_archive_timestamp_of_another_signature() -> None:
    """Nobody puts it in; and where it was forced in, it proves nothing."""
    foreign = token_over(b"another archive", SECOND, IN_2017)
    stamped = _stamped(_signed()[0], FIRST, STAMPED_AT)
    with pytest.raises(DocumentError, match="something else"):
        add_archive_timestamp(stamped, lambda _: foreign)
    other = _archived(_stamped(_signed("enveloping")[0], FIRST, STAMPED_AT), *IN_SECOND)
    (taken,) = _stamps(parse_xml(other))
    tree = parse_xml(stamped)
    next(tree.iter(SIGNATURE_TIMESTAMP)).addnext(taken)
    checked = check_xml(written(tree))
    assert [stamp.at for stamp in checked.timestamps] == [STAMPED_AT]
    assert checked.notes == ("archive timestamp: the timestamp is over something else",)


IN_SECOND = (SECOND, IN_2017)


def test_a_revoked_archive_authority_proves_nothing() -> None:
    """A list of 2030 says that its key was stolen in 2026: all hung on it."""
    stolen = Revocation(
        serial=THIRD.parsed.serial,
        at=IN_2030 - timedelta(days=9),
        reason=RevocationReason.KEY_COMPROMISE,
    )
    document, _ = _preserved()
    verdict = _judge(document, THIRD.crl(IN_2030 - HOUR, stolen))
    assert isinstance(verdict, Indeterminate)
    assert verdict.proofs == ()
    assert any("timestamp of 2027-05-01" in note for note in verdict.notes)
    # Another authority's archive timestamp of before keeps what that one said.
    before = IN_2030 - timedelta(days=20)
    other = tsa(2029, "other")
    kept = _archived(
        add_values(document, crls=[THIRD.crl(before - HOUR)]), other, before
    )
    verdict = _judge(
        kept,
        THIRD.crl(IN_2030 - HOUR, stolen),
        other.crl(IN_2030 - HOUR),
        trusted=(FIRST, SECOND, THIRD, other),
    )
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert len(verdict.proofs) == 4


def test_what_is_signed_outside_stays_bound() -> None:
    """An attachment altered in 2029 is altered, whatever the archive timestamps say."""
    document, content = _preserved("detached")
    assert isinstance(content, dict)
    for name in content:
        changed = {**content, name: content[name] + b" "}
        verdict = _in_2030(document, changed)
        assert isinstance(verdict, Invalid)
        assert verdict.code is Code.DOCUMENT_ALTERED
    with pytest.raises(DocumentError) as refused:
        _archived(document, THIRD, IN_2030, changed)
    assert refused.value.fault is DocumentFault.ALTERED
    with pytest.raises(DocumentError) as refused:
        _archived(document, THIRD, IN_2030)
    assert refused.value.fault is DocumentFault.NO_CONTENT


def test_a_stranger_cannot_break_the_chain() -> None:
    """Whoever adds an archive timestamp behind takes nothing from those before."""
    stranger = tsa(2028, "stranger")
    spoiled = _archived(_preserved()[0], stranger, datetime(2029, 5, 1, tzinfo=UTC))
    verdict = _in_2030(spoiled)
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    (note,) = verdict.notes
    assert "timestamp of 2029-05-01" in note


def test_a_late_signature_timestamp_is_not_carried_by_the_archive() -> None:
    """One that says 2008, put in behind the archive timestamp of 2017, may be of
    yesterday by a stolen key: nothing around it says otherwise."""
    stolen = tsa(2008, "stolen")
    signed, _ = _signed()
    forged = _stamped(signed, stolen, SIGNED_AT + timedelta(minutes=1))
    crls = [*authorities_crls(SIGNED_AT), stolen.crl(IN_2017 - HOUR)]
    archived = _archived(_with_data(signed, *crls), SECOND, IN_2017)
    with pytest.raises(DocumentError, match="behind an archive timestamp"):
        _stamped(archived, stolen, SIGNED_AT)
    tree = parse_xml(archived)
    _stamps(tree)[0].addnext(next(parse_xml(forged).iter(SIGNATURE_TIMESTAMP)))
    at = datetime(2018, 1, 1, tzinfo=UTC)
    verdict = _judge(
        written(tree), SECOND.crl(at - HOUR), at=at, trusted=(stolen, SECOND)
    )
    assert isinstance(verdict, Indeterminate)
    assert [proof.at for proof in verdict.proofs] == [IN_2017]
    assert any("ignored" in note for note in verdict.notes)


def test_two_authorities_in_one_timestamp() -> None:
    """Both are over the same and vouch for what is inside, not for one another."""
    signed, _ = _signed()
    crls = [*authorities_crls(SIGNED_AT), FIRST.crl(IN_2017 - HOUR)]
    inside = _with_data(_stamped(signed, FIRST, STAMPED_AT), *crls)
    other = tsa(2017, "other")
    later = IN_2017 + HOUR
    trees = [
        parse_xml(_archived(inside, by, at))
        for by, at in ((SECOND, IN_2017), (other, later))
    ]
    (one,), (two,) = map(_stamps, trees)
    one.append(two[-1])
    document = written(trees[0])
    checked = check_xml(document)
    assert [stamp.at for stamp in checked.timestamps] == [STAMPED_AT, IN_2017, later]
    assert [stamp.beside for stamp in checked.timestamps] == [False, False, True]
    at = datetime(2020, 5, 1, tzinfo=UTC)
    stolen = Revocation(
        serial=SECOND.parsed.serial,
        at=at - timedelta(days=9),
        reason=RevocationReason.KEY_COMPROMISE,
    )
    lists = (SECOND.crl(at - HOUR, stolen), other.crl(at - HOUR))
    verdict = _judge(document, *lists, at=at, trusted=(FIRST, SECOND, other))
    assert isinstance(verdict, Valid), (verdict.reason, verdict.notes)
    assert [proof.at for proof in verdict.proofs] == [later, STAMPED_AT]
    # A fifth is more than anybody puts in.
    for _ in range(3):
        one.append(parse_xml(etree.tostring(one[-1])).getroot())
    assert any("not known" in note for note in check_xml(written(trees[0])).notes)


def test_the_older_kind_is_not_looked_at() -> None:
    """ArchiveTimeStamp of XAdES 1.3.2 is over other octets: a note, no proof."""
    tree = parse_xml(_preserved()[0])
    for stamp in _stamps(tree):
        stamp.tag = stamp.tag.replace(XADES_141, XADES)
    verdict = _in_2030(written(tree))
    assert isinstance(verdict, Indeterminate)
    assert "ArchiveTimeStamp proves nothing here" in verdict.notes


def test_the_standard_method_where_none_is_stated() -> None:
    """Then it is Canonical XML 1.0 (4.5), with which ours are made anyway."""
    tree = parse_xml(_preserved()[0])
    (_, last) = _stamps(tree)
    last.remove(last[0])
    assert isinstance(_in_2030(written(tree)), Valid)


def test_limits_and_forms_without_room() -> None:
    """A plain signature bears no timestamp; nobody reads 257 properties."""
    own, key = signers_certificate(), pki_of_2008().keys["signature"]
    plain = sign_application(FORM, FILES, own, key)
    with pytest.raises(DocumentError, match="without properties"):
        _archived(plain, SECOND, IN_2017, FILES)
    tree = parse_xml(_preserved()[0])
    (_, last) = _stamps(tree)
    for _ in range(MAX_UNSIGNED):
        last.addnext(etree.Element(f"{XADES}Other"))
    assert fault(written(tree)) is DocumentFault.MALFORMED
    with pytest.raises(DocumentError, match="more than"):
        add_values(written(tree), crls=[b"0"])


def _nested(parts: int, size: int, *, digested: bool = True) -> bytes:
    """A signature over elements that lie in one another, none of them canonicalized."""
    held = etree.Element(f"{DS}Object", Id="part-0", nsmap=NAMES)
    inner = held
    for number in range(1, parts):
        inner = etree.SubElement(inner, "part", Id=f"part-{number}")
    inner.text = "x" * size
    signing = Signing(
        certificate=signers_certificate(), signer=pki_of_2008().keys["signature"]
    )
    default = Canonicalization(algorithm=C14N)
    signature = build(
        signing,
        [
            Part(
                uri=f"#{element.get('Id')}",
                octets=canonical(element, default) if digested else b"",
                media_type="text/xml",
            )
            for element in held.iter("*")
        ],
        SIGNED_AT,
    )
    signature.append(held)
    put_value(signature, signing, EXCLUSIVE)
    return written(signature.getroottree())


def test_what_canonicalizing_costs_is_bounded() -> None:
    """A hundred parts in one another, and archive timestamps in every method."""
    with pytest.raises(DocumentError, match="references within a large document"):
        check_xml(_nested(100, 2_000_000, digested=False))
    document = _stamped(_nested(100, 20_000), FIRST, STAMPED_AT)
    made = _archived(document, SECOND, IN_2017)
    assert len(check_xml(made).timestamps) == 2
    tree = parse_xml(made)
    (stamp,) = _stamps(tree)
    methods = [C14N, C14N_11, EXCLUSIVE_C14N] * 5
    for method in methods:
        other = parse_xml(etree.tostring(stamp)).getroot()
        other[0].set("Algorithm", method)
        stamp.addnext(other)
    began = time.perf_counter()
    checked = check_xml(written(tree))
    assert time.perf_counter() - began < 10
    assert len(checked.timestamps) == 2
    assert len(checked.notes) == len(methods)
