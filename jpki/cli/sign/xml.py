"""XML documents in the levels of XAdES (ETSI EN 319 132-1)."""

from __future__ import annotations

from jpki.cli.sign.orders import Level, Order
from jpki.documents.kinds import kind_of
from jpki.documents.signature import Content, Kind
from jpki.documents.xml.check import check_xml
from jpki.documents.xml.levels import (
    add_archive_timestamp,
    add_timestamp,
    add_values,
    octets_to_timestamp,
)
from jpki.documents.xml.reading import parse_xml
from jpki.documents.xml.sign import sign_enveloped, sign_enveloping
from jpki.errors import DocumentError, DocumentFault

__all__ = ["raised", "sign_xml"]


def sign_xml(order: Order) -> bytes:
    """An XML document with its signature inside, or a signature with anything inside.

    Raises:
        JpkiError: the document is no XML; or the key, the time-stamp authority or what
            is known of the signer's certificate does not allow it.
    """
    if order.enveloping:
        made = sign_enveloping(
            order.content,
            order.certificate,
            order.signer,
            order.at,
            order.chain,
            media_type=_media_type(order.content),
        )
    elif _is_xml(order.content):
        made = sign_enveloped(
            order.content, order.certificate, order.signer, order.at, order.chain
        )
    else:
        raise DocumentError(
            "no XML document: no signature can stand in it",
            fault=DocumentFault.UNSUPPORTED,
            hint="--enveloping puts it into the signature",
        )
    return raised(made, order)


def raised(made: bytes, order: Order, content: Content = None) -> bytes:
    """The signature at the level that is ordered.

    Args:
        content: what was signed outside of it.

    Raises:
        JpkiError: the time-stamp authority or what is known of the signer's certificate
            does not allow it.
    """
    if order.stamp is not None and order.level.includes(Level.T):
        made = add_timestamp(made, order.stamp(octets_to_timestamp(made)))
    if order.collect is not None and order.level.includes(Level.LT):
        data = order.collect(check_xml(made, content))
        made = add_values(
            made,
            certificates=data.certificates,
            crls=data.crls,
            ocsp_responses=data.ocsp_responses,
        )
    if order.stamp is not None and order.level.includes(Level.LTA):
        made = add_archive_timestamp(made, order.stamp, content)
    return made


def _is_xml(content: bytes) -> bool:
    try:
        return kind_of(content) is Kind.XML
    except DocumentError:
        return False


def _media_type(content: bytes) -> str:
    """What can be read as XML goes in as XML, for others to read it there."""
    try:
        parse_xml(content)
    except DocumentError:
        return "application/octet-stream"
    return "text/xml"
