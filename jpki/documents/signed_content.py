"""What a CMS signature is over: inside of it, handed in, or both and the same."""

from __future__ import annotations

from jpki.documents.signature import Content
from jpki.documents.signed_data import SignedDocument
from jpki.errors import DocumentError, DocumentFault

__all__ = ["content_of"]


def content_of(signed: SignedDocument, content: Content) -> bytes:
    """What was signed; where it is both inside and handed in, the two are the same.

    Raises:
        DocumentError: it is nowhere, or in two forms.
    """
    if content is not None and not isinstance(content, bytes):
        if len(content) != 1:
            raise DocumentError(
                "a CMS signature is over one document", fault=DocumentFault.NO_CONTENT
            )
        (content,) = content.values()
    if content is None and signed.content is None:
        raise DocumentError("the signature is detached", fault=DocumentFault.NO_CONTENT)
    if content is None:
        content = signed.content
    elif signed.content is not None and signed.content != content:
        raise DocumentError("another content is inside", fault=DocumentFault.ALTERED)
    assert content is not None
    return content
