"""Signed documents that cannot be made, read or believed."""

from __future__ import annotations

from enum import StrEnum

from jpki.errors.base import JpkiError

__all__ = ["DocumentError", "DocumentFault"]


class DocumentFault(StrEnum):
    """What is wrong with a document; the verdict's code is `document.` and this."""

    MALFORMED = "malformed"
    """It cannot be read as what it claims to be."""
    NO_SIGNER = "no-signer"
    SEVERAL_SIGNERS = "several-signers"
    NO_SIGNER_CERTIFICATE = "no-signer-certificate"
    ALTERED = "altered"
    """What was signed is not what is there, or the signature value is wrong."""
    NO_CONTENT = "no-content"
    """The signature is detached, and what it is over was not handed in."""
    EXTENDED = "extended"
    """Something that the signature does not cover was added after signing."""
    NOT_COVERED = "not-covered"
    """The signature is over another part than the one that would be believed."""
    ALGORITHMS_DISAGREE = "algorithms-disagree"
    """What the signature says of its algorithms contradicts itself."""
    UNSUPPORTED = "unsupported"
    """A form of signature that nothing here can judge."""


class DocumentError(JpkiError):
    """A signed document cannot be read, made or believed."""

    code = "document"

    def __init__(
        self,
        message: str,
        *,
        fault: DocumentFault = DocumentFault.MALFORMED,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault
