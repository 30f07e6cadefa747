"""Which kind of document is this, and is its signature right? One door for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Final

from jpki.documents.signature import CheckedSignature, Content, Kind
from jpki.errors import DocumentError, DocumentFault

__all__ = ["check_document", "is_archive", "kind_of"]

_PDF: Final = b"%PDF-"
_WITHIN: Final = 1024
"""ISO 32000-1 Annex H, note 13: readers look for the header in the first octets."""
_PEM: Final = b"-----BEGIN "
_ZIP: Final = b"PK\x03\x04"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CHECKS: Final = {
    Kind.CMS: ("jpki.documents.cms_check", "check_cms"),
    Kind.XML: ("jpki.documents.xml.check", "check_xml"),
    Kind.PDF: ("jpki.documents.pdf.check", "check_pdf"),
}
"""Loaded when needed: each brings libraries that the others do without."""


def kind_of(document: bytes) -> Kind:
    """The kind, by how the document begins.

    Raises:
        DocumentError: it begins like none of them.
    """
    if document.startswith(b"\x30") or document.lstrip().startswith(_PEM):
        return Kind.CMS
    if document.removeprefix(_BYTE_ORDER_MARK).lstrip(b" \t\r\n").startswith(b"<"):
        return Kind.XML
    if _PDF in document[:_WITHIN]:
        return Kind.PDF
    raise DocumentError(
        "neither CMS (DER, BER or PEM), PDF nor XML",
        hint="a detached signature is given beside its document",
    )


def is_archive(octets: bytes) -> bool:
    """Whether it begins like a ZIP archive: files, which may be an application."""
    return octets.startswith(_ZIP)


def check_document(document: bytes, content: Content = None) -> CheckedSignature:
    """Check the one signature on a document, of whatever kind.

    Args:
        document: the signature, or the document with its signature inside.
        content: what was signed, where it is not inside.

    Raises:
        DocumentError: there is none, or it is wrong; `fault` says how.
        EncodingError: what should be DER is not.
    """
    return _check_of(kind_of(document))(document, content)


_Check = Callable[[bytes, Content], CheckedSignature]


@cache
def _check_of(kind: Kind) -> _Check:
    if kind not in _CHECKS:
        raise DocumentError(
            f"{kind.value} cannot be judged here", fault=DocumentFault.UNSUPPORTED
        )
    module, name = _CHECKS[kind]
    try:
        check: _Check = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise DocumentError(
            f"{kind.value} cannot be judged here: {error.name} is not installed",
            fault=DocumentFault.UNSUPPORTED,
            hint=f"pip install 'jpki[{kind.value}]'",
        ) from None
    return check
