"""Textual encodings of DER (RFC 7468)."""

from __future__ import annotations

import base64
import re
from typing import Final

from jpki.errors import EncodingError

__all__ = ["ders", "pem"]

_WIDTH: Final = 64
_BLOCK: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*)-----END \1-----"
)


def pem(der: bytes, label: str) -> bytes:
    """One labelled block, such as `CERTIFICATE` or `X509 CRL`."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    frame = [f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]
    return "\n".join(frame).encode("ascii")


def ders(content: bytes, label: str) -> list[bytes]:
    """The DER of every block with this label; what is no PEM is taken for one DER.

    Raises:
        EncodingError: a block is not base64.
    """
    if content[:1] == b"\x30" or b"-----BEGIN " not in content:
        return [content]
    found = []
    for block in _BLOCK.finditer(content):
        if block[1].decode("ascii") == label:
            try:
                found.append(
                    base64.b64decode(b"".join(block[2].split()), validate=True)
                )
            except ValueError:
                raise EncodingError(f"a {label} block is not base64") from None
    return found
