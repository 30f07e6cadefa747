"""XML from strangers, and its canonical form: nothing followed, nothing unbounded."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from jpki.documents.xml import reading
from jpki.documents.xml.building import EXCLUSIVE, Part, Signing, build, put_value
from jpki.documents.xml.canonical import (
    C14N,
    C14N_11,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
    canonicalization,
)
from jpki.documents.xml.reading import Element, parse_xml
from jpki.errors import DocumentError, DocumentFault
from tests.support.cards import NOW
from tests.support.xml_documents import fault, octets, xml_signer

SIGNER = xml_signer()
SIGNING = Signing(certificate=SIGNER.certificate, signer=SIGNER.key)
_SOON = 3.0
"""Seconds, on a machine that has other work to do."""


def signature_over(*parts: Part, at: datetime | None = NOW) -> Element:
    signature = build(SIGNING, parts, at)
    put_value(signature, SIGNING, EXCLUSIVE)
    return signature


# -- canonical XML ---------------------------------------------------------------------


def test_what_a_part_inherits() -> None:
    """Namespaces and attributes of xml: from above, as each method has it (W3C)."""
    tree = parse_xml(
        b"<r xmlns='urn:a' xmlns:p='urn:b' xml:lang='ja' xml:id='i' "
        b"xml:space='preserve'><m xml:lang='en'><s p:x='1'><!-- c --><t><u/></t>"
        b"</s></m></r>"
    )
    part = tree.getroot()[0][0]
    inside = b"<t><u></u></t></s>"
    expected = {
        C14N: b'<s xmlns="urn:a" xmlns:p="urn:b" xml:id="i" xml:lang="en" '
        b'xml:space="preserve" p:x="1">',
        C14N_11: b'<s xmlns="urn:a" xmlns:p="urn:b" xml:lang="en" '
        b'xml:space="preserve" p:x="1">',
        EXCLUSIVE_C14N: b'<s xmlns="urn:a" xmlns:p="urn:b" p:x="1">',
    }
    for uri, start in expected.items():
        method = canonicalization(uri)
        assert method is not None
        assert canonical(part, method) == start + inside
    with_comments = canonicalization(f"{C14N}#WithComments")
    assert with_comments is not None
    assert b"<!-- c -->" in canonical(part, with_comments)
    assert canonicalization(f"{EXCLUSIVE_C14N}WithComments") == Canonicalization(
        algorithm=EXCLUSIVE_C14N, comments=True
    )
    for unknown in (f"{C14N}WithComments", f"{EXCLUSIVE_C14N}#WithComments", ""):
        assert canonicalization(unknown) is None


def test_namespaces_that_are_taken_back() -> None:
    """An empty default namespace above a part is no namespace in it."""
    tree = parse_xml(b"<r xmlns='urn:a'><m xmlns=''><s><t xmlns='urn:b'/></s></m></r>")
    part = tree.getroot()[0][0]
    for uri in (C14N, EXCLUSIVE_C14N):
        method = canonicalization(uri)
        assert method is not None
        assert canonical(part, method) == b'<s><t xmlns="urn:b"></t></s>'


def test_what_has_no_canonical_form() -> None:
    """Relative namespaces; addresses that Canonical XML 1.1 would have to join."""
    with pytest.raises(DocumentError, match="no canonical form"):
        canonical(parse_xml(b"<a xmlns='b'/>"), EXCLUSIVE)
    based = parse_xml(b"<a xml:base='http://a/'><b/></a>").getroot()[0]
    with pytest.raises(DocumentError, match="xml:base"):
        canonical(based, Canonicalization(algorithm=C14N_11))


# -- hostile ---------------------------------------------------------------------------

LAUGHS = b"<!DOCTYPE a [<!ENTITY a 'ha'>%s]><a>&z;</a>" % b"".join(
    b"<!ENTITY %c '%s'>" % (b, b"&%c;" % (b - 1) * 10) for b in range(98, 123)
)


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS,
        b"<?xml version='1.0'?><!-- --><?a b?>\n" + LAUGHS,
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a b='&x;'>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1:1/'> %x;]><a/>",
        b"<!DOCTYPE a [<!ATTLIST a b ID 'x'>]><a/>",
        "<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a/+AD4-",
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        b"<?xml version='1.0' encoding='ISO-2022-JP'?><a/>",
        b"<?xml version='1.0'" + b" " * 1000 + b"encoding='UTF-7'?><a/>",
        "<?xml version='1.0' encoding='cp037'?><a/>".encode("cp037"),
        b"<a>&x;</a>",
        b"<a b='&x;'/>",
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<a>" * 100_000,
        b"<a %s/>" % b" ".join(b"a%d='1'" % n for n in range(100_000)),
        b"<a>%s</a>"
        % (b"<b %s/>" % b" ".join(b"a%d=''" % n for n in range(200)) * 2000),
        b"<a %s/>" % b" ".join(b"xmlns:a%d='urn:%d'" % (n, n) for n in range(100_000)),
        b"".join(b"<a xmlns:a%d='urn:a'>" % n for n in range(250)) + b"</a>" * 250,
        b"".join(b"<a xmlns:a%d='urn:a'>" % n for n in range(60))
        + b"<b>" * 190
        + b"<c/>" * 90_000
        + b"</b>" * 190
        + b"</a>" * 60,
        b"<a>" + b"<b/>" * 150_000 + b"</a>",
        b"<a>" + b"<b/>" * 2_000_000 + b"</a>",
        b"<a>" + b"x" * 12_000_000 + b"</a>",
        b"<a>" + b" " * (reading.MAX_XML + 1) + b"</a>",
        b"<?" + b"<?" * 1_000_000,
        b"<!--" * 1_000_000,
        b"<a",
        b"<",
        b"",
        b"\0",
        b"<a/><b/>",
        b"<a><b></a></b>",
        b"<a b='1' b='2'/>",
        b"<a>\xff</a>",
    ],
    ids=lambda document: repr(document[:40]),
)
def test_hostile_documents(document: bytes) -> None:
    """Refused, soon, and nothing is read or fetched on their behalf."""
    began = time.monotonic()
    with pytest.raises(DocumentError):
        parse_xml(document)
    assert time.monotonic() - began < _SOON


def test_a_document_type_is_refused_before_it_is_read() -> None:
    """Whatever else is wrong with it, nobody looked."""
    for document in (b"<!DOCTYPE a [ garbage", b"<!-- --><?a?><!DOCTYPE a PUBLIC"):
        assert fault(document) is DocumentFault.UNSUPPORTED
    quoted = b"<a><![CDATA[<!DOCTYPE a>]]><!-- <!DOCTYPE a> --></a>"
    parse_xml(quoted)


def test_hostile_signatures() -> None:
    """Too many references, namespaces and certificates; an Id that is everywhere."""
    began = time.monotonic()
    parts = [Part(uri=f"{n}", octets=b"", media_type="") for n in range(200)]
    many = octets(signature_over(*parts, at=None))
    assert fault(many, {f"{n}": b"" for n in range(200)}) is DocumentFault.MALFORMED
    text = octets(signature_over(Part(uri="#x", octets=b"", media_type=""), at=None))
    same = text.replace(
        b"</ds:Signature>",
        b"<ds:Object>" + b"<a Id='x'/>" * 50_000 + b"</ds:Object></ds:Signature>",
    )
    assert fault(same) is DocumentFault.NOT_COVERED
    value = b"<ds:X509Certificate>AAAA</ds:X509Certificate>"
    held = text.replace(b"</ds:X509Data>", value * 100 + b"</ds:X509Data>")
    assert fault(held) is DocumentFault.MALFORMED
    prefixes = " ".join(f"p{n}" for n in range(100))
    element = (
        f"<ec:InclusiveNamespaces xmlns:ec='{EXCLUSIVE_C14N}' PrefixList='{prefixes}'/>"
        "</ds:CanonicalizationMethod>"
    )
    method = f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"'
    listed = text.replace(f"{method}/>".encode(), f"{method}>{element}".encode())
    assert listed != text
    assert fault(listed) is DocumentFault.MALFORMED
    assert fault(b"<a/>") is DocumentFault.NO_SIGNER
    assert time.monotonic() - began < _SOON
