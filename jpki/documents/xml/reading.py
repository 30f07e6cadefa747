"""XML from strangers: read without following anything, and only so much of it.

A document type is refused before the parser sees it, so there are no entities to
expand or fetch. What canonicalizing would cost is bounded here, once and for all.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any, Final

from lxml import etree

from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "MAX_TEXT",
    "MAX_XML",
    "Element",
    "Tree",
    "children",
    "inert_parser",
    "octets_of",
    "parse_xml",
    "text_of",
    "written",
]

Element = Any
"""An `lxml.etree._Element`; lxml comes without types."""
Tree = Any
"""An `lxml.etree._ElementTree`."""

MAX_XML: Final = 16 << 20
"""Octets of a document. Elements nest 256 deep at most, by libxml2's own limit."""
MAX_TEXT: Final = 10_000_000
"""Octets of one text: another limit of libxml2."""
MAX_ELEMENTS: Final = 100_000
MAX_ATTRIBUTES: Final = 256
"""Of one element. Canonicalizing sorts them by insertion."""
MAX_ALL_ATTRIBUTES: Final = 200_000
MAX_NAMESPACES: Final = 64
"""Declarations in scope at one place."""
MAX_WORK: Final = 20_000_000
"""Depth times declarations in scope, summed over all elements: what it takes to look up
the namespaces that inclusive canonicalization wants to know of every element."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_LONGEST_DECLARATION: Final = 256
_ENCODING: Final = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ENCODINGS: Final = frozenset({"utf-8", "us-ascii", "ascii", "shift_jis", "euc-jp"})
"""In all of them an octet 3C is always a `<`, so that what is looked for before parsing
is what the parser will see. UTF-16 would have to be read twice to know that."""


def parse_xml(document: bytes, *, measured: bool = True) -> Tree:
    """Read a document.

    Args:
        measured: hold it to what canonicalizing it may cost. Who only looks for names
            in it does without, in a tenth of the time.

    Raises:
        DocumentError: not well-formed, with a document type, or too large in some way.
    """
    if len(document) > MAX_XML:
        raise DocumentError(f"an XML document of {len(document)} octets")
    body = document.removeprefix(_BYTE_ORDER_MARK)
    _check_encoding(body)
    if _has_document_type(body):
        raise DocumentError("XML with a document type", fault=DocumentFault.UNSUPPORTED)
    if body.count(b"<") > 4 * MAX_ELEMENTS:
        raise DocumentError(f"more than {MAX_ELEMENTS} elements")
    try:
        tree = etree.fromstring(document, inert_parser()).getroottree()
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise DocumentError(f"not well-formed XML: {_short(error)}") from None
    if tree.docinfo.internalDTD is not None or tree.docinfo.externalDTD is not None:
        raise DocumentError("XML with a document type", fault=DocumentFault.UNSUPPORTED)
    if (tree.docinfo.encoding or "utf-8").lower() not in _ENCODINGS:
        raise _other_encoding(tree.docinfo.encoding)
    if measured:
        _bound(tree.getroot())
    return tree


def inert_parser() -> Any:
    """A parser that loads, expands and fetches nothing; libxml2's limits stay on."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        collect_ids=False,
    )


def written(tree: Tree) -> bytes:
    """The document as octets: UTF-8, with what stands before and after its root."""
    return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True))


def children(element: Element) -> list[Element]:
    """The child elements of an element that holds nothing else but white space.

    Raises:
        DocumentError: there is text, a comment or a processing instruction.
    """
    found = list(element)
    if any(not isinstance(child.tag, str) for child in found):
        raise DocumentError(f"a comment or instruction in {_name(element)}")
    texts = [element.text, *(child.tail for child in found)]
    if any(text and text.strip(" \t\r\n") for text in texts):
        raise DocumentError(f"text in {_name(element)}")
    return found


def text_of(element: Element) -> str:
    """The text of an element that holds text only; never half of one.

    lxml's `text` ends at the first child, and a comment is a child.

    Raises:
        DocumentError: there is anything but text.
    """
    if len(element):
        raise DocumentError(f"more than text in {_name(element)}")
    return element.text or ""


def octets_of(element: Element) -> bytes:
    """What the element's text says in base64.

    Raises:
        DocumentError: not base64, or more than text.
    """
    text = "".join(text_of(element).split())
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise DocumentError(f"not base64 in {_name(element)}") from None


def _check_encoding(body: bytes) -> None:
    if b"\0" in body[:4] or not body.lstrip(_SPACE).startswith(b"<"):
        raise DocumentError("not XML, or in an encoding that is not read here")
    if not body.startswith(b"<?xml"):
        return
    end = body.find(b"?>", 0, _LONGEST_DECLARATION)
    if end < 0:
        raise DocumentError("an XML declaration without end")
    stated = _ENCODING.search(body[:end])
    if stated is not None and stated[1].decode("ascii").lower() not in _ENCODINGS:
        raise _other_encoding(stated[1].decode("ascii"))


def _other_encoding(encoding: str) -> DocumentError:
    return DocumentError(
        f"XML encoded as {encoding}",
        fault=DocumentFault.UNSUPPORTED,
        hint="UTF-8, Shift_JIS and EUC-JP are read",
    )


def _has_document_type(body: bytes) -> bool:
    """Whether one stands before the first element: go over what else may."""
    at = 0
    while True:
        while body[at : at + 1] and body[at] in _SPACE:
            at += 1
        if body.startswith(b"<?", at):
            end, size = body.find(b"?>", at), 2
        elif body.startswith(b"<!--", at):
            end, size = body.find(b"-->", at + 4), 3
        else:
            return body.startswith(b"<!", at)
        if end < 0:
            return False
        at = end + size


def _bound(root: Element) -> None:
    """Count what canonicalizing would have to do, and refuse too much of it."""
    depth = scope = elements = attributes = work = 0
    for event, item in etree.iterwalk(root, ("start", "end", "start-ns", "end-ns")):
        if event == "start-ns":
            scope += 1
            if scope > MAX_NAMESPACES:
                raise DocumentError(f"more than {MAX_NAMESPACES} namespaces in scope")
        elif event == "end-ns":
            scope -= 1
        elif event == "end":
            depth -= 1
        else:
            depth += 1
            elements += 1
            own = len(item.attrib)
            attributes += own
            work += depth * (scope + 1)
            if own > MAX_ATTRIBUTES or attributes > MAX_ALL_ATTRIBUTES:
                raise DocumentError(f"more than {MAX_ATTRIBUTES} attributes")
            if elements > MAX_ELEMENTS:
                raise DocumentError(f"more than {MAX_ELEMENTS} elements")
            if work > MAX_WORK:
                raise DocumentError("too many namespaces, too deep")
    for _ in root.iter(etree.Entity):
        raise DocumentError("a reference to an entity that nothing declares")


def _name(element: Element) -> str:
    return str(etree.QName(element).localname)[:64]


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:120]
