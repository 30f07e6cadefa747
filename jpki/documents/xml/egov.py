"""The forms of electronic applications (e-Gov電子申請) whose signature is over a part.

After e-Gov電子申請システム 外部連携API仕様書 (総務省; now デジタル庁), the document
that lists an application's parts (構成管理情報, `kousei.xml`) is

    <DataRoot>
      <様式ID/> <様式バージョン/> <STYLESHEET/>
      <構成情報 ID="構成情報"> … </構成情報>
      <署名情報> <Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/> </署名情報>
      <その他/>
    </DataRoot>

Its signature is over 構成情報, by its ID, and over the files of the application form,
by their names as URI, percent-encoded. What stands around 構成情報 is not signed; it
says which style sheet shows it, and nothing else may stand there. A request to the
service itself (利用者認証 and others) is

    <DataRoot> <ApplData Id="ApplData"/> <Signature/> </DataRoot>
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from lxml import etree

from jpki.documents.xml.reading import Element, Tree, children, text_of
from jpki.errors import DocumentError, DocumentFault

__all__ = ["identifier_of", "put_signature", "require_form", "signed_part"]

_FORM: Final = "構成情報"
_REQUEST: Final = "ApplData"
_SIGNATURES: Final = "署名情報"
_ROOT: Final = "DataRoot"
_UNSIGNED: Final = ("様式ID", "様式バージョン", "STYLESHEET", "その他")
_LONGEST: Final = 128
"""Characters of what is not signed."""


def signed_part(root: Element) -> Element:
    """The one 構成情報 or ApplData of a form.

    Raises:
        DocumentError: this is no such form.
    """
    found = [child for child in root if child.tag in (_FORM, _REQUEST)]
    if root.tag != _ROOT or len(found) != 1:
        raise DocumentError(
            "a part of the document was signed, not the document",
            fault=DocumentFault.NOT_COVERED,
        )
    return found[0]


def identifier_of(part: Element) -> str:
    """By what a reference names it.

    Raises:
        DocumentError: it has no identifier.
    """
    identifier = part.get("ID" if part.tag == _FORM else "Id")
    if not identifier:
        raise DocumentError(f"{part.tag} without identifier")
    return str(identifier)


def put_signature(part: Element, signature: Element) -> None:
    """Put a signature where the form has it: behind the part that it is over."""
    if part.tag == _FORM:
        holder = etree.Element(_SIGNATURES)
        holder.append(signature)
        part.addnext(holder)
    else:
        part.addnext(signature)


def require_form(
    tree: Tree, signature: Element, inside: Container[Element]
) -> tuple[str, ...]:
    """Hold a form to its published shape, so that nothing in it passes for signed.

    Returns:
        What the reader should know.

    Raises:
        DocumentError: it is not signed, or something stands in it that is not.
    """
    root = tree.getroot()
    part = signed_part(root)
    if part not in inside:
        raise DocumentError(
            f"{part.tag} is not signed", fault=DocumentFault.NOT_COVERED
        )
    try:
        unsigned = _around(root, part, signature)
    except DocumentError as error:
        raise DocumentError(error.message, fault=DocumentFault.NOT_COVERED) from None
    if not unsigned:
        return ()
    return (f"not signed, and not to be relied on: {', '.join(unsigned)}",)


def _around(root: Element, part: Element, signature: Element) -> list[str]:
    if root.attrib:
        raise DocumentError("attributes of the root are not signed")
    request = part.tag == _REQUEST
    unsigned: list[str] = []
    for child in children(root):
        if child is part or (request and child is signature):
            continue
        if child.attrib:
            raise DocumentError(f"attributes of {child.tag} are not signed")
        if child.tag == _SIGNATURES and not request:
            if children(child) != [signature]:
                raise DocumentError(f"{_SIGNATURES} holds more than the signature")
        elif child.tag in _UNSIGNED and child.tag not in unsigned and not request:
            if len(text_of(child)) > _LONGEST:
                raise DocumentError(f"{child.tag} is long, and not signed")
            unsigned.append(child.tag)
        else:
            raise DocumentError(f"{str(child.tag)[:64]} is not signed")
    return unsigned
