"""Header fields of the pages that programs here show to people.

A page has its one style inside, is framed by nobody, and loads nothing from elsewhere;
it has no script unless it says so. The browser holds it to that.
"""

from __future__ import annotations

import base64
import hashlib

__all__ = ["page_fields"]


def page_fields(
    style: str, language: str, *, scripted: str | None = None
) -> tuple[tuple[str, str], ...]:
    """All but Content-Type and Content-Length.

    Args:
        style: the text between `<style>` and `</style>`.
        language: of the page, as in BCP 47.
        scripted: the one address elsewhere that scripts of the page's own origin may
            speak to; None for a page without script.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    if scripted is not None:
        policy += f"; script-src 'self'; connect-src 'self' {scripted}"
    return (
        ("Content-Language", language),
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        # Not `no-referrer`: with it browsers say `Origin: null` of a page's own forms.
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    )
