"""Signing XML, and files with XML: enveloped, enveloping, detached, as an application.

The first three are XAdES-B-B (ETSI EN 319 132-1 section 6). An application (e-Gov電子
申請) has the plain XML Signature of its specification.

What is the signer's is canonicalized inclusively: exclusive canonical XML leaves out
namespaces that only values refer to, and somebody could put others in their place.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from lxml import etree

from jpki.documents.xml import egov
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
    Canonicalization,
    canonical,
)
from jpki.documents.xml.reading import MAX_TEXT, MAX_XML, Tree, parse_xml, written
from jpki.documents.xml.references import refuse_split_text
from jpki.documents.xml.signed_info import DS, ENVELOPED, MAX_REFERENCES
from jpki.errors import DocumentError
from jpki.model.ports import Signer

__all__ = ["sign_application", "sign_detached", "sign_enveloped", "sign_enveloping"]

_XML: Final = "text/xml"
_OCTETS: Final = "application/octet-stream"
_OBJECT: Final = "content"
_INCLUSIVE: Final = Canonicalization(algorithm=C14N)
_SAFE: Final = "/:@!$&'()*+,;=~"
"""What may stand in a path of a URI as it is (RFC 3986 3.3)."""


def sign_enveloped(
    document: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime,
    chain: Sequence[bytes] = (),
) -> bytes:
    """The document with its signature as the last child of the root.

    Args:
        certificate: the signer's own, which is put in and bound to the signature.
        at: the signer's claim of when.
        chain: further certificates that help the verifier.

    Raises:
        DocumentError: the document cannot be read or signed, signer and certificate do
            not belong together, or XML has no name for the signer's algorithm.
        EncodingError: the certificate cannot be read.
    """
    signing = Signing(certificate=certificate, signer=signer, chain=chain)
    tree = _unsigned(document)
    part = Part(
        uri="",
        octets=canonical(tree, _INCLUSIVE),
        transforms=(ENVELOPED, C14N),
        media_type=_XML,
    )
    signature = build(signing, [part], at)
    tree.getroot().append(signature)
    put_value(signature, signing, EXCLUSIVE)
    return _finished(tree)


def sign_enveloping(
    content: bytes,
    certificate: bytes,
    signer: Signer,
    at: datetime,
    chain: Sequence[bytes] = (),
    *,
    media_type: str = _OCTETS,
) -> bytes:
    """A signature with the content inside: XML as it is, other octets in base64.

    Args:
        media_type: `text/xml` or `application/xml` says that the content is XML.

    Raises:
        DocumentError, EncodingError: as `sign_enveloped`.
    """
    signing = Signing(certificate=certificate, signer=signer, chain=chain)
    held = etree.Element(f"{DS}Object", Id=_OBJECT, nsmap=NAMES)
    held.set("MimeType", media_type)
    if media_type in (_XML, "application/xml"):
        held.append(_unsigned(content).getroot())
    else:
        held.set("Encoding", f"{DS[1:-1]}base64")
        if len(content) > MAX_TEXT // 4 * 3:
            raise DocumentError("too long to stand in XML", hint="sign it detached")
        held.text = b64encode(content).decode("ascii")
    part = Part(
        uri=f"#{_OBJECT}",
        octets=canonical(held, _INCLUSIVE),
        transforms=(C14N,),
        media_type=media_type,
    )
    signature = build(signing, [part], at)
    signature.append(held)
    put_value(signature, signing, EXCLUSIVE)
    return _finished(signature.getroottree())


def sign_detached(
    files: Mapping[str, bytes],
    certificate: bytes,
    signer: Signer,
    at: datetime,
    chain: Sequence[bytes] = (),
) -> bytes:
    """A signature beside the files that it is over, octet by octet.

    Args:
        files: by their names or paths, which are percent-encoded into URIs.

    Raises:
        DocumentError, EncodingError: as `sign_enveloped`.
    """
    signing = Signing(certificate=certificate, signer=signer, chain=chain)
    signature = build(signing, _files(files), at)
    put_value(signature, signing, EXCLUSIVE)
    return _finished(signature.getroottree())


def sign_application(
    form: bytes,
    files: Mapping[str, bytes],
    certificate: bytes,
    signer: Signer,
    chain: Sequence[bytes] = (),
) -> bytes:
    """An application's 構成管理情報 (`kousei.xml`), signed with the files beside it.

    Args:
        form: DataRoot with 構成情報, or ApplData for a request to the service itself,
            and without signature (`jpki.documents.xml.egov`).
        files: application forms and attachments by the names they go along with.

    Raises:
        DocumentError, EncodingError: as `sign_enveloped`; or this is no such form.
    """
    signing = Signing(certificate=certificate, signer=signer, chain=chain)
    tree = _unsigned(form)
    signed = egov.signed_part(tree.getroot())
    part = Part(
        uri=f"#{_quoted(egov.identifier_of(signed))}",
        octets=canonical(signed, _INCLUSIVE),
        transforms=(C14N,),
        media_type=_XML,
    )
    parts = [part, *(_files(files) if files else ())]
    signature = build(signing, parts, None, method=_INCLUSIVE, plain=True)
    egov.put_signature(signed, signature)
    egov.require_form(tree, signature, {signed})
    put_value(signature, signing, _INCLUSIVE)
    return _finished(tree)


def _unsigned(document: bytes) -> Tree:
    tree = parse_xml(document)
    if next(tree.iter(f"{DS}Signature"), None) is not None:
        raise DocumentError("the document is signed already")
    refuse_split_text(tree.getroot(), None)
    return tree


def _files(files: Mapping[str, bytes]) -> list[Part]:
    if not 0 < len(files) < MAX_REFERENCES:
        raise DocumentError(f"{len(files)} files; 1 to {MAX_REFERENCES - 1} are signed")
    if "" in files:
        raise DocumentError("a file without name")
    return [
        Part(uri=_quoted(name), octets=octets, media_type=_OCTETS)
        for name, octets in files.items()
    ]


def _quoted(name: str) -> str:
    try:
        return quote(name, safe=_SAFE)
    except UnicodeEncodeError:
        raise DocumentError(f"no name of a file: {name!r}") from None


def _finished(tree: Tree) -> bytes:
    document = written(tree)
    if len(document) > MAX_XML:
        raise DocumentError("too long to be read as XML again", hint="sign it detached")
    return document
