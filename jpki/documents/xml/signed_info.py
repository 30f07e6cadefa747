"""What a ds:Signature is made of, read into values (XMLDSIG section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from jpki.documents.xml.algorithms import (
    DIGESTS,
    SignatureAlgorithm,
    signature_algorithm,
)
from jpki.documents.xml.canonical import (
    EXCLUSIVE_C14N,
    Canonicalization,
    canonicalization,
)
from jpki.documents.xml.reading import Element, Tree, children, octets_of
from jpki.errors import DocumentError, DocumentFault
from jpki.model.suites import Digest

__all__ = [
    "DS",
    "ENVELOPED",
    "MAX_REFERENCES",
    "Reference",
    "Signature",
    "find_signature",
    "read_digest",
    "read_signature",
]

DS: Final = "{http://www.w3.org/2000/09/xmldsig#}"
ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
MAX_REFERENCES: Final = 128
MAX_CERTIFICATES: Final = 64
MAX_PREFIXES: Final = 64

_INCLUSIVE: Final = f"{{{EXCLUSIVE_C14N}}}InclusiveNamespaces"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """One thing that is signed, by its digest (4.4.3)."""

    uri: str | None
    type: str | None
    enveloped: bool
    """Without the signature that stands in it."""
    method: Canonicalization | None
    """None where nothing says how: octets as they are, or Canonical XML 1.0."""
    digest: Digest
    value: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """A ds:Signature, not checked yet."""

    element: Element
    signed_info: Element
    method: Canonicalization
    """Of SignedInfo."""
    algorithm: SignatureAlgorithm
    references: tuple[Reference, ...]
    value_element: Element
    value: bytes = field(repr=False)
    key_info: Element | None
    certificates: tuple[bytes, ...] = field(repr=False)
    """X509Certificate, as the sender put them in; nobody vouches for them."""
    crls: tuple[bytes, ...] = field(repr=False)
    objects: tuple[Element, ...]

    @property
    def id(self) -> str | None:
        """The Id attribute."""
        found = self.element.get("Id")
        return None if found is None else str(found)


def find_signature(tree: Tree) -> Element:
    """The one ds:Signature of a document, wherever it stands.

    Raises:
        DocumentError: there is none, or more than one.
    """
    found = list(tree.iter(f"{DS}Signature"))
    if not found:
        raise DocumentError("XML without a signature", fault=DocumentFault.NO_SIGNER)
    if len(found) > 1:
        raise DocumentError(
            f"{len(found)} signatures", fault=DocumentFault.SEVERAL_SIGNERS
        )
    return found[0]


def read_signature(element: Element) -> Signature:
    """Read a ds:Signature.

    Raises:
        DocumentError: not of this structure, or with an algorithm that is not known.
    """
    rest = children(element)
    signed_info = _take(rest, "SignedInfo")
    value = _take(rest, "SignatureValue")
    key_info = rest.pop(0) if rest and rest[0].tag == f"{DS}KeyInfo" else None
    if any(child.tag != f"{DS}Object" for child in rest):
        raise DocumentError("an unknown element in Signature")

    parts = children(signed_info)
    c14n = _take(parts, "CanonicalizationMethod")
    method = _canonicalization(c14n)
    if method is None:
        raise DocumentError(
            "SignedInfo is canonicalized in an unknown way",
            fault=DocumentFault.UNSUPPORTED,
        )
    signing = _take(parts, "SignatureMethod")
    algorithm = signature_algorithm(_algorithm(signing))
    if children(signing):
        raise DocumentError(
            "parameters of a signature algorithm", fault=DocumentFault.UNSUPPORTED
        )
    if not 0 < len(parts) <= MAX_REFERENCES:
        raise DocumentError(f"{len(parts)} references; 1 to {MAX_REFERENCES} are read")
    certificates, crls = _key_info(key_info)
    return Signature(
        element=element,
        signed_info=signed_info,
        method=method,
        algorithm=algorithm,
        references=tuple(_reference(part) for part in parts),
        value_element=value,
        value=octets_of(value),
        key_info=key_info,
        certificates=certificates,
        crls=crls,
        objects=tuple(rest),
    )


def read_digest(method: Element, value: Element) -> tuple[Digest, bytes]:
    """A DigestMethod and the DigestValue beside it.

    Raises:
        DocumentError: not these, or an unknown algorithm.
    """
    if (method.tag, value.tag) != (f"{DS}DigestMethod", f"{DS}DigestValue"):
        raise DocumentError("not DigestMethod and DigestValue")
    uri = _algorithm(method)
    if uri not in DIGESTS or children(method):
        raise DocumentError(
            f"digest algorithm {uri[:128]}", fault=DocumentFault.UNSUPPORTED
        )
    return DIGESTS[uri], octets_of(value)


def _reference(element: Element) -> Reference:
    if element.tag != f"{DS}Reference":
        raise DocumentError("SignedInfo holds more than references")
    parts = children(element)
    transforms: list[Element] = []
    if parts and parts[0].tag == f"{DS}Transforms":
        transforms = children(parts.pop(0))
    if len(parts) != 2:
        raise DocumentError("a Reference without digest")
    digest, value = read_digest(*parts)
    enveloped, method = _transforms(transforms)
    return Reference(
        uri=element.get("URI"),
        type=element.get("Type"),
        enveloped=enveloped,
        method=method,
        digest=digest,
        value=value,
    )


def _transforms(elements: list[Element]) -> tuple[bool, Canonicalization | None]:
    """Leaving out the signature, then canonicalizing; each may be missing.

    Whatever else could be done on the way (XSLT, XPath, base64) makes what is signed
    another thing than what is there, and is refused (XMLDSIG 8.1.1 and 8.1.2).
    """
    rest, enveloped, method = list(elements), False, None
    if any(element.tag != f"{DS}Transform" for element in rest):
        raise DocumentError("Transforms holds something else")
    if rest and _algorithm(rest[0]) == ENVELOPED:
        if children(rest.pop(0)):
            raise DocumentError("parameters of the enveloped-signature transform")
        enveloped = True
    if rest:
        method = _canonicalization(rest[0])
        if method is not None:
            rest.pop(0)
    if rest:
        raise DocumentError(
            f"transform {_algorithm(rest[0])[:128]}", fault=DocumentFault.UNSUPPORTED
        )
    return enveloped, method


def _canonicalization(element: Element) -> Canonicalization | None:
    """The method that an element names; InclusiveNamespaces is all it may be told."""
    uri = _algorithm(element)
    if canonicalization(uri) is None:
        return None
    parameters = children(element)
    if not parameters:
        return canonicalization(uri)
    (first, *others) = parameters
    if (
        others
        or first.tag != _INCLUSIVE
        or children(first)
        or not uri.startswith(EXCLUSIVE_C14N)
    ):
        raise DocumentError("parameters of a canonicalization")
    prefixes = str(first.get("PrefixList", "")).split()
    if len(prefixes) > MAX_PREFIXES:
        raise DocumentError(f"{len(prefixes)} inclusive namespaces")
    return canonicalization(uri, prefixes)


def _key_info(element: Element | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Certificates and CRLs in X509Data. A bare key says nothing about whose it is."""
    if element is None:
        return (), ()
    found: dict[str, list[bytes]] = {"X509Certificate": [], "X509CRL": []}
    for data in children(element):
        if data.tag != f"{DS}X509Data":
            continue
        for item in children(data):
            name = str(item.tag).removeprefix(DS)
            if name in found:
                found[name].append(octets_of(item))
    if any(len(items) > MAX_CERTIFICATES for items in found.values()):
        raise DocumentError(f"more than {MAX_CERTIFICATES} certificates")
    return tuple(found["X509Certificate"]), tuple(found["X509CRL"])


def _take(elements: list[Element], name: str) -> Element:
    if not elements or elements[0].tag != f"{DS}{name}":
        raise DocumentError(f"{name} is not where it belongs")
    return elements.pop(0)


def _algorithm(element: Element) -> str:
    uri = element.get("Algorithm")
    if uri is None:
        raise DocumentError("a method without Algorithm")
    return str(uri)
