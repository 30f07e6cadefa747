"""Textual encodings of DER (RFC 7468)."""

from __future__ import annotations

import base64

__all__ = ["pem"]

_WIDTH = 64


def pem(der: bytes, label: str) -> bytes:
    """One labelled block, such as `CERTIFICATE` or `X509 CRL`."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    frame = [f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]
    return "\n".join(frame).encode("ascii")
