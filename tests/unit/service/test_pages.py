"""The header fields of pages."""

from __future__ import annotations

import base64
import hashlib

from jpki.service.pages import page_fields


def _policy(fields: tuple[tuple[str, str], ...]) -> dict[str, str]:
    parts = dict(fields)["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_a_page_may_do_what_it_does_and_no_more() -> None:
    """Its one style by digest (CSP 3), its own forms, nothing else."""
    digest = base64.b64encode(hashlib.sha256(b"p{margin:0}").digest()).decode()
    assert _policy(page_fields("p{margin:0}", "ja")) == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_script_speaks_to_one_address_elsewhere() -> None:
    """And is of the page's own origin."""
    policy = _policy(page_fields("", "en", scripted="http://127.0.0.1:8410"))
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self' http://127.0.0.1:8410"


def test_no_field_stands_twice() -> None:
    """Browsers would take the one or the other."""
    names = [name for name, _ in page_fields("", "ja")]
    assert len({name.lower() for name in names}) == len(names)
