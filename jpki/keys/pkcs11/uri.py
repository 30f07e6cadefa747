"""URIs of tokens and of keys on them (RFC 7512), read strictly.

A key's URI stands in the books and in error messages, so it never holds a PIN: it may
name the file that does (`pin-source`). Where the module and that file are is the
business of one machine; `PKCS11URI.key` leaves both out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from jpki.errors import KeyProviderError

__all__ = ["PKCS11URI", "SCHEME", "parse_pkcs11_uri"]

SCHEME: Final = "pkcs11:"

_MAX_URI: Final = 1024
_FIELDS: Final = {
    "token": "token",
    "manufacturer": "manufacturer",
    "serial": "serial",
    "model": "model",
    "object": "label",
    "id": "id",
    "type": "type",
}
_QUERY: Final = {"module-path": "module_path", "pin-source": "pin_source"}
# pk11-pchar and pk11-qchar: unreserved, the sub-delimiters that do not separate
# attributes, and percent-encoded octets.
_PATH_VALUE: Final = re.compile(
    r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*"
)
_QUERY_VALUE: Final = re.compile(
    r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*"
)
_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:@"
)
_EXAMPLE: Final = "pkcs11:token=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so"


@dataclass(frozen=True, kw_only=True, slots=True)
class PKCS11URI:
    """What a URI says about a token, an object on it, and how to reach both."""

    token: str | None = None
    """The token's label."""
    manufacturer: str | None = None
    serial: str | None = None
    model: str | None = None
    label: str | None = None
    """CKA_LABEL; the attribute is called `object`."""
    id: bytes | None = None
    """CKA_ID."""
    type: str | None = None
    """Only `private` names what we open."""
    module_path: Path | None = None
    """The shared library that speaks to the token."""
    pin_source: Path | None = None
    """A file whose first line is the PIN."""

    @property
    def names_token(self) -> bool:
        """Whether anything here tells one token from another."""
        return any((self.token, self.manufacturer, self.serial, self.model))

    def key(self, label: str) -> PKCS11URI:
        """The URI of a private key on this token, as the books have it."""
        return replace(
            self,
            label=label,
            id=None,
            type="private",
            module_path=None,
            pin_source=None,
        )

    def __str__(self) -> str:
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        path = ";".join(
            f"{name}={_encode(parts[field])}"
            for name, field in _FIELDS.items()
            if parts[field] is not None
        )
        query = "&".join(
            f"{name}={_encode(str(parts[field]), also=b'/')}"
            for name, field in _QUERY.items()
            if parts[field] is not None
        )
        return f"{SCHEME}{path}{'?' if query else ''}{query}"


def parse_pkcs11_uri(text: str) -> PKCS11URI:
    """Read a URI that names a token, and perhaps an object on it.

    Attributes that we do not match by are refused rather than ignored: a URI that says
    more than we heed could open another key than its author meant.

    Raises:
        KeyProviderError: malformed, repeated, unknown or unsupported attributes, or
            one that carries a PIN.
    """
    if not text.startswith(SCHEME):
        raise _refusal("does not begin with pkcs11:")
    if len(text) > _MAX_URI:
        raise _refusal(f"is longer than {_MAX_URI} characters")
    path, asks, query = text.removeprefix(SCHEME).partition("?")
    if asks and not query:
        raise _refusal("ends in an empty query")
    values: dict[str, bytes] = {}
    for part in path.split(";") if path else ():
        _read(part, _FIELDS, _PATH_VALUE, values)
    for part in query.split("&") if query else ():
        _read(part, _QUERY, _QUERY_VALUE, values)
    kind = values.get("type")
    if kind is not None and kind != b"private":
        raise _refusal("type: only private keys sign")
    return PKCS11URI(
        token=_text(values, "token"),
        manufacturer=_text(values, "manufacturer"),
        serial=_text(values, "serial"),
        model=_text(values, "model"),
        label=_text(values, "label"),
        id=values.get("id"),
        type=_text(values, "type"),
        module_path=_path(values, "module_path"),
        pin_source=_path(values, "pin_source"),
    )


def _read(
    part: str,
    known: dict[str, str],
    admitted: re.Pattern[str],
    values: dict[str, bytes],
) -> None:
    name, equals, value = part.partition("=")
    if name in ("pin-value", "x-pin-value"):
        raise KeyProviderError(
            "the URI of a key must not hold the PIN: URIs are logged and shown",
            hint="write the PIN to a file of mode 0600 and name it as pin-source",
        )
    if name not in known:
        # The value is not repeated: it could be a secret in the wrong place.
        raise _refusal(f"attribute {name[:40]!r} is not supported here")
    if not equals or not value or admitted.fullmatch(value) is None:
        raise _refusal(f"attribute {name!r} has no readable value")
    if known[name] in values:
        raise _refusal(f"attribute {name!r} stands twice")
    values[known[name]] = unquote_to_bytes(value)


def _text(values: dict[str, bytes], name: str) -> str | None:
    octets = values.get(name)
    if octets is None:
        return None
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise _refusal(f"{name} is not UTF-8") from None
    if "\0" in text:
        raise _refusal(f"{name} holds a null character")
    return text


def _path(values: dict[str, bytes], name: str) -> Path | None:
    text = _text(values, name)
    if text is None:
        return None
    # RFC 7512 2.4: pin-source may be a file: URI; a program after "|" is never run.
    path = Path(text.removeprefix("file://").removeprefix("file:"))
    if not path.is_absolute():
        raise _refusal(f"{name.replace('_', '-')} is not the absolute path of a file")
    return path


def _encode(value: str | bytes, *, also: bytes = b"") -> str:
    if isinstance(value, bytes):
        return "".join(f"%{octet:02X}" for octet in value)
    return "".join(
        chr(octet) if octet in _PLAIN or octet in also else f"%{octet:02X}"
        for octet in value.encode("utf-8")
    )


def _refusal(reason: str) -> KeyProviderError:
    return KeyProviderError(f"a PKCS #11 URI that {reason}", hint=f"write {_EXAMPLE}")
