"""Timestamps on XML signatures (EN 319 132-1 5.3), read and put in."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from lxml import etree

from jpki.documents.signature import Timestamp
from jpki.documents.timestamps import read_token
from jpki.documents.xml.canonical import (
    C14N,
    EXCLUSIVE_C14N,
    Canonicalization,
    canonical,
    canonicalization,
)
from jpki.documents.xml.properties import QUALIFYING, XADES
from jpki.documents.xml.reading import (
    Element,
    children,
    octets_of,
    parse_xml,
    written,
)
from jpki.documents.xml.signed_info import DS, find_signature, read_signature
from jpki.errors import DocumentError, DocumentFault, EncodingError

__all__ = ["add_timestamp", "add_values", "octets_to_timestamp", "read_timestamps"]

_DEFAULT: Final = Canonicalization(algorithm=C14N)
_EXCLUSIVE: Final = Canonicalization(algorithm=EXCLUSIVE_C14N)
_METHOD: Final = f"{DS}CanonicalizationMethod"


def read_timestamps(
    elements: Sequence[Element], value: Element, certificates: Iterable[bytes]
) -> tuple[tuple[Timestamp, ...], tuple[str, ...]]:
    """What the SignatureTimeStamps of a signature prove, and notes on what is none.

    Args:
        value: the ds:SignatureValue, which each is over, and over nothing else.
        certificates: where an authority's may be, if it is not in the token.
    """
    found: list[Timestamp] = []
    notes: list[str] = []
    known = tuple(certificates)
    for element in elements:
        try:
            token, method = _token(element)
            stamp = read_token(token, canonical(value, method), known)
        except (DocumentError, EncodingError) as error:
            notes.append(f"signature timestamp: {error.message}")
        else:
            found.append(replace(stamp, beside=bool(found)))
    return tuple(found), tuple(notes)


def _token(element: Element) -> tuple[bytes, Canonicalization]:
    parts = children(element)
    method: Canonicalization | None = _DEFAULT
    if parts and parts[0].tag == _METHOD:
        stated = parts.pop(0)
        method = canonicalization(str(stated.get("Algorithm")))
        if children(stated):
            method = None
    if method is None or len(parts) != 1:
        raise DocumentError("a form of timestamp that is not known")
    if parts[0].tag != f"{XADES}EncapsulatedTimeStamp":
        raise DocumentError("a form of timestamp that is not known")
    return octets_of(parts[0]), method


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
        DocumentError: the signature is no XAdES, or the token is over something else.
        EncodingError: the token is no DER.
    """
    tree = parse_xml(document)
    signature = read_signature(find_signature(tree))
    read_token(token, canonical(signature.value_element, _EXCLUSIVE))
    stamp = etree.SubElement(_unsigned(signature.element), f"{XADES}SignatureTimeStamp")
    etree.SubElement(stamp, _METHOD, Algorithm=EXCLUSIVE_C14N)
    _encapsulated(stamp, "EncapsulatedTimeStamp", token)
    return written(tree)


def add_values(
    document: bytes,
    *,
    certificates: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    ocsp_responses: Sequence[bytes] = (),
) -> bytes:
    """The document with what its verifier will need: with a timestamp, XAdES-B-LT.

    Raises:
        DocumentError: the signature is no XAdES.
    """
    tree = parse_xml(document)
    holder = _unsigned(find_signature(tree))
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
    return written(tree)


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
    return found


def _encapsulated(parent: Element, name: str, octets: bytes) -> None:
    element = etree.SubElement(parent, f"{XADES}{name}")
    element.text = b64encode(octets).decode("ascii")
