"""What was signed must be what is believed: signature wrapping is refused here.

A digest that is right only says that something in the document was signed. A reader
takes the document for the message, by its root; so the root has to be what was signed,
or the signature has to be the root, or the document has to be of the one form that is
known to be read by its signed part (`jpki.documents.xml.egov`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

from jpki.documents.signature import Content
from jpki.documents.xml import egov
from jpki.documents.xml.properties import QUALIFYING
from jpki.documents.xml.reading import Element, Tree, octets_of, text_of
from jpki.documents.xml.references import Covered
from jpki.documents.xml.signed_info import DS, Signature
from jpki.errors import DocumentError, DocumentFault

__all__ = ["require_coverage"]

_MANIFEST: Final = f"{DS}Manifest"
_BASE64: Final = "http://www.w3.org/2000/09/xmldsig#base64"


def require_coverage(
    tree: Tree, signature: Signature, covered: Sequence[Covered], content: Content
) -> tuple[str, ...]:
    """Hold a document to what its signature covers.

    Returns:
        What the reader should know about parts that are not signed.

    Raises:
        DocumentError: something that would be believed is not covered.
    """
    root = tree.getroot()
    inside = {item.element: item for item in covered if item.element is not None}
    notes: tuple[str, ...] = ()
    # 1. All that the signature carries is covered, but for what qualifies it.
    messages = _objects(signature, inside)
    # 2. The document is what was signed.
    if root is signature.element:
        _nothing_around(tree)
        if not messages and all(item.name is None for item in covered):
            raise _not_covered("the signature is over nothing but itself")
    elif root in inside:
        if not inside[root].whole:
            _nothing_around(tree)
    else:
        notes = egov.require_form(tree, signature.element, inside)
    # 3. All that was handed in is what was signed.
    _handed_in(content, covered, messages)
    return notes


def _objects(signature: Signature, inside: Mapping[Element, Covered]) -> list[Element]:
    """The ds:Object elements that carry a message, each covered."""
    messages: list[Element] = []
    for held in signature.objects:
        parts = list(held)
        if any(part.tag == QUALIFYING for part in parts):
            if len(parts) != 1:
                raise _not_covered("something stands beside the signature's properties")
            continue
        if any(part.tag == _MANIFEST for part in parts):
            raise DocumentError("a Manifest", fault=DocumentFault.UNSUPPORTED)
        alone = len(parts) == 1 and not (held.text or "").strip()
        alone = alone and not (parts[0].tail or "").strip()
        if held not in inside and not (alone and parts[0] in inside):
            raise _not_covered("an Object is not signed")
        if not (alone and parts[0].tag == f"{DS}SignatureProperties"):
            messages.append(held)
    return messages


def _nothing_around(tree: Tree) -> None:
    """Instructions before or after the root, such as a style sheet, are not signed."""
    root = tree.getroot()
    for sibling in (*root.itersiblings(preceding=True), *root.itersiblings()):
        if sibling.tag is etree.PI:
            raise _not_covered("a processing instruction is not signed")


def _handed_in(
    content: Content, covered: Sequence[Covered], messages: Sequence[Element]
) -> None:
    names = {item.name for item in covered if item.name is not None}
    if isinstance(content, Mapping):
        missing = sorted(set(content) - names)
        if missing:
            raise _not_covered(f"{missing[0][:64]!r} is not signed")
        return
    if content is None or names:
        return
    # As with CMS: what is both inside and handed in has to be the same.
    if [_octets(held) for held in messages] != [content]:
        raise _not_covered("the document handed in is not what is signed inside")


def _octets(held: Element) -> bytes | None:
    """The content of an Object that holds no elements."""
    if len(held):
        return None
    if held.get("Encoding") == _BASE64:
        return octets_of(held)
    return text_of(held).encode()


def _not_covered(message: str) -> DocumentError:
    return DocumentError(message, fault=DocumentFault.NOT_COVERED)
