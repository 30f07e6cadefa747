"""What a page asks for and gets, as JSON; every member typed, none left over."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from jpki.agent.showing import check_shown, outline, visible
from jpki.documents.login import (
    LoginStatement,
    begins_like_login,
    write_login_statement,
)
from jpki.errors import DocumentError, RequestError
from jpki.model.purposes import Purpose
from jpki.strict_json import Fields, parse_object

__all__ = ["FORMAT", "LANGUAGES", "SignatureRequest", "Signed", "read_request"]

FORMAT: Final = "cms-detached"
LANGUAGES: Final = ("ja", "en")
_MAX_NAME: Final = 100
"""Characters."""
_LANGUAGES: Final = {language: language for language in LANGUAGES}
_PURPOSES: Final = {purpose.value: purpose for purpose in Purpose}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class SignatureRequest:
    """What a page wants signed, and all that is shown of it."""

    origin: str
    """Who asks, as the browser says it."""
    purpose: Purpose
    content: bytes = field(repr=False)
    """What is signed: the page's document, or our own statement around a challenge."""
    name: str
    """Of the document, for people; empty where there is none."""
    media_type: str
    text: str | None = field(repr=False)
    """The document as it is shown; None for a PDF."""
    outline: tuple[tuple[str, str], ...] = field(repr=False)
    """Of XML: element and text, to read more easily."""
    language: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """What the page gets."""

    request: SignatureRequest
    signature: bytes = field(repr=False)
    """CMS SignedData, DER."""

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        answer: dict[str, object] = {
            "purpose": self.request.purpose.value,
            "format": FORMAT,
            "signature": base64.b64encode(self.signature).decode("ascii"),
        }
        if self.request.purpose is Purpose.AUTHENTICATION:
            statement = base64.b64encode(self.request.content)
            answer["statement"] = statement.decode("ascii")
        return answer


def read_request(body: bytes, *, origin: str, language: str) -> SignatureRequest:
    """Read the body of `POST /signatures`.

    Args:
        origin: the page's, which was checked before.
        language: of the confirmation, where the page names none.

    Raises:
        RequestError: malformed.
        DocumentError: not to be signed with this key, or not to be shown.
    """
    fields = Fields(parse_object(body), "the request")
    purpose = fields.need("purpose", str, _one_of(_PURPOSES, "purpose"))
    fields.need("format", str, _one_of({FORMAT: FORMAT}, "format"))
    spoken = fields.take("language", str, _one_of(_LANGUAGES, "language"))
    if purpose is Purpose.AUTHENTICATION:
        challenge = fields.need("challenge", str, _octets)
        statement = LoginStatement(origin=origin, challenge=challenge)
        content = write_login_statement(statement)
        name, media_type = "", "text/plain"
    else:
        content = fields.need("document", str, _octets)
        media_type = fields.need("media_type", str, str)
        name = fields.take("name", str, _name) or ""
        if begins_like_login(content):
            raise DocumentError(
                "a login statement is not signed with the signature key",
                hint='purpose "authentication", and a challenge',
            )
    fields.done()
    return SignatureRequest(
        origin=origin,
        purpose=purpose,
        content=content,
        name=name,
        media_type=media_type,
        text=check_shown(content, media_type),
        outline=outline(content, media_type),
        language=spoken or language,
    )


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _name(text: str) -> str:
    if len(text) > _MAX_NAME:
        raise ValueError
    return visible(text).replace("\n", " ").replace("\t", " ")


def _one_of(known: Mapping[str, T], what: str) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            return known[text]
        except KeyError:
            admitted = ", ".join(known)
            raise RequestError(f"{what} is one of {admitted}") from None

    return read
