"""Canonical XML: one sequence of octets for all ways to write the same (W3C).

libxml2 does the work, through lxml. What a part of a document inherits from above it,
namespaces and attributes of the `xml:` namespace (Canonical XML 1.0 and 1.1, section
2.4), is seen to here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from jpki.documents.xml.reading import Element, Tree, inert_parser
from jpki.errors import DocumentError, DocumentFault

__all__ = [
    "C14N",
    "C14N_11",
    "EXCLUSIVE_C14N",
    "Canonicalization",
    "canonical",
    "canonicalization",
]

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
EXCLUSIVE_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"

_METHODS: Final = {
    C14N: (C14N, False),
    C14N_11: (C14N_11, False),
    EXCLUSIVE_C14N: (EXCLUSIVE_C14N, False),
    f"{C14N}#WithComments": (C14N, True),
    f"{C14N_11}#WithComments": (C14N_11, True),
    f"{EXCLUSIVE_C14N}WithComments": (EXCLUSIVE_C14N, True),
}
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_BASE: Final = f"{_XML}base"


@dataclass(frozen=True, kw_only=True, slots=True)
class Canonicalization:
    """One of the methods, with what it may be told."""

    algorithm: str
    """Without `#WithComments`."""
    comments: bool = False
    prefixes: tuple[str, ...] = ()
    """InclusiveNamespaces/@PrefixList, of the exclusive method only."""


def canonicalization(uri: str, prefixes: Sequence[str] = ()) -> Canonicalization | None:
    """The method of this identifier; None if it is none of them."""
    if uri not in _METHODS:
        return None
    algorithm, comments = _METHODS[uri]
    return Canonicalization(
        algorithm=algorithm, comments=comments, prefixes=tuple(prefixes)
    )


def canonical(node: Element | Tree, method: Canonicalization) -> bytes:
    """The canonical octets of an element with all below it, or of a whole document.

    Raises:
        DocumentError: there is no canonical form, such as of relative namespaces.
    """
    try:
        alone = _alone(node, method) if hasattr(node, "tag") else node
        return bytes(
            etree.tostring(
                alone,
                method="c14n",
                exclusive=method.algorithm == EXCLUSIVE_C14N,
                with_comments=method.comments,
                inclusive_ns_prefixes=list(method.prefixes) or None,
            )
        )
    except (etree.LxmlError, ValueError) as error:
        raise DocumentError(f"no canonical form: {error}"[:160]) from None


def _alone(element: Element, method: Canonicalization) -> Tree:
    """The element as a document of its own, with what it inherits written on it.

    Where it stands, libxml2 finds two declarations for a namespace from above, the
    ancestor's and lxml's copy on the element, and takes neither for the other.
    """
    octets = etree.tostring(element, encoding="UTF-8", with_tail=False)
    copy = etree.fromstring(octets, inert_parser())
    if method.algorithm != EXCLUSIVE_C14N:
        for name, value in _inherited(element, method.algorithm).items():
            copy.set(name, value)
    return copy.getroottree()


def _inherited(element: Element, algorithm: str) -> dict[str, str]:
    inherited: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith(_XML) and name not in element.attrib:
                inherited.setdefault(name, value)
    if algorithm == C14N_11:
        if _BASE in inherited:
            # 1.1 joins the addresses of all levels; nobody signs such documents.
            raise DocumentError(
                "xml:base above what was signed", fault=DocumentFault.UNSUPPORTED
            )
        inherited.pop(f"{_XML}id", None)
    return inherited
