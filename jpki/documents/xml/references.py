"""What a reference points at, and whether its digest is of that (XMLDSIG 4.4.3, 3.2.1).

Nothing is fetched: what is outside the document is what the caller handed in.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes

from lxml import etree

from jpki.documents.signature import Content
from jpki.documents.xml.canonical import C14N, Canonicalization, canonical
from jpki.documents.xml.reading import Element, Tree, parse_xml
from jpki.documents.xml.signed_info import (
    Reference,
    Signature,
    find_signature,
    read_signature,
)
from jpki.errors import DocumentError, DocumentFault

__all__ = ["Covered", "References", "names_outside", "refuse_split_text"]

_NOT_COVERED: Final = DocumentFault.NOT_COVERED
_DEFAULT: Final = Canonicalization(algorithm=C14N)
MAX_CANONICALIZED: Final = 16
"""Files that are signed as XML, and have to be read for that."""
MAX_REFERRED: Final = 128 << 20
"""Octets of the document, as often as something in it is referred to: parts may lie in
one another, and each is canonicalized."""
_ONLY: Final = ""
"""The name of what was handed in without one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Covered:
    """One thing that is there as it was signed."""

    uri: str | None
    type: str | None
    octets: bytes = field(repr=False)
    """What the digest is of."""
    element: Element | None = None
    """Where it is inside the document: this element, with all below it."""
    whole: bool = False
    """The document, with what stands before and after its root."""
    name: str | None = None
    """Where it was handed in: under this name; empty where it came without one."""


class References:
    """The references of one signature, resolved against its document and content."""

    def __init__(
        self, document: bytes, tree: Tree, signature: Signature, content: Content
    ) -> None:
        self._document = document
        self._tree = tree
        self._signature = signature
        self._content = content
        self._named = _by_id(tree)
        self._canonicalized = 0
        self._found: tuple[Covered, ...] | None = None
        self._archived: dict[str, bytes] = {}

    def check(self) -> tuple[Covered, ...]:
        """All of them, in order.

        Raises:
            DocumentError: one is not there, is ambiguous, or is not what was signed.
        """
        if self._found is not None:
            return self._found
        inside = [each for each in self._signature.references if _is_inside(each)]
        if len(inside) * len(self._document) > MAX_REFERRED:
            raise DocumentError(f"{len(inside)} references within a large document")
        found: list[Covered] = []
        seen: set[object] = set()
        for reference in self._signature.references:
            covered = self._covered(reference)
            # Nobody signs a thing twice; whoever writes it a hundred times wants it
            # canonicalized a hundred times.
            mark = id(covered.element) if covered.element is not None else covered.name
            if mark in seen:
                raise DocumentError("two references to the same thing")
            seen.add(mark)
            found.append(covered)
        self._found = tuple(found)
        return self._found

    def archived(self, algorithm: str) -> bytes:
        """All that is referred to, in order, as an archive timestamp is over it.

        Octets are as they were signed. Where a reference ends in nodes, because it says
        nothing about canonicalizing them, the timestamp's own method makes them octets
        (EN 319 132-1 5.5.2.2, step 2).

        Args:
            algorithm: the timestamp's canonicalization; nodes come without comments.

        Raises:
            DocumentError: as `check`.
        """
        if algorithm not in self._archived:
            default = Canonicalization(algorithm=algorithm)
            pairs = zip(self._signature.references, self.check(), strict=True)
            self._archived[algorithm] = b"".join(
                covered.octets
                if covered.element is None or reference.method is not None
                else self._inside(reference, default)[1]
                for reference, covered in pairs
            )
        return self._archived[algorithm]

    def _covered(self, reference: Reference) -> Covered:
        uri = reference.uri
        name: str | None = None
        element: Element | None = None
        if _is_inside(reference):
            element, octets = self._inside(reference)
        else:
            name, octets = self._outside(reference)
        digest = hashlib.new(reference.digest.value, octets).digest()
        if not hmac.compare_digest(digest, reference.value):
            raise DocumentError(
                f"{_shown(uri)} is not what was signed", fault=DocumentFault.ALTERED
            )
        return Covered(
            uri=uri,
            type=reference.type,
            octets=octets,
            element=element,
            whole=uri == "",
            name=name,
        )

    # -- outside ----------------------------------------------------------------------

    def _outside(self, reference: Reference) -> tuple[str, bytes]:
        if reference.enveloped:
            raise DocumentError("a signature cannot stand in what is elsewhere")
        name, octets = self._handed_in(reference.uri)
        if reference.method is not None:
            self._canonicalized += 1
            if self._canonicalized > MAX_CANONICALIZED:
                raise DocumentError(f"more than {MAX_CANONICALIZED} files as XML")
            tree = parse_xml(octets)
            if not reference.method.comments:
                refuse_split_text(tree.getroot(), None)
            octets = canonical(tree, reference.method)
        return name, octets

    def _handed_in(self, uri: str | None) -> tuple[str, bytes]:
        content = self._content
        if isinstance(content, bytes):
            outside = [
                other for other in self._signature.references if not _is_inside(other)
            ]
            if len(outside) == 1:
                return _ONLY, content
        elif content is not None and uri is not None:
            for name in (uri, _decoded(uri)):
                if name in content:
                    return name, content[name]
        raise DocumentError(
            f"{_shown(uri)} is signed, and was not handed in",
            fault=DocumentFault.NO_CONTENT,
        )

    # -- inside -----------------------------------------------------------------------

    def _inside(
        self, reference: Reference, default: Canonicalization = _DEFAULT
    ) -> tuple[Element, bytes]:
        uri = reference.uri or ""
        root = self._tree.getroot()
        element = self._target(uri[1:]) if uri else root
        # Comments are not part of what such a URI means (4.4.3.3), whatever is said
        # about canonicalizing it.
        stated = reference.method or default
        method = Canonicalization(algorithm=stated.algorithm, prefixes=stated.prefixes)
        signature = self._signature.element
        refuse_split_text(element, signature if reference.enveloped else None)
        if not reference.enveloped:
            return element, canonical(element if uri else self._tree, method)
        if element is not root or signature is root:
            raise DocumentError(
                "enveloped in something other than the document",
                fault=DocumentFault.NOT_COVERED,
            )
        # Taken out of a copy: an element that moves takes namespaces along.
        copy = parse_xml(self._document)
        _remove(find_signature(copy))
        return element, canonical(copy.getroot() if uri else copy, method)

    def _target(self, fragment: str) -> Element:
        if fragment.startswith("xpointer("):
            raise DocumentError("an XPointer", fault=DocumentFault.UNSUPPORTED)
        found = self._named.get(_decoded(fragment), [])
        if len(found) != 1:
            raise DocumentError(
                f"{len(found)} elements are called {fragment[:64]!r}",
                fault=_NOT_COVERED,
            )
        return found[0]


def _is_inside(reference: Reference) -> bool:
    """Whether it is to the document, or to something in it (4.4.3.2)."""
    uri = reference.uri
    return uri is not None and (uri == "" or uri.startswith("#"))


def names_outside(document: bytes) -> tuple[str, ...]:
    """What the signature of a document is over besides the document itself.

    Decoded names of files, or URIs, by which `Content` may hand them in; empty where
    all is inside. Nothing is checked.

    Raises:
        DocumentError: there is not one readable signature.
    """
    signature = read_signature(find_signature(parse_xml(document, measured=False)))
    uris = (reference.uri for reference in signature.references)
    return tuple(_decoded(uri) for uri in uris if uri and not uri.startswith("#"))


def refuse_split_text(element: Element, signature: Element | None) -> None:
    """No comment stands in a text: what stands behind it would not be read by many.

    Canonical XML leaves comments out, so anyone can put one into a name that was
    signed, and half of the readers then see half of the name.

    Raises:
        DocumentError: one does.
    """
    within = set() if signature is None else set(signature.iter(etree.Comment))
    for comment in element.iter(etree.Comment):
        before = comment.getprevious()
        parent = comment.getparent()
        if parent is None or comment is element:
            continue
        text = parent.text if before is None else before.tail
        if not (text or "").strip() and not (comment.tail or "").strip():
            continue
        if comment in within:
            continue
        raise DocumentError("a comment inside a text", fault=_NOT_COVERED)


def _by_id(tree: Tree) -> Mapping[str, list[Element]]:
    """Elements by what an attribute Id, ID or id in any namespace says.

    Which of them is an identifier a document type would say, and there is none; so they
    all are, and none may be taken for another.
    """
    found: defaultdict[str, list[Element]] = defaultdict(list)
    for element in tree.iter("*"):
        names = {
            value
            for name, value in element.attrib.items()
            if name.rpartition("}")[2].lower() == "id"
        }
        for value in names:
            found[value].append(element)
    return found


def _remove(signature: Element) -> None:
    """Take an element out of the tree, and leave the text that follows it."""
    parent, before, tail = (
        signature.getparent(),
        signature.getprevious(),
        signature.tail,
    )
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    parent.remove(signature)


def _decoded(uri: str) -> str:
    try:
        return unquote_to_bytes(uri).decode()
    except UnicodeDecodeError:
        return uri


def _shown(uri: str | None) -> str:
    return "the content" if not uri else repr(uri[:64])
