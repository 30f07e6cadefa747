"""Raising an XML signature's level (EN 319 132-1 section 6): B-T, B-LT, B-LTA.

Pure functions from bytes to bytes. Timestamps and validation data are fetched by who
calls. What is added stands behind what was there: archive timestamps are over that
order.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Final

from lxml import etree

from jpki.documents.signature import Content
from jpki.documents.timestamps import read_token, token_as_der
from jpki.documents.xml.archive import Archived
from jpki.documents.xml.canonical import (
    C14N,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
)
from jpki.documents.xml.properties import (
    ARCHIVE_TIMESTAMP,
    MAX_UNSIGNED,
    QUALIFYING,
    SIGNATURE_TIMESTAMP,
    XADES,
    XADES_141,
)
from jpki.documents.xml.reading import (
    MAX_XML,
    Element,
    Tree,
    children,
    parse_xml,
    written,
)
from jpki.documents.xml.references import References
from jpki.documents.xml.signed_info import DS, find_signature, read_signature
from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "MakeToken",
    "add_archive_timestamp",
    "add_timestamp",
    "add_values",
    "octets_to_timestamp",
]

MakeToken = Callable[[bytes], bytes]
"""Given the octets to be covered, a token over them (ContentInfo)."""

_EXCLUSIVE: Final = Canonicalization(algorithm=EXCLUSIVE_C14N)
_INCLUSIVE: Final = Canonicalization(algorithm=C14N)
_NAMES_141: Final = {"xades141": XADES_141[1:-1]}


def octets_to_timestamp(document: bytes) -> bytes:
    """What a token for `add_timestamp` has to be over.

    Raises:
        DocumentError: not one readable signature.
    """
    signature = read_signature(find_signature(parse_xml(document)))
    return canonical(signature.value_element, _EXCLUSIVE)


def add_timestamp(document: bytes, token: bytes) -> bytes:
    """The document with a token in its signature's properties: XAdES-B-T.

    Raises:
        DocumentError: the signature is no XAdES, the token is over something else, or
            an archive timestamp is there, behind which it would prove nothing.
        EncodingError: the token cannot be read.
    """
    tree = parse_xml(document)
    signature = read_signature(find_signature(tree))
    read_token(token, canonical(signature.value_element, _EXCLUSIVE))
    holder = _unsigned(signature.element)
    if holder.find(ARCHIVE_TIMESTAMP) is not None:
        raise DocumentError(
            "a signature timestamp behind an archive timestamp proves nothing",
            hint="put another archive timestamp around it",
        )
    stamp = etree.SubElement(holder, SIGNATURE_TIMESTAMP)
    _put_token(stamp, token, _EXCLUSIVE)
    return _finished(tree)


def add_values(
    document: bytes,
    *,
    certificates: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    ocsp_responses: Sequence[bytes] = (),
) -> bytes:
    """The document with what its verifier will need: with a timestamp, XAdES-B-LT.

    Where validation data is there already, or an archive timestamp around it, this is
    for the timestamp and stands behind it (TimeStampValidationData, 5.5.1).

    Raises:
        DocumentError: the signature is no XAdES, or there would be too much.
    """
    tree = parse_xml(document)
    holder = _unsigned(find_signature(tree))
    once = ("CertificateValues", "RevocationValues")
    there = any(holder.find(f"{XADES}{name}") is not None for name in once)
    if there or holder.find(ARCHIVE_TIMESTAMP) is not None:
        tag = f"{XADES_141}TimeStampValidationData"
        holder = etree.SubElement(holder, tag, nsmap=_NAMES_141)
    if certificates:
        values = etree.SubElement(holder, f"{XADES}CertificateValues")
        for certificate in certificates:
            _encapsulated(values, "EncapsulatedX509Certificate", certificate)
    if crls or ocsp_responses:
        values = etree.SubElement(holder, f"{XADES}RevocationValues")
        for name, items in (("CRL", crls), ("OCSP", ocsp_responses)):
            if items:
                group = etree.SubElement(values, f"{XADES}{name}Values")
                for item in items:
                    _encapsulated(group, f"Encapsulated{name}Value", item)
    return _finished(tree)


def add_archive_timestamp(
    document: bytes, make_token: MakeToken, content: Content = None
) -> bytes:
    """The document with an archive timestamp around all that is there: XAdES-B-LTA.

    Canonicalized inclusively: what a reference brings in as nodes is then protected
    with its namespaces, as the signer's own parts are.

    Args:
        make_token: asks a time-stamp authority.
        content: what was signed outside of the document.

    Raises:
        DocumentError: the signature is no XAdES, what it is over is not there as it was
            signed, or the token is over something else.
        EncodingError: the token cannot be read.
    """
    tree = parse_xml(document)
    signature = read_signature(find_signature(tree))
    references = References(document, tree, signature, content)
    references.check()
    holder = _unsigned(signature.element)
    covered = Archived(signature, references).octets(children(holder), _INCLUSIVE)
    token = make_token(covered)
    read_token(token, covered, signature.certificates)
    stamp = etree.SubElement(holder, ARCHIVE_TIMESTAMP, nsmap=_NAMES_141)
    _put_token(stamp, token, _INCLUSIVE)
    return _finished(tree)


def _unsigned(signature: Element) -> Element:
    """UnsignedSignatureProperties, which is made where it is not there."""
    found = signature.find(f"{DS}Object/{QUALIFYING}")
    if found is None:
        raise DocumentError(
            "an XML signature without properties cannot bear more of them",
            fault=DocumentFault.UNSUPPORTED,
            hint="sign as XAdES",
        )
    for name in ("UnsignedProperties", "UnsignedSignatureProperties"):
        below = found.find(f"{XADES}{name}")
        found = etree.SubElement(found, f"{XADES}{name}") if below is None else below
    if len(found) >= MAX_UNSIGNED:
        raise DocumentError(f"more than {MAX_UNSIGNED} unsigned properties")
    return found


def _put_token(stamp: Element, token: bytes, method: Canonicalization) -> None:
    etree.SubElement(stamp, f"{DS}CanonicalizationMethod", Algorithm=method.algorithm)
    _encapsulated(stamp, "EncapsulatedTimeStamp", token_as_der(token))


def _encapsulated(parent: Element, name: str, octets: bytes) -> None:
    element = etree.SubElement(parent, f"{XADES}{name}")
    element.text = b64encode(octets).decode("ascii")


def _finished(tree: Tree) -> bytes:
    document = written(tree)
    if len(document) > MAX_XML:
        raise DocumentError("too long to be read as XML again")
    return document
